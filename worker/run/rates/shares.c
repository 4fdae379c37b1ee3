#include "io/machine/clock.h"
#include "run/state.h"

/* Rates that all workers of a prefix share: what is asked of Redis, and what it answers. core/job/share.h has
 * the rule. */

/* What waits at the outlet and its lanes, and how much of that could begin now. */
static struct share_need need_of(const struct engine *engine, const struct outlet *outlet, int64_t now_ms)
{
        struct share_need need = {.waiting = outlet_waiting(outlet), .free = outlet_free(outlet, now_ms)};
        uint64_t queues = outlet->waiting_queues;
        const struct outlet *lane;
        TAILQ_FOREACH(lane, &engine->lanes, lane)
        {
                if (lane->parent != outlet)
                        continue;
                need.waiting += outlet_waiting(lane);
                need.free += outlet_free(lane, now_ms);
                queues |= lane->waiting_queues;
        }
        for (; queues; queues &= queues - 1)
                need.weight += (uint32_t)engine->config->queues[__builtin_ctzll(queues)].weight;
        return need;
}

static void on_places(void *context, bool lost, const struct slice *values, size_t count)
{
        struct outlet *outlet = context;
        int64_t now_ms = clock_boot_ms();
        struct share_answer answer = {.step_us = outlet->share.step_us};
        wake_soon(outlet->engine);
        if (lost || count != 1 || !share_answer_parse(values[0].data, values[0].len, &answer)) {
                share_lost(&outlet->share, now_ms);
                return;
        }
        share_answered(&outlet->share, &answer, now_ms);
        /* A pause belongs to one service: to mails, for each lane of posts leads to another. */
        if (answer.pause_us > 0 && outlet->config->kind == OUTLET_MAIL)
                outlet_throttle(outlet, answer.pause_us / 1000, now_ms);
}

static void ask_for(struct engine *engine, struct outlet *outlet, int64_t now_ms)
{
        struct share_question question;
        if (outlet->config->rate_shared <= 0)
                return;
        struct share_need need = need_of(engine, outlet, now_ms);
        if (outlet_throttle_ms(outlet, now_ms) > 0 || outlet->breaker.state == BREAKER_OPEN)
                need.waiting = 0;
        if (share_asks(&outlet->share, &need, now_ms, &question))
                redis_store_rate(engine->store, (struct store_rate){.name = slice_of(outlet->config->name)},
                                 &question, on_places, outlet);
}

void shares_turn(struct engine *engine, int64_t now_ms)
{
        if (!redis_store_is_up(engine->store))
                return;
        for (size_t i = 0; i < engine->outlet_count; i++)
                ask_for(engine, &engine->outlets[i], now_ms);
}

void shares_pause(struct engine *engine, const struct outlet *outlet, int64_t pause_ms)
{
        if (outlet->config->kind == OUTLET_MAIL)
                share_pause(&engine->outlets[outlet->index].share, pause_ms);
}
