#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/notify.h"
#include "io/machine/turn.h"
#include "run/state.h"

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

static void look_at(struct delivery *delivery, int64_t now_ms)
{
        if (delivery->publish_again_ms > 0 && now_ms >= delivery->publish_again_ms) {
                delivery->publish_again_ms = 0;
                delivery_event(delivery, &(struct job_event){.kind = EVENT_PUBLISH_AGAIN, .now_ms = now_ms});
                return;
        }
        if (now_ms - delivery->renewed_ms >= delivery->job.lease_ms / 3)
                delivery_event(delivery, &(struct job_event){.kind = EVENT_RENEW_DUE, .now_ms = now_ms});
}

static void drain_tick(struct engine *engine, int64_t now_ms)
{
        int64_t spent_ms = now_ms - engine->drain.began_ms;
        int64_t grace_ms = engine->config->shutdown.grace_ms;
        if (spent_ms >= grace_ms - grace_ms / GRACE_LAST_FIFTH)
                deliveries_event(engine, &(struct job_event){.kind = EVENT_DEFER});
        if (engine->stage == STAGE_DRAINING && spent_ms >= grace_ms)
                lifecycle_end(engine, 1);
}

static void manager_tell(struct engine *engine, int64_t now_ms)
{
        if (engine->watchdog_every_ms == 0 || now_ms - engine->watchdog_told_ms < engine->watchdog_every_ms)
                return;
        engine->watchdog_told_ms = now_ms;
        notify_send("WATCHDOG=1");
}

static void on_tick(uv_timer_t *timer)
{
        struct engine *engine = timer->data;
        int64_t now_ms = clock_boot_ms();
        watchdog_turned(engine->watchdog);
        manager_tell(engine, now_ms);
        struct delivery *delivery = TAILQ_FIRST(&engine->all);
        while (delivery) {
                struct delivery *next = TAILQ_NEXT(delivery, all);
                look_at(delivery, now_ms);
                delivery = next;
        }
        if (engine->stage == STAGE_DRAINING)
                drain_tick(engine, now_ms);
        gate_turn(engine);
        log_tick();
        recent_look(engine);
        presence_look(engine, now_ms);
        alerts_look(engine, now_ms);
        if (engine->stage == STAGE_RUNNING && engine->in_flight == 0)
                uv_timer_set_repeat(timer, IDLE_TICK_MS);
}

void lifecycle_busy(struct engine *engine)
{
        if (uv_timer_get_repeat(&engine->tick) != TICK_MS)
                uv_timer_start(&engine->tick, on_tick, TICK_MS, TICK_MS);
}

static void report_drain(const struct engine *engine)
{
        char text[200];
        const struct drain_report *drain = &engine->drain;
        snprintf(text, sizeof(text),
                 "finished %" PRIu64 ", returned %" PRIu64 ", put off %" PRIu64
                 ", left to the broker %zu, in %" PRId64 " ms",
                 drain->finished, drain->returned, drain->deferred, engine->in_flight,
                 clock_boot_ms() - drain->began_ms);
        log_event(engine->exit_status == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
                  &(struct log_fields){.event = "drained", .msg = text});
}

void lifecycle_end(struct engine *engine, int status)
{
        if (engine->stage == STAGE_ENDED)
                return;
        engine->exit_status = status;
        if (engine->stage == STAGE_DRAINING)
                report_drain(engine);
        engine->stage = STAGE_ENDED;
        uv_stop(&engine->loop);
}

void lifecycle_check(struct engine *engine)
{
        if (engine->stage != STAGE_DRAINING || engine->in_flight > 0)
                return;
        /* Until the cancel is confirmed, deliveries may still arrive. */
        for (size_t i = 0; i < engine->config->queue_count; i++)
                if (amqp_consumer_may_deliver(engine->consumer, i))
                        return;
        lifecycle_end(engine, 0);
}

void lifecycle_drain(struct engine *engine, const char *cause)
{
        if (engine->stage != STAGE_RUNNING)
                return;
        engine->stage = STAGE_DRAINING;
        lifecycle_busy(engine);
        engine->drain = (struct drain_report){.began_ms = clock_boot_ms()};
        notify_send("STOPPING=1");
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "draining", .msg = cause});
        gate_consume(engine);
        /* What is held behind queues that were not consuming goes back at once. */
        for (size_t i = 0; i < engine->config->queue_count; i++)
                if (!amqp_consumer_may_deliver(engine->consumer, i))
                        gate_cancelled(engine, i);
        lifecycle_check(engine);
}

static void on_terminate(uv_signal_t *handle, int number)
{
        struct engine *engine = handle->data;
        if (engine->stage == STAGE_DRAINING) {
                log_event(LOG_LEVEL_WARN,
                          &(struct log_fields){.event = "second_signal", .msg = "ending at once"});
                lifecycle_end(engine, 1);
                return;
        }
        lifecycle_drain(engine, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void on_hangup(uv_signal_t *handle, int number)
{
        (void)number;
        struct engine *engine = handle->data;
        bool ok = engine->options.reload && engine->options.reload(engine->options.reload_context);
        if (!ok) {
                log_event(LOG_LEVEL_ERROR, &(struct log_fields){.event = "reload_failed",
                                                                .msg = "the old configuration is kept"});
                return;
        }
        const struct config *config = engine->config;
        log_open(config);
        log_worker(engine->worker);
        for (size_t i = 0; i < engine->outlet_count; i++)
                outlet_configure(&engine->outlets[i], clock_boot_ms());
        alerts_reload(engine);
        log_event(LOG_LEVEL_INFO,
                  &(struct log_fields){.event = "reloaded", .msg = "the configuration was read again"});
        gate_consume(engine);
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

static void on_turn(uv_check_t *check)
{
        struct engine *engine = check->data;
        gate_turn(engine);
        recent_flush(engine);
        measure_turn(engine);
}

/* Before the loop may sleep. */
static void on_prepare(uv_prepare_t *prepare)
{
        (void)prepare;
        log_flush();
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
        signal_open(engine, &engine->sigterm, on_terminate, SIGTERM);
        signal_open(engine, &engine->sigint, on_terminate, SIGINT);
        signal_open(engine, &engine->sighup, on_hangup, SIGHUP);
        mask_signals(SIG_UNBLOCK);
        uv_timer_init(&engine->loop, &engine->tick);
        uv_timer_init(&engine->loop, &engine->gate_timer);
        uv_idle_init(&engine->loop, &engine->gate_more);
        uv_check_init(&engine->loop, &engine->turn);
        uv_prepare_init(&engine->loop, &engine->before_wait);
        engine->tick.data = engine->gate_timer.data = engine->turn.data = engine;
        uv_timer_start(&engine->tick, on_tick, TICK_MS, TICK_MS);
        uv_check_start(&engine->turn, on_turn);
        uv_prepare_start(&engine->before_wait, on_prepare);
        engine->watchdog = watchdog_start();
        engine->watchdog_every_ms = notify_watchdog_ms();
        notify_send("READY=1"); /* it waits for services by itself: starting it again would not bring them */
}

void lifecycle_close(struct engine *engine)
{
        log_batch(false);
        recent_look(engine);
        watchdog_stop(engine->watchdog);
        uv_close((uv_handle_t *)&engine->before_wait, NULL);
        uv_close((uv_handle_t *)&engine->sigterm, NULL);
        uv_close((uv_handle_t *)&engine->sigint, NULL);
        uv_close((uv_handle_t *)&engine->sighup, NULL);
        uv_close((uv_handle_t *)&engine->tick, NULL);
        uv_close((uv_handle_t *)&engine->gate_timer, NULL);
        uv_close((uv_handle_t *)&engine->gate_more, NULL);
        uv_close((uv_handle_t *)&engine->turn, NULL);
}
