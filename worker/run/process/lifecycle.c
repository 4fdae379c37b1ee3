#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/notify.h"
#include "io/machine/turn.h"
#include "run/process/watchdog.h"
#include "run/schedules.h"
#include "run/send.h"
#include "run/spans.h"
#include "run/state.h"
#include "run/telling.h"
#include "run/types.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

/* Renewals, repeated publishes, the drain's end, the watchdog, the log's summaries, presence and alerts are
 * looked at so often. */
#define TICK_MS 200
/* Nothing is in flight. */
#define IDLE_TICK_MS 500
/* The last part of the grace in which what has not begun to send is put off: a fifth. */
#define GRACE_LAST_FIFTH 5

/* Nothing is claimed beside a suspect, also not what was kept to be claimed again. */
static bool waits_for_suspect(const struct delivery *delivery)
{
        return delivery->engine->gate.alone && delivery->job.phase == JOB_DELAYING && !delivery->job.copyable;
}

/* It is put off, and takes no place for that: at a slow outlet, where all wait for longer than they may, the
 * places would go to those alone that are too late to use them. */
static bool waits_too_long(const struct delivery *delivery, int64_t now_ms)
{
        return delivery->listing == LIST_PLACES &&
               now_ms - delivery->job.claimed_ms >= delivery->job.timeout_ms;
}

static void tick_visit(struct delivery *delivery, void *now)
{
        int64_t now_ms = *(int64_t *)now;
        if (waits_too_long(delivery, now_ms)) {
                inflight_list(delivery, LIST_NONE);
                delivery_event(delivery, &(struct job_event){.kind = EVENT_PLACE, .now_ms = now_ms});
                return;
        }
        if (delivery->publish_again_ms > 0 && now_ms >= delivery->publish_again_ms &&
            !waits_for_suspect(delivery)) {
                delivery->publish_again_ms = 0;
                delivery_event(delivery, &(struct job_event){.kind = EVENT_PUBLISH_AGAIN, .now_ms = now_ms});
                return;
        }
        if (now_ms - delivery->renewed_ms >= delivery->job.lease_ms / 3)
                delivery_event(delivery, &(struct job_event){.kind = EVENT_RENEW_DUE, .now_ms = now_ms});
}

static void drain_tick(struct engine *engine, int64_t now_ms)
{
        int64_t spent_ms = now_ms - engine->life.drain.began_ms;
        int64_t grace_ms = engine->config->shutdown.grace_ms;
        if (spent_ms >= grace_ms - grace_ms / GRACE_LAST_FIFTH)
                deliveries_event(engine, &(struct job_event){.kind = EVENT_DEFER});
        if (engine->life.stage == STAGE_DRAINING && spent_ms >= grace_ms)
                lifecycle_end(engine, 1);
}

static void manager_tell(struct engine *engine, int64_t now_ms)
{
        if (engine->life.watchdog_every_ms == 0 ||
            now_ms - engine->life.watchdog_told_ms < engine->life.watchdog_every_ms)
                return;
        engine->life.watchdog_told_ms = now_ms;
        notify_send("WATCHDOG=1");
}

static void on_tick(uv_timer_t *timer)
{
        struct engine *engine = timer->data;
        int64_t now_ms = clock_boot_ms();
        watchdog_turned(engine->life.watchdog);
        manager_tell(engine, now_ms);
        inflight_each(engine, tick_visit, &now_ms);
        planners_look(engine, now_ms);
        if (engine->life.stage == STAGE_DRAINING)
                drain_tick(engine, now_ms);
        log_tick();
        recent_look(engine);
        presence_look(engine, now_ms);
        types_look(engine, now_ms);
        schedules_look(engine, now_ms);
        telling_look(engine, now_ms);
        spans_look(engine);
        alerts_look(engine, now_ms);
}

/* Ticks come in time for what is in flight, and seldom when nothing is. */
static void tick_follow(struct engine *engine)
{
        bool idle = engine->life.stage == STAGE_RUNNING && engine->inflight.count == 0;
        uv_timer_t *tick = &engine->life.tick;
        uv_timer_set_repeat(tick, idle ? IDLE_TICK_MS : TICK_MS); /* after the one that is due */
        /* One that is due soon stays: messages that come one by one would put it off for ever. */
        if (!idle && uv_timer_get_due_in(tick) > TICK_MS)
                uv_timer_start(tick, on_tick, TICK_MS, TICK_MS);
}

static void report_drain(const struct engine *engine)
{
        char text[200];
        const struct drain_report *drain = &engine->life.drain;
        snprintf(text, sizeof(text),
                 "finished %" PRIu64 ", returned %" PRIu64 ", put off %" PRIu64
                 ", left to the broker %zu, in %" PRId64 " ms",
                 drain->finished, drain->returned, drain->deferred, engine->inflight.count,
                 clock_boot_ms() - drain->began_ms);
        log_event(engine->life.exit_status == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
                  &(struct log_fields){.event = "drained", .msg = text});
}

void lifecycle_end(struct engine *engine, int status)
{
        if (engine->life.stage == STAGE_ENDED)
                return;
        engine->life.exit_status = status;
        if (engine->life.stage == STAGE_DRAINING)
                report_drain(engine);
        engine->life.stage = STAGE_ENDED;
        uv_stop(&engine->loop);
}

static bool is_drained(const struct engine *engine)
{
        if (engine->life.stage != STAGE_DRAINING || engine->inflight.count > 0)
                return false;
        /* Until the cancel is confirmed, deliveries may still arrive. */
        for (size_t i = 0; i < engine->config->queue_count; i++)
                if (amqp_consumer_may_deliver(engine->consumer, i))
                        return false;
        return true;
}

static void drain_begin(struct engine *engine, const char *cause)
{
        engine->life.stage = STAGE_DRAINING;
        engine->life.drain = (struct drain_report){.began_ms = clock_boot_ms()};
        notify_send("STOPPING=1");
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "draining", .msg = cause});
        wake_soon(engine);
}

/* `run --drain` has done its work when nothing waits and nothing is in flight. */
static void lifecycle_turn(struct engine *engine)
{
        char text[160];
        if (engine->options.drain && engine->life.stage == STAGE_RUNNING && engine->inflight.count == 0 &&
            depth_is_empty(engine, text, sizeof(text))) {
                drain_begin(engine, text);
                engine->wake.again = true; /* the gate follows in the next turn */
        }
        if (is_drained(engine))
                lifecycle_end(engine, 0);
        tick_follow(engine);
}

static void life_on_terminate(uv_signal_t *handle, int number)
{
        struct engine *engine = handle->data;
        if (engine->life.stage == STAGE_DRAINING) {
                log_event(LOG_LEVEL_WARN,
                          &(struct log_fields){.event = "second_signal", .msg = "ending at once"});
                lifecycle_end(engine, 1);
                return;
        }
        if (engine->life.stage == STAGE_RUNNING)
                drain_begin(engine, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void life_on_hangup(uv_signal_t *handle, int number)
{
        (void)number;
        struct engine *engine = handle->data;
        struct type_set *types =
                engine->options.reload ? engine->options.reload(engine->options.reload_context) : NULL;
        if (!types) {
                log_event(LOG_LEVEL_ERROR, &(struct log_fields){.event = "reload_failed",
                                                                .msg = "the old configuration is kept"});
                return;
        }
        const struct config *config = engine->config;
        log_open(config);
        log_worker(engine->worker);
        for (size_t i = 0; i < engine->outlet_count; i++)
                outlet_configure(&engine->outlets[i], clock_boot_ms());
        types_replace(engine, types);
        planners_configure(engine);
        route_configure(engine);
        alerts_reload(engine);
        log_event(LOG_LEVEL_INFO,
                  &(struct log_fields){.event = "reloaded", .msg = "the configuration was read again"});
        wake_soon(engine);
}

static void signal_open(struct engine *engine, uv_signal_t *handle, uv_signal_cb callback, int number)
{
        uv_signal_init(&engine->loop, handle);
        handle->data = engine;
        uv_signal_start(handle, callback, number);
}

/* What the thread has used since the last turn is more than any single callback of this one has. */
static void measure_turn(struct engine *engine)
{
        int64_t used_us = turn_begin();
        if (used_us > 0)
                metrics_loop_callback(engine->metrics, (double)used_us / 1e6);
}

/* The look: one phase a line. It runs before the prepare callbacks of store and consumer, which write what
 * it asks for: libuv runs first what was started last. */
static void on_before_wait(uv_prepare_t *prepare)
{
        struct engine *engine = prepare->data;
        wake_looking(engine);
        gate_turn(engine);
        gate_consume(engine);
        lifecycle_turn(engine);
        presence_turn(engine);
        recent_turn(engine);
        deliveries_free_over(engine);
        measure_turn(engine);
        log_flush();
        wake_looked(engine, gate_due_ms(engine));
}

static void mask_signals(int how)
{
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        pthread_sigmask(how, &set, NULL);
}

/* The mask is inherited, so that afterwards the loop's thread alone is interrupted. */
void lifecycle_block_signals(void)
{
        mask_signals(SIG_BLOCK);
}

void lifecycle_open(struct engine *engine)
{
        log_batch(true);
        signal_open(engine, &engine->life.sigterm, life_on_terminate, SIGTERM);
        signal_open(engine, &engine->life.sigint, life_on_terminate, SIGINT);
        signal_open(engine, &engine->life.sighup, life_on_hangup, SIGHUP);
        mask_signals(SIG_UNBLOCK);
        uv_timer_init(&engine->loop, &engine->life.tick);
        wake_open(engine);
        uv_prepare_init(&engine->loop, &engine->life.before_wait);
        engine->life.tick.data = engine->life.before_wait.data = engine;
        uv_timer_start(&engine->life.tick, on_tick, TICK_MS, TICK_MS);
        uv_prepare_start(&engine->life.before_wait, on_before_wait);
        engine->life.watchdog = watchdog_start();
        engine->life.watchdog_every_ms = notify_watchdog_ms();
        notify_send("READY=1"); /* it waits for services by itself: starting it again would not bring them */
}

void lifecycle_close(struct engine *engine)
{
        log_batch(false);
        recent_look(engine);
        watchdog_stop(engine->life.watchdog);
        uv_close((uv_handle_t *)&engine->life.before_wait, NULL);
        uv_close((uv_handle_t *)&engine->life.sigterm, NULL);
        uv_close((uv_handle_t *)&engine->life.sigint, NULL);
        uv_close((uv_handle_t *)&engine->life.sighup, NULL);
        uv_close((uv_handle_t *)&engine->life.tick, NULL);
        wake_close(engine);
}
