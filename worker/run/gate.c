#include "io/log/fatal_signal.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/turn.h"
#include "run/send.h"
#include "run/state.h"

#include <stdio.h>

/* What is begun in one turn of the loop at most, and how much of it though the turn is long already: a claim
 * takes 10 us, the start of a transfer 50 us in the next turn. */
enum { STARTS_PER_TURN = 64, PLACES_PER_TURN = 10, BEGUN_AT_LEAST = 4 };

/* What keeps a queue from being consumed. */
#define CLOSING                                                                                              \
        (OBSTACLE_BIT(DRAINING) | OBSTACLE_BIT(REDIS_DOWN) | OBSTACLE_BIT(PAUSES_UNKNOWN) |                  \
         OBSTACLE_BIT(PAUSED) | OBSTACLE_BIT(BREAKER_OPEN) | OBSTACLE_BIT(THROTTLED))

uint32_t gate_closed_because(const struct engine *engine, size_t queue)
{
        return (obstacles_of_engine(engine) | obstacles_of_queue(engine, queue)) & CLOSING;
}

void gate_consume(struct engine *engine)
{
        if (engine->life.stage == STAGE_ENDED)
                return;
        uint32_t general = obstacles_of_engine(engine);
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                uint32_t set = general | obstacles_of_queue(engine, i);
                uint16_t wanted = (uint16_t)engine->config->queues[i].prefetch;
                if (set & CLOSING)
                        wanted = 0;
                else if (set & OBSTACLE_BIT(BREAKER_HALF_OPEN)) /* one job is all that can be sent */
                        wanted = 1;
                if (wanted == engine->queues[i].wanted)
                        continue;
                engine->queues[i].wanted = wanted;
                engine->queues[i].cancelled = false;
                amqp_consumer_want(engine->consumer, i, wanted);
        }
}

/* ---- what is given back ---- */

static void return_if_held(struct delivery *delivery, void *context)
{
        (void)context;
        if (delivery->engine->queues[delivery->queue].returns)
                delivery_event(delivery, &(struct job_event){.kind = EVENT_RETURN});
}

/* Once a queue's cancel is confirmed, nothing that it holds will start here. */
static void gate_give_back(struct engine *engine)
{
        bool any = false;
        for (size_t i = 0; i < engine->config->queue_count; i++)
                any |= engine->queues[i].returns;
        if (!any)
                return;
        inflight_each(engine, return_if_held, NULL);
        for (size_t i = 0; i < engine->config->queue_count; i++)
                engine->queues[i].returns = false;
}

/* ---- who may start ---- */

static void start(struct delivery *delivery, bool alone)
{
        if (alone) {
                delivery->engine->gate.alone = delivery;
                fatal_signal_alone(&delivery->words);
        }
        delivery_event(delivery, &(struct job_event){.kind = EVENT_START, .alone = alone});
}

static bool more_may_begin(int begun, int max)
{
        return begun < max && (begun < BEGUN_AT_LEAST || !turn_is_long());
}

/* It could only be put off again. */
static bool breakers_are_open(const struct delivery *delivery)
{
        return obstacles_of_queue(delivery->engine, delivery->queue) & OBSTACLE_BIT(BREAKER_OPEN);
}

static struct delivery *first_that_can_leave(struct delivery_list *list)
{
        struct delivery *delivery = TAILQ_FIRST(list);
        while (delivery && breakers_are_open(delivery))
                delivery = TAILQ_NEXT(delivery, listed);
        return delivery;
}

/* A suspect runs with nothing else claimed beside it: if it kills the process, nobody else is charged.
 * Returns how many others were started. */
static int start_held(struct engine *engine)
{
        struct gate *gate = &engine->gate;
        uint32_t set = obstacles_of_engine(engine);
        if (set & (OBSTACLE_BIT(DRAINING) | OBSTACLE_BIT(REDIS_DOWN)) || !redis_spare_tried(engine->spare) ||
            gate->alone)
                return 0;
        struct delivery *suspect = first_that_can_leave(&gate->suspects);
        if (suspect) {
                if (gate->active == 0)
                        start(suspect, true);
                return 0;
        }
        struct delivery *delivery, *next;
        int count = 0;
        for (delivery = TAILQ_FIRST(&gate->held); delivery && more_may_begin(count, STARTS_PER_TURN);
             delivery = next) {
                next = TAILQ_NEXT(delivery, listed); /* an event of one job moves no other */
                if (breakers_are_open(delivery))
                        continue;
                start(delivery, false);
                count++;
        }
        return count;
}

/* ---- who may send ---- */

/* What waits at a shut outlet goes to another one that may take it, or is put off. */
static void gate_leave_waiting(struct outlet *outlet, int64_t now_ms)
{
        struct delivery *delivery;
        while ((delivery = outlet_first(outlet))) {
                uint8_t position;
                struct outlet *other = route_choose(delivery, &position);
                if (!other || other == outlet || outlet_shut_because(other, now_ms)) {
                        delivery_event(delivery, &(struct job_event){.kind = EVENT_DEFER});
                        continue;
                }
                inflight_list(delivery, LIST_NONE);
                domains_wait(delivery, other, position);
        }
}

static void breaker_tell_half_open(const struct outlet *outlet)
{
        char text[80];
        snprintf(text, sizeof(text), "probing the %s transport", outlet->config->name);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "breaker_half_open", .msg = text});
}

/* Puts off what waits at a shut outlet, or gives up to `max` places. Returns how many were given. */
static int outlet_turn(struct outlet *outlet, int64_t now_ms, int max)
{
        if (outlet_tick(outlet, now_ms))
                breaker_tell_half_open(outlet);
        if (outlet_shut_because(outlet, now_ms))
                gate_leave_waiting(outlet, now_ms);
        struct delivery *delivery;
        int given = 0;
        while (more_may_begin(given, max) && (delivery = outlet_first(outlet)) &&
               outlet_take(outlet, &delivery->place, now_ms)) {
                outlet_served(outlet, delivery->queue);
                inflight_list(delivery, LIST_NONE);
                struct job_event event = {
                        .kind = EVENT_PLACE, .now_ms = now_ms, .outlet = delivery->position};
                looks_offer(delivery, &event);
                delivery_event(delivery, &event);
                given++;
        }
        return given;
}

/* The lane that was given places comes last in the next turn: the lanes of an outlet share its rate. */
static int lanes_turn(struct engine *engine, int64_t now_ms, int max)
{
        struct outlet *lane, *next, *last = TAILQ_LAST(&engine->lanes, outlet_list);
        int given = 0;
        for (lane = TAILQ_FIRST(&engine->lanes); lane; lane = lane == last ? NULL : next) {
                next = TAILQ_NEXT(lane, lane);
                int more = outlet_turn(lane, now_ms, max - given);
                given += more;
                if (more == 0 || lane == last)
                        continue;
                TAILQ_REMOVE(&engine->lanes, lane, lane);
                TAILQ_INSERT_TAIL(&engine->lanes, lane, lane);
        }
        lanes_trim(engine);
        return given;
}

void gate_turn(struct engine *engine)
{
        if (engine->life.stage == STAGE_ENDED) /* jobs are told nothing any more */
                return;
        gate_give_back(engine);
        int started = start_held(engine), given = 0;
        int64_t now_ms = clock_boot_ms();
        struct outlet *publish = &engine->outlets[engine->outlet_count - 1];
        publish->away =
                !amqp_publisher_is_up(engine->publisher) || amqp_publisher_is_blocked(engine->publisher);
        domains_turn(engine, now_ms);
        /* Without Redis an end could not be recorded: what is sent now might be sent again. */
        int places = redis_store_is_up(engine->store) ? PLACES_PER_TURN : 0;
        for (size_t i = 0; i < engine->outlet_count; i++)
                given += outlet_turn(&engine->outlets[i], now_ms, places - given);
        given += lanes_turn(engine, now_ms, places - given);
        shares_turn(engine, now_ms);
        if (!more_may_begin(started, STARTS_PER_TURN) || (places > 0 && !more_may_begin(given, places)))
                engine->wake.again = true;
}

static int64_t sooner_of(int64_t wait_ms, int64_t due_ms)
{
        return due_ms >= 0 && (wait_ms < 0 || due_ms < wait_ms) ? due_ms : wait_ms;
}

int64_t gate_due_ms(const struct engine *engine)
{
        int64_t now_ms = clock_boot_ms(), wait_ms = domains_due_ms(engine, now_ms);
        const struct outlet *lane;
        for (size_t i = 0; i < engine->outlet_count; i++)
                wait_ms = sooner_of(wait_ms, outlet_due_ms(&engine->outlets[i], now_ms));
        TAILQ_FOREACH(lane, &engine->lanes, lane)
        {
                wait_ms = sooner_of(wait_ms, outlet_due_ms(lane, now_ms));
        }
        return wait_ms;
}
