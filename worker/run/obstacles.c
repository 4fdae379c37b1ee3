#include "io/machine/clock.h"
#include "run/obstacle.h"
#include "run/state.h"

#include <assert.h>

uint32_t obstacles_of_engine(const struct engine *engine)
{
        uint32_t set = 0;
        if (engine->life.stage != STAGE_RUNNING)
                set |= OBSTACLE_BIT(DRAINING);
        if (!engine->broker.up)
                set |= OBSTACLE_BIT(BROKER_DOWN);
        if (!amqp_publisher_is_up(engine->publisher))
                set |= OBSTACLE_BIT(PUBLISHER_DOWN);
        if (!redis_store_is_up(engine->store))
                set |= OBSTACLE_BIT(REDIS_DOWN);
        else if (!engine->pauses_known)
                set |= OBSTACLE_BIT(PAUSES_UNKNOWN);
        return set;
}

uint32_t obstacles_of_outlet(const struct engine *engine, size_t outlet)
{
        const struct outlet *one = &engine->outlets[outlet];
        uint32_t set = outlet_shut_because(one, clock_boot_ms());
        return one->breaker.state == BREAKER_HALF_OPEN ? set | OBSTACLE_BIT(BREAKER_HALF_OPEN) : set;
}

/* What is in the way at all outlets of the set: nothing if one is well, only a probe if one is half open,
 * else the reasons of the first. */
static uint32_t obstacles_of_outlets(const struct engine *engine, uint32_t outlets)
{
        uint32_t first = 0;
        bool probing = false;
        for (size_t i = 0; i < engine->outlet_count; i++) {
                uint32_t set = outlets >> i & 1 ? obstacles_of_outlet(engine, i) : 0;
                if (outlets >> i & 1 && set == 0)
                        return 0;
                probing |= set == OBSTACLE_BIT(BREAKER_HALF_OPEN);
                first = first ? first : set;
        }
        return probing ? OBSTACLE_BIT(BREAKER_HALF_OPEN) : first;
}

uint32_t obstacles_of_queue(const struct engine *engine, size_t queue)
{
        const struct queue_state *state = &engine->queues[queue];
        uint32_t set = obstacles_of_outlets(engine, state->needs);
        if (state->paused)
                set |= OBSTACLE_BIT(PAUSED);
        if (state->kept > 0)
                set |= OBSTACLE_BIT(KEPT);
        if (engine->broker.up && state->wanted != 0 && !amqp_consumer_is_consuming(engine->consumer, queue))
                set |= state->lost ? OBSTACLE_BIT(QUEUE_LOST) : OBSTACLE_BIT(NOT_CONSUMING);
        return set;
}

enum obstacle obstacle_first(uint32_t set)
{
        assert(set != 0);
        return (enum obstacle)__builtin_ctz(set);
}

void obstacle_print(struct buffer *out, enum obstacle obstacle, const char *name)
{
        static const char *const words[] = {
#define OBSTACLE_WORDS(name, words) words,
                OBSTACLES(OBSTACLE_WORDS)
#undef OBSTACLE_WORDS
        };
        const char *text = words[obstacle], *gap = strstr(text, "%s");
        if (!gap || !name) {
                buffer_add_text(out, text);
                return;
        }
        buffer_add(out, text, (size_t)(gap - text));
        buffer_add_text(out, name);
        buffer_add_text(out, gap + 2);
}
