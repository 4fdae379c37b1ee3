#include "core/redis/server_clock.h"

/* The most by which the server's clock is ahead. Both are cut to whole milliseconds: it may have shown one
 * more. */
static int64_t most_ahead(int64_t sent_ms, int64_t server_ms)
{
        return server_ms + 1 - sent_ms;
}

void server_clock_told(struct server_clock *clock, int64_t sent_ms, int64_t heard_ms, int64_t server_ms)
{
        if (heard_ms - sent_ms > SERVER_CLOCK_SLOW_MS)
                return;
        *clock = (struct server_clock){
                .known = true, .ahead_ms = most_ahead(sent_ms, server_ms), .told_ms = sent_ms};
}

int64_t server_clock_now(const struct server_clock *clock, int64_t boot_ms)
{
        bool fresh = clock->known && boot_ms - clock->told_ms <= SERVER_CLOCK_KEEP_MS;
        return fresh ? boot_ms + clock->ahead_ms : 0;
}

int64_t server_clock_slack_ms(int64_t lease_ms)
{
        return lease_ms / 16 < 1000 ? lease_ms / 16 : 1000;
}

bool server_clock_kept(int64_t boot_ms, int64_t now_ms, int64_t slack_ms, int64_t sent_ms, int64_t server_ms)
{
        return now_ms - boot_ms + slack_ms >= most_ahead(sent_ms, server_ms);
}
