#include "io/log/fatal_signal.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/turn.h"
#include "run/state.h"

/* What is begun in one turn of the loop at most, and how much of it though the turn is long already: a claim
 * takes 10 us, the start of a transfer 50 us in the next turn. */
enum { STARTS_PER_TURN = 64, PLACES_PER_TURN = 10, BEGUN_AT_LEAST = 4 };

/* Bodies in flight above which nothing more is read, and below which reading goes on. */
#define BODY_BYTES_MAX ((size_t)64 << 20)
#define BODY_BYTES_LOW ((size_t)48 << 20)

void gate_bytes(struct engine *engine)
{
        bool held = engine->body_bytes > (engine->reading_held ? BODY_BYTES_LOW : BODY_BYTES_MAX);
        if (held == engine->reading_held || engine->stage == STAGE_ENDED)
                return;
        engine->reading_held = held;
        amqp_consumer_hold(engine->consumer, held);
}

/* Why every outlet is shut; NULL: one is not. */
static const char *all_shut_because(const struct engine *engine, int64_t now_ms)
{
        const char *why = NULL;
        for (size_t i = 0; i < engine->outlet_count; i++)
                if (!(why = outlet_shut_because(&engine->outlets[i], now_ms)))
                        return NULL;
        return why;
}

const char *gate_closed_because(const struct engine *engine, size_t queue)
{
        if (engine->stage != STAGE_RUNNING)
                return "draining";
        if (!redis_store_is_up(engine->store))
                return "redis is down";
        if (!engine->pauses_known)
                return "it is not known yet which queues are paused";
        if (engine->queues[queue].paused)
                return "paused by an operator";
        return all_shut_because(engine, clock_boot_ms());
}

/* Is every outlet half open, so that one job is all that can be sent? */
static bool all_probe(const struct engine *engine)
{
        for (size_t i = 0; i < engine->outlet_count; i++)
                if (engine->outlets[i].breaker.state != BREAKER_HALF_OPEN)
                        return false;
        return true;
}

void gate_consume(struct engine *engine)
{
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                uint16_t wanted = (uint16_t)engine->config->queues[i].prefetch;
                if (gate_closed_because(engine, i))
                        wanted = 0;
                else if (all_probe(engine))
                        wanted = 1;
                if (wanted == engine->queues[i].wanted)
                        continue;
                engine->queues[i].wanted = wanted;
                engine->queues[i].cancelled = false;
                amqp_consumer_want(engine->consumer, i, wanted);
        }
}

void gate_cancelled(struct engine *engine, size_t queue)
{
        if (engine->queues[queue].wanted != 0)
                return;
        engine->queues[queue].cancelled = true;
        struct delivery *delivery = TAILQ_FIRST(&engine->all);
        while (delivery) {
                struct delivery *next = TAILQ_NEXT(delivery, all);
                if (delivery->queue == queue)
                        delivery_event(delivery, &(struct job_event){.kind = EVENT_RETURN});
                delivery = next;
        }
        if (engine->queues[queue].paused)
                presence_tell(engine);
        lifecycle_check(engine);
}

/* What is held was given back when the cancel was confirmed; a claim that was under way then is answered
 * later. */
void gate_suspect(struct delivery *delivery)
{
        const struct queue_state *queue = &delivery->engine->queues[delivery->queue];
        if (queue->wanted == 0 && queue->cancelled)
                delivery_event(delivery, &(struct job_event){.kind = EVENT_RETURN});
}

void gate_update(struct delivery *delivery)
{
        struct engine *engine = delivery->engine;
        const struct job *job = &delivery->job;
        bool active = job->phase >= JOB_CLAIMING && job->phase <= JOB_DECIDING;
        if (active != delivery->active) {
                delivery->active = active;
                engine->active += active ? 1 : (size_t)-1;
        }
        if (!active && engine->alone == delivery) {
                engine->alone = NULL;
                fatal_signal_alone(NULL);
        }
        if (delivery->place.held && !job_has_place(job))
                outlet_give(delivery->outlet, &delivery->place);
        bool listed = job->phase == JOB_HELD || job->phase == JOB_WAITING;
        if (!listed)
                inflight_list(delivery, LIST_NONE);
}

static void start(struct delivery *delivery, bool alone)
{
        if (alone) {
                delivery->engine->alone = delivery;
                fatal_signal_alone(&delivery->words);
        }
        delivery_event(delivery, &(struct job_event){.kind = EVENT_START, .alone = alone});
}

static bool more_may_begin(int begun, int max)
{
        return begun < max && (begun < BEGUN_AT_LEAST || !turn_is_long());
}

static bool all_open(const struct engine *engine)
{
        for (size_t i = 0; i < engine->outlet_count; i++)
                if (engine->outlets[i].breaker.state != BREAKER_OPEN)
                        return false;
        return true;
}

/* A suspect runs with nothing else claimed beside it: if it kills the process, nobody else is charged.
 * Returns how many others were started. */
static int start_held(struct engine *engine)
{
        if (engine->stage != STAGE_RUNNING || !redis_store_is_up(engine->store) || all_open(engine) ||
            !redis_spare_tried(engine->spare))
                return 0;
        if (engine->alone)
                return 0;
        if (!TAILQ_EMPTY(&engine->suspects)) {
                if (engine->active == 0)
                        start(TAILQ_FIRST(&engine->suspects), true);
                return 0;
        }
        struct delivery *delivery;
        int count = 0;
        while (more_may_begin(count, STARTS_PER_TURN) && (delivery = TAILQ_FIRST(&engine->held))) {
                start(delivery, false);
                count++;
        }
        return count;
}

static void defer_waiting(struct outlet *outlet)
{
        struct delivery *delivery;
        while ((delivery = TAILQ_FIRST(&outlet->waiting)))
                delivery_event(delivery, &(struct job_event){.kind = EVENT_DEFER});
}

/* Puts off what waits at a shut outlet, or gives up to `max` places. Returns how many were given. */
static int outlet_turn(struct outlet *outlet, int64_t now_ms, int max)
{
        if (outlet_shut_because(outlet, now_ms))
                defer_waiting(outlet);
        struct delivery *delivery;
        int given = 0;
        while (more_may_begin(given, max) && (delivery = TAILQ_FIRST(&outlet->waiting)) &&
               outlet_take(outlet, &delivery->place, now_ms)) {
                inflight_list(delivery, LIST_NONE);
                delivery_event(delivery, &(struct job_event){.kind = EVENT_PLACE, .now_ms = now_ms});
                given++;
        }
        return given;
}

static void on_gate_timer(uv_timer_t *timer)
{
        struct engine *engine = timer->data;
        int64_t now_ms = clock_boot_ms();
        for (size_t i = 0; i < engine->outlet_count; i++)
                if (outlet_tick(&engine->outlets[i], now_ms))
                        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "breaker_half_open",
                                                                       .msg = "probing the mail transport"});
        gate_consume(engine);
        gate_turn(engine);
}

/* While it is active the loop does not wait, and the gate is asked at the end of each turn. */
static void on_gate_more(uv_idle_t *idle)
{
        (void)idle;
}

/* Wakes the loop when there is more to begin, or the breaker, the limiter or a throttle lets something
 * through. */
static void wake_later(struct engine *engine, int64_t now_ms, bool more)
{
        int64_t wait_ms = -1;
        for (size_t i = 0; i < engine->outlet_count; i++) {
                int64_t due_ms = outlet_due_ms(&engine->outlets[i], now_ms);
                if (due_ms >= 0 && (wait_ms < 0 || due_ms < wait_ms))
                        wait_ms = due_ms;
        }
        if (more) /* not a timer of no time: libuv would run it again in this same turn */
                uv_idle_start(&engine->gate_more, on_gate_more);
        else
                uv_idle_stop(&engine->gate_more);
        if (wait_ms >= 0)
                uv_timer_start(&engine->gate_timer, on_gate_timer, (uint64_t)wait_ms, 0);
}

void gate_turn(struct engine *engine)
{
        if (engine->stage == STAGE_ENDED) /* jobs are told nothing any more */
                return;
        int started = start_held(engine);
        int64_t now_ms = clock_boot_ms();
        int given = 0;
        for (size_t i = 0; i < engine->outlet_count; i++)
                given += outlet_turn(&engine->outlets[i], now_ms, PLACES_PER_TURN - given);
        wake_later(engine, now_ms,
                   !more_may_begin(started, STARTS_PER_TURN) || !more_may_begin(given, PLACES_PER_TURN));
}

static uint64_t job_hash(const struct delivery *delivery)
{
        uint64_t hash = 1469598103934665603u;
        for (const char *c = delivery->envelope.id; c && *c; c++)
                hash = (hash ^ (unsigned char)*c) * 1099511628211u;
        return hash;
}

static void breaker_changed(struct engine *engine, const struct outlet *outlet,
                            const struct send_result *result)
{
        bool open = outlet->breaker.state == BREAKER_OPEN;
        log_event(open ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
                  &(struct log_fields){.event = open ? "breaker_open" : "breaker_closed",
                                       .msg = open ? "the mail transport is failing: consuming pauses"
                                                   : "the mail transport works again",
                                       .error = open ? result->error : NULL});
        presence_tell(engine);
        if (open)
                alerts_event(engine, result->opens ? "mail_refused" : "breaker_open", result->error);
}

void gate_result(struct delivery *delivery, const struct send_result *result, struct job_event *event)
{
        struct engine *engine = delivery->engine;
        struct outlet *outlet = delivery->outlet;
        struct outlet_news news =
                outlet_result(outlet, &delivery->place, job_hash(delivery), result, clock_boot_ms());
        event->outage = news.outage;
        if (news.changed)
                breaker_changed(engine, outlet, result);
        if (news.changed || news.slowed)
                gate_consume(engine);
}
