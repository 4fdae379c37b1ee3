#include "io/log/fatal_signal.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/turn.h"
#include "run/state.h"

/* A pause that the mail service asked for is waited out in place if it is shorter than this; else jobs are
 * put off. */
#define THROTTLE_HOLD_MS 5000
/* What a service that says "too many requests" and no more is given. */
#define THROTTLE_DEFAULT_MS 1000

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

static int64_t throttle_left_ms(const struct engine *engine, int64_t now_ms)
{
        return engine->throttled_until_ms > now_ms ? engine->throttled_until_ms - now_ms : 0;
}

/* Nothing can be sent for so long that claimed jobs are better put off. */
static bool shut(const struct engine *engine, int64_t now_ms)
{
        return engine->breaker.state == BREAKER_OPEN || throttle_left_ms(engine, now_ms) >= THROTTLE_HOLD_MS;
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
        if (engine->breaker.state == BREAKER_OPEN)
                return "the breaker of the mail transport is open";
        if (throttle_left_ms(engine, clock_boot_ms()) >= THROTTLE_HOLD_MS)
                return "the mail service asked for a pause";
        return NULL;
}

void gate_consume(struct engine *engine)
{
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                uint16_t wanted = (uint16_t)engine->config->queues[i].prefetch;
                if (gate_closed_because(engine, i))
                        wanted = 0;
                else if (engine->breaker.state == BREAKER_HALF_OPEN)
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
        if (delivery->has_place && !job_has_place(job)) {
                delivery->has_place = false;
                engine->places_used--;
                if (delivery->probe)
                        breaker_withdraw(&engine->breaker);
                delivery->probe = false;
        }
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

/* A suspect runs with nothing else claimed beside it: if it kills the process, nobody else is charged.
 * Returns how many others were started. */
static int start_held(struct engine *engine)
{
        if (engine->stage != STAGE_RUNNING || !redis_store_is_up(engine->store) ||
            engine->breaker.state == BREAKER_OPEN || !redis_spare_tried(engine->spare))
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

static void defer_waiting(struct engine *engine)
{
        struct delivery *delivery;
        while ((delivery = TAILQ_FIRST(&engine->places)))
                delivery_event(delivery, &(struct job_event){.kind = EVENT_DEFER});
}

static void give_place(struct engine *engine, struct delivery *delivery, int64_t now_ms)
{
        delivery->has_place = true;
        delivery->probe = engine->breaker.state == BREAKER_HALF_OPEN;
        engine->places_used++;
        inflight_list(delivery, LIST_NONE);
        delivery_event(delivery, &(struct job_event){.kind = EVENT_PLACE, .now_ms = now_ms});
}

static void on_gate_timer(uv_timer_t *timer)
{
        struct engine *engine = timer->data;
        if (breaker_tick(&engine->breaker, clock_boot_ms()))
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
        int64_t due = breaker_due_ms(&engine->breaker);
        int64_t wait_ms = due >= 0 ? (due > now_ms ? due - now_ms : 1) : -1;
        int64_t throttle = throttle_left_ms(engine, now_ms);
        if (throttle > 0 && (wait_ms < 0 || throttle < wait_ms))
                wait_ms = throttle;
        if (!TAILQ_EMPTY(&engine->places)) {
                int64_t limited = limiter_wait_ms(&engine->limiter, now_ms);
                if (limited > 0 && (wait_ms < 0 || limited < wait_ms))
                        wait_ms = limited;
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
        if (shut(engine, now_ms))
                defer_waiting(engine);
        struct delivery *delivery;
        int given = 0;
        while (more_may_begin(given, PLACES_PER_TURN) && (delivery = TAILQ_FIRST(&engine->places))) {
                if (engine->places_used >= transport_capacity(engine->transport) ||
                    throttle_left_ms(engine, now_ms) > 0 || limiter_wait_ms(&engine->limiter, now_ms) > 0 ||
                    !breaker_admit(&engine->breaker))
                        break;
                limiter_take(&engine->limiter, now_ms);
                give_place(engine, delivery, now_ms);
                given++;
        }
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

static void breaker_changed(struct engine *engine, const struct send_result *result)
{
        bool open = engine->breaker.state == BREAKER_OPEN;
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
        int64_t now_ms = clock_boot_ms();
        enum breaker_state before = engine->breaker.state;
        event->outage = breaker_result(&engine->breaker, job_hash(delivery), delivery->probe, result, now_ms);
        delivery->probe = false;
        if (result->throttled) {
                int64_t wait_ms = result->retry_after_ms > 0 ? result->retry_after_ms : THROTTLE_DEFAULT_MS;
                if (now_ms + wait_ms > engine->throttled_until_ms)
                        engine->throttled_until_ms = now_ms + wait_ms;
        }
        if (before != engine->breaker.state)
                breaker_changed(engine, result);
        if (before != engine->breaker.state || result->throttled)
                gate_consume(engine);
}
