#ifndef LEVERET_IO_LOG_REPEATS_H
#define LEVERET_IO_LOG_REPEATS_H

#include "core/settings/config.h"

#include <stdbool.h>
#include <stdint.h>

/* Counts how often the same error is logged, to hold back what nobody would read. Bounded: the oldest is
 * forgotten. */

enum { LOG_REPEATS_MAX = 32, LOG_REPEAT_LIMIT = 20, LOG_REPEAT_WINDOW_MS = 10000, LOG_REPEAT_TEXT_MAX = 128 };

struct log_repeat {
        char event[LOG_REPEAT_TEXT_MAX], error[LOG_REPEAT_TEXT_MAX]; /* "" event: free */
        enum log_level level;
        int64_t since_ms;
        uint64_t count; /* in this window */
};

struct log_repeats {
        struct log_repeat items[LOG_REPEATS_MAX];
};

/* Counts one; true if it may be written. */
bool log_repeats_count(struct log_repeats *repeats, enum log_level level, const char *event,
                       const char *error, int64_t now_ms);
/* An entry whose window is over and of which something was held back, copied to `over` and removed; false if
 * none is left. The number held back is `over->count - LOG_REPEAT_LIMIT`. Entries with nothing to tell are
 * removed too. */
bool log_repeats_take(struct log_repeats *repeats, int64_t now_ms, struct log_repeat *over);

#endif
