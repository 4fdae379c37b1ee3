#ifndef LEVERET_IO_LOG_H
#define LEVERET_IO_LOG_H

#include "core/memory/slice.h"
#include "core/settings/config.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The log: one line an event on stderr, JSON or, on a terminal, text. There is one log in a process; every
 * function may be called from any thread. It never blocks and never fails the caller: a line that cannot be
 * written at once (closed pipe, full disk, stalled reader) is dropped and counted. SIGPIPE must be ignored.
 */

enum { LOG_VALUE_MAX = 256, LOG_LINE_MAX = 4096 };

/* What an event says; all borrowed, what is unset is left out. Values are masked (core/address/mask.h) and
 * cut to 256 bytes. */
struct log_fields {
        const char *event; /* the kind of event, one word: "job_done"; required */
        const char *msg;   /* a sentence for people */
        const char *queue, *outlet, *outcome, *reason, *error;
        struct slice type, id, correlation_id, app_id, subject, trace_id;
        struct slice message_id; /* as it came, if it is no usable id */
        bool has_attempt, has_duration;
        int64_t attempt, duration_ms;
};

/* Where and how to write; `now_ms` is a monotonic clock, NULL: that of the machine. */
struct log_options {
        int fd;
        enum log_level level;
        enum log_format format;
        int64_t (*now_ms)(void);
};

/* Starts logging to stderr as configured and registers every secret of the configuration. Call again after a
 * reload: level, format and secrets are taken over, secrets known before stay known. Before the first call:
 * info, auto, stderr. */
void log_open(const struct config *config);
void log_open_with(const struct log_options *options);
/* Writes the summaries of what was suppressed and forgets secrets, worker and options. */
void log_close(void);

/* The name of this worker in every line; at most 63 bytes. */
void log_worker(const char *worker);
/* From now on this text is shown as ***. Ignored below 4 bytes. Copied; of more than 64 the oldest is
 * forgotten. */
void log_redact(const char *secret);
/* All secrets of a configuration, of URLs with credentials the password; not the default passwords, which all
 * know. */
void log_redact_config(const struct config *config);

/* A text as a line would show it: mask_text() with the secrets that are known. */
size_t log_mask(char *out, size_t size, struct slice text);

/* Would a line of that level be written? Cheap; ask before formatting anything. */
bool log_enabled(enum log_level level);
/*
 * Writes a line if the level is enabled. The same event with the same error more than 20 times in 10 s is
 * held back; when the 10 s are over, a line of the same event and error tells how often (`repeated`).
 */
void log_event(enum log_level level, const struct log_fields *fields);

/* While batching, lines below warn wait for log_flush, for the next line of warn or error, or until 4 KiB of
 * them have come together: a write for each line costs more than the line. The loop flushes before it sleeps.
 */
void log_batch(bool batching);
void log_flush(void);

/* Writes the summaries that are due and tells of lost lines, also when nothing else is written. Call it a few
 * times a second. */
void log_tick(void);

/* The last line of a process that has no memory left (memory_out_tell). */
void log_out_of_memory(void);

/* LOG(LOG_LEVEL_INFO, .event = "job_done", .queue = name): evaluates the fields only if the level is enabled.
 */
#define LOG(level, ...)                                                                                      \
        do {                                                                                                 \
                if (log_enabled(level))                                                                      \
                        log_event(level, &(struct log_fields){__VA_ARGS__});                                 \
        } while (0)

/* Lines lost since the start because they could not be written at once. */
uint64_t log_dropped(void);
/* Lines held back since the start because they repeated. */
uint64_t log_suppressed(void);

#endif
