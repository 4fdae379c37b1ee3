#include "io/log/log_repeats.h"

#include <stdio.h>
#include <string.h>

static bool same(const char *kept, const char *text)
{
        return strncmp(kept, text, LOG_REPEAT_TEXT_MAX - 1) == 0;
}

bool log_repeats_count(struct log_repeats *repeats, enum log_level level, const char *event,
                       const char *error, int64_t now_ms)
{
        struct log_repeat *oldest = &repeats->items[0];
        for (size_t i = 0; i < LOG_REPEATS_MAX; i++) {
                struct log_repeat *item = &repeats->items[i];
                if (item->event[0] && item->level == level && same(item->event, event) &&
                    same(item->error, error))
                        return ++item->count <= LOG_REPEAT_LIMIT;
                /* One that holds something back is kept: its summary is still to come. */
                bool item_idle = item->count <= LOG_REPEAT_LIMIT,
                     oldest_idle = oldest->count <= LOG_REPEAT_LIMIT;
                if (item_idle > oldest_idle ||
                    (item_idle == oldest_idle && item->since_ms < oldest->since_ms))
                        oldest = item;
        }
        if (oldest->count > LOG_REPEAT_LIMIT)
                return true;
        *oldest = (struct log_repeat){.level = level, .since_ms = now_ms, .count = 1};
        snprintf(oldest->event, sizeof(oldest->event), "%s", event);
        snprintf(oldest->error, sizeof(oldest->error), "%s", error);
        return true;
}

bool log_repeats_take(struct log_repeats *repeats, int64_t now_ms, struct log_repeat *over)
{
        for (size_t i = 0; i < LOG_REPEATS_MAX; i++) {
                struct log_repeat *item = &repeats->items[i];
                if (!item->event[0] || now_ms - item->since_ms < LOG_REPEAT_WINDOW_MS)
                        continue;
                *over = *item;
                *item = (struct log_repeat){0};
                if (over->count > LOG_REPEAT_LIMIT)
                        return true;
        }
        return false;
}
