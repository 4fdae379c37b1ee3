#include "core/redis/server_clock.h"

void server_clock_told(struct server_clock *clock, int64_t sent_ms, int64_t heard_ms, int64_t server_ms)
{
        if (heard_ms - sent_ms > SERVER_CLOCK_SLOW_MS)
                return;
        /* Both clocks are cut to whole milliseconds: one more is the most that it may have shown. */
        *clock =
                (struct server_clock){.known = true, .ahead_ms = server_ms + 1 - sent_ms, .told_ms = sent_ms};
}

int64_t server_clock_now(const struct server_clock *clock, int64_t boot_ms)
{
        bool fresh = clock->known && boot_ms - clock->told_ms <= SERVER_CLOCK_KEEP_MS;
        return fresh ? boot_ms + clock->ahead_ms : 0;
}
