#include "cli/fleet/fleet_text.h"
#include "io/machine/clock.h"

#include <inttypes.h>

const char *fleet_tiers_text(struct cli *cli, const struct fleet_queue *queue)
{
        struct buffer text = {0};
        for (size_t i = 0; i < queue->tier_count; i++) {
                buffer_printf(&text, "%s%s ", i ? ", " : "", queue->tiers[i].name);
                if (queue->tiers[i].exists)
                        buffer_printf(&text, "%" PRId64, queue->tiers[i].messages);
                else
                        buffer_add_text(&text, "missing");
        }
        const char *copy = arena_copy(&cli->arena, text.data ? text.data : "", text.len);
        buffer_fini(&text);
        return copy;
}

const char *fleet_duration_text(struct cli *cli, int64_t ms)
{
        int64_t s = ms / 1000;
        if (ms <= 0)
                return ms < 0 ? "unknown" : "-";
        if (s < 60)
                return arena_printf(&cli->arena, "%" PRId64 "s", s);
        if (s < 3600)
                return arena_printf(&cli->arena, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
        if (s < 86400)
                return arena_printf(&cli->arena, "%" PRId64 "h %" PRId64 "m", s / 3600, s / 60 % 60);
        return arena_printf(&cli->arena, "%" PRId64 "d %" PRId64 "h", s / 86400, s / 3600 % 24);
}

const char *fleet_age_text(struct cli *cli, int64_t since_ms)
{
        if (since_ms <= 0)
                return "-";
        int64_t age_ms = clock_wall_ms() - since_ms;
        return fleet_duration_text(cli, age_ms > 1 ? age_ms : 1);
}
