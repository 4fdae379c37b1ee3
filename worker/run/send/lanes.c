#include "core/memory/memory.h"
#include "io/machine/clock.h"
#include "io/send/post_http.h"
#include "run/send.h"

#include <stdlib.h>

/* Above this, lanes that nobody uses are closed; those in use are bounded by what is in flight. */
enum { LANES_KEPT = 64 };

static void lane_free(struct engine *engine, struct outlet *lane)
{
        TAILQ_REMOVE(&engine->lanes, lane, lane);
        engine->lane_count--;
        lane->parent->breaker.openings += lane->breaker.openings; /* a counter never goes back */
        outlet_close(lane);
        free((char *)(uintptr_t)lane->origin);
        free(lane);
}

static struct outlet *lane_open(struct engine *engine, struct outlet *outlet, const char *origin,
                                bool allow_private)
{
        struct outlet *lane = memory_zeroed(1, sizeof(*lane));
        struct buffer copy = {0};
        outlet_init(lane, outlet->config, clock_boot_ms());
        buffer_add_text(&copy, origin);
        lane->origin = copy.data;
        lane->index = outlet->index;
        lane->parent = outlet;
        outlet_open_lane(lane, post_http_open(&engine->loop, outlet->config, allow_private));
        for (size_t i = 0; i < engine->config->queue_count; i++)
                outlet_weigh(lane, i, engine->config->queues[i].weight);
        TAILQ_INSERT_TAIL(&engine->lanes, lane, lane);
        engine->lane_count++;
        return lane;
}

struct outlet *lane_get(struct engine *engine, struct outlet *outlet, const char *origin, bool allow_private)
{
        struct outlet *lane;
        TAILQ_FOREACH(lane, &engine->lanes, lane)
        {
                if (lane->parent == outlet && strcmp(lane->origin, origin) == 0)
                        return lane;
        }
        return lane_open(engine, outlet, origin, allow_private);
}

void lanes_trim(struct engine *engine)
{
        struct outlet *lane = TAILQ_FIRST(&engine->lanes);
        while (lane && engine->lane_count > LANES_KEPT) {
                struct outlet *next = TAILQ_NEXT(lane, lane);
                if (lane->used == 0 && lane->waiting_queues == 0)
                        lane_free(engine, lane);
                lane = next;
        }
}

void lanes_close(struct engine *engine)
{
        struct outlet *lane;
        TAILQ_FOREACH(lane, &engine->lanes, lane)
        {
                outlet_close(lane);
        }
}

void lanes_forget(struct engine *engine)
{
        while (!TAILQ_EMPTY(&engine->lanes))
                lane_free(engine, TAILQ_FIRST(&engine->lanes));
}

static bool is_worse(enum breaker_state state, enum breaker_state than)
{
        return state != BREAKER_CLOSED && than != BREAKER_OPEN;
}

struct outlet_sum outlet_sum(const struct engine *engine, size_t outlet)
{
        const struct outlet *one = &engine->outlets[outlet], *lane;
        struct outlet_sum sum = {.breaker = &one->breaker,
                                 .openings = one->breaker.openings,
                                 .used = one->used,
                                 .waiting = outlet_waiting(one)};
        TAILQ_FOREACH(lane, &engine->lanes, lane)
        {
                if (lane->parent != one)
                        continue;
                if (is_worse(lane->breaker.state, sum.breaker->state))
                        sum.breaker = &lane->breaker;
                sum.openings += lane->breaker.openings;
                sum.used += lane->used;
                sum.waiting += outlet_waiting(lane);
                sum.origins++;
        }
        return sum;
}
