#include "run/engine.h"
#include "core/job/jitter.h"
#include "core/mail/mail_guard.h"
#include "core/memory/memory.h"
#include "core/text/word.h"
#include "io/log/fatal_signal.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "run/schedules.h"
#include "run/send.h"
#include "run/spans.h"
#include "run/state.h"
#include "run/telling.h"
#include "run/types.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The library that takes AMQP header tables apart recurses for each level of nesting; a frame of 128 KiB can
 * hold 26,000. */
#define LOOP_STACK_BYTES ((size_t)16 << 20)
#define PUBLISH_TIMEOUT_MS 10000
#define EXIT_CONFIG 78

static void on_fatal(void *context, const char *error)
{
        struct engine *engine = context;
        log_event(LOG_LEVEL_ERROR, &(struct log_fields){.event = "cannot_start", .error = error});
        lifecycle_end(engine, EXIT_CONFIG);
}

/* ---- broker ---- */

static void on_amqp_up(void *context, uint64_t epoch)
{
        struct engine *engine = context;
        engine->broker.epoch = epoch;
        engine->broker.up = true;
        metrics_connection(engine->metrics, METRICS_AMQP_CONSUMER, true);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "amqp_up", .msg = "connected to the broker"});
        wake_soon(engine);
}

static void on_amqp_down(void *context, uint64_t epoch, const char *error)
{
        struct engine *engine = context;
        (void)epoch;
        bool was_up = engine->broker.up;
        engine->broker.up = false;
        for (size_t i = 0; i < engine->config->queue_count; i++)
                engine->queues[i].kept = 0; /* the broker's again */
        metrics_connection(engine->metrics, METRICS_AMQP_CONSUMER, false);
        log_event(was_up ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
                  &(struct log_fields){
                          .event = "amqp_down", .msg = "reconnecting to the broker", .error = error});
        deliveries_event(engine, &(struct job_event){.kind = EVENT_DISCONNECTED});
        wake_soon(engine);
}

static void on_amqp_unreachable(void *context, const char *error, int64_t retry_in_ms)
{
        (void)context;
        (void)retry_in_ms;
        log_event(LOG_LEVEL_ERROR,
                  &(struct log_fields){.event = "amqp_unreachable", .msg = "trying again", .error = error});
}

static struct arena *on_arena(void *context)
{
        struct engine *engine = context;
        return arena_pool_take(&engine->inflight.arenas);
}

static void on_delivery(void *context, size_t queue, uint64_t epoch, struct amqp_delivery delivery)
{
        delivery_take(context, queue, epoch, delivery);
}

static void on_queue_lost(void *context, size_t queue, const char *error)
{
        struct engine *engine = context;
        engine->queues[queue].lost = true;
        log_event(LOG_LEVEL_ERROR,
                  &(struct log_fields){.event = "queue_lost",
                                       .queue = engine->config->queues[queue].name,
                                       .msg = "the broker cancelled the consumer; waiting for the queue",
                                       .error = error});
        alerts_event(engine, "queue_lost", engine->config->queues[queue].name);
}

static void on_queue_found(void *context, size_t queue)
{
        struct engine *engine = context;
        engine->queues[queue].lost = false;
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "queue_found",
                                                       .queue = engine->config->queues[queue].name,
                                                       .msg = "consuming again"});
}

static void on_cancelled(void *context, size_t queue)
{
        struct engine *engine = context;
        struct queue_state *state = &engine->queues[queue];
        if (state->wanted == 0)
                state->cancelled = state->returns = true;
        wake_soon(engine);
}

static const struct amqp_consumer_events consumer_events = {
        .up = on_amqp_up,
        .down = on_amqp_down,
        .unreachable = on_amqp_unreachable,
        .fatal = on_fatal,
        .arena = on_arena,
        .delivery = on_delivery,
        .lost = on_queue_lost,
        .found = on_queue_found,
        .cancelled = on_cancelled,
};

/* ---- store ---- */

static void on_store_up(void *context)
{
        struct engine *engine = context;
        metrics_connection(engine->metrics, METRICS_REDIS, true);
        char found[REDIS_FOUND_SIZE], text[REDIS_FOUND_SIZE + 32];
        redis_store_found(engine->store, found);
        snprintf(text, sizeof(text), "Redis takes writes%s%s", text_if(found[0], ": "), found);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "redis_up", .msg = text});
        presence_ask(engine);
        types_tell(engine);
        schedules_begin(engine);
        deliveries_event(engine, &(struct job_event){.kind = EVENT_STORE_BACK});
        wake_soon(engine);
}

static void on_store_down(void *context, const char *error)
{
        struct engine *engine = context;
        metrics_connection(engine->metrics, METRICS_REDIS, false);
        log_event(LOG_LEVEL_ERROR, &(struct log_fields){.event = "redis_down",
                                                        .msg = "consuming pauses until Redis is back",
                                                        .error = error});
        engine->pauses_known = false;
        wake_soon(engine);
}

static void on_spare(void *context, int fd, const char *sha)
{
        const struct engine *engine = context;
        fatal_signal_redis(fd, engine->config->redis.prefix, sha);
}

static const struct redis_store_events store_events = {
        .up = on_store_up, .down = on_store_down, .fatal = on_fatal};

/* ---- life ---- */

/* Names this process: unique also over restarts in a container, where host and pid repeat. */
static void name_worker(struct engine *engine)
{
        char host[64] = "";
        if (gethostname(host, sizeof(host) - 1) != 0)
                snprintf(host, sizeof(host), "host");
        for (char *c = host; *c; c++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *c))
                        *c = '-';
        snprintf(engine->worker, sizeof(engine->worker), "%s-%d-%06x", host, (int)getpid(),
                 (unsigned)(jitter_next(&engine->random) >> 32) & 0xffffff);
}

static struct metrics *open_metrics(const struct engine *engine)
{
        const char *queues[CONFIG_QUEUES_MAX];
        const char *outlets[OUTLETS_MAX], *transports[OUTLETS_MAX];
        for (size_t i = 0; i < engine->config->queue_count; i++)
                queues[i] = engine->config->queues[i].name;
        for (size_t i = 0; i < engine->outlet_count; i++) {
                outlets[i] = engine->outlets[i].config->name;
                transports[i] = outlet_transport_word(engine->outlets[i].config);
        }
        return metrics_new(&(struct metrics_labels){.version = LEVERET_VERSION,
                                                    .outlets = outlets,
                                                    .transports = transports,
                                                    .outlet_count = engine->outlet_count,
                                                    .queues = queues,
                                                    .queue_count = engine->config->queue_count,
                                                    .type_spare = TYPES_MAX});
}

static bool open_parts(struct engine *engine)
{
        char error[256] = "";
        const struct config *config = engine->config;
        for (size_t i = 0; i < engine->outlet_count; i++) {
                if (outlet_open(&engine->outlets[i], &engine->loop, error))
                        continue;
                on_fatal(engine, error);
                return false;
        }
        engine->admin_source = (struct admin_source){.render = pages_render, .context = engine};
        engine->admin = admin_open(&engine->loop, config, &engine->admin_source, error);
        if (!engine->admin && error[0]) {
                on_fatal(engine, error);
                return false;
        }
        engine->publisher = amqp_publisher_open(&engine->loop, config, PUBLISH_TIMEOUT_MS);
        telling_open(engine, PUBLISH_TIMEOUT_MS);
        engine->spare = redis_spare_open(&engine->loop, config, on_spare, engine);
        engine->store = redis_store_open(&engine->loop, config, engine->worker, &store_events, engine);
        engine->consumer = amqp_consumer_open(&engine->loop, config, &consumer_events, engine);
        files_open(engine);
        looks_open(engine);
        planners_configure(engine);
        presence_open(engine);
        depth_open(engine);
        stuck_open(engine);
        schedules_open(engine);
        spans_open(engine);
        return true;
}

static void close_parts(struct engine *engine)
{
        if (engine->consumer) {
                presence_close(engine);
                depth_close(engine);
                stuck_close(engine);
                amqp_consumer_close(engine->consumer);
                redis_store_close(engine->store);
                redis_spare_close(engine->spare);
                amqp_publisher_close(engine->publisher, 1000);
                telling_close(engine);
                schedules_close(engine);
        }
        if (engine->admin)
                admin_close(engine->admin);
        for (size_t i = 0; i < engine->outlet_count; i++)
                outlet_close(&engine->outlets[i]);
        lanes_close(engine);
        planners_close(engine);
        if (engine->files)
                files_close(engine);
}

/* What somebody who reads the log wants to know first. */
static void tell_started(const struct engine *engine)
{
        static const char *const ways[] = {[TRANSPORT_HTTP] = "over HTTP",
                                           [TRANSPORT_SMTP] = "over SMTP",
                                           [TRANSPORT_LOG] = "to the log"};
        const struct config *config = engine->config;
        char text[200];
        snprintf(text, sizeof(text), "leveret %s: queue %.60s%s, mails %s, admin %.40s", LEVERET_VERSION,
                 config->queues[0].name, config->queue_count > 1 ? " and more" : "",
                 ways[config->mail.transport], config->admin.listen);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "started", .msg = text});
        if (config->mail.transport == TRANSPORT_LOG)
                log_event(LOG_LEVEL_WARN,
                          &(struct log_fields){.event = "mail_not_sent",
                                               .msg = "mail.transport is log: jobs complete, and every mail "
                                                      "is but a line of the log"});
}

/* That not everybody is mailed, or somebody else too, must not be found out by chance. */
static void engine_tell_guard(const struct engine *engine)
{
        struct buffer text = {0};
        mail_guard_tell(&engine->config->guard, &text);
        if (text.len)
                log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "mail_guard", .msg = text.data});
        buffer_fini(&text);
}

struct engine *engine_new(const struct config *config, const struct engine_options *options)
{
        struct engine *engine = memory_zeroed(1, sizeof(*engine));
        engine->config = config;
        engine->options = *options;
        return engine;
}

/* Messages that are effects leave by it: what holds them back is the publisher's connection. */
static const struct config_outlet publish_outlet = {
        .name = "publish",
        .kind = OUTLET_PUBLISH,
        .breaker = {.failures = CONFIG_BREAKER_FAILURES_MAX, .open_ms = 1000, .open_max_ms = 1000},
};

static void add_outlet(struct engine *engine, const struct config_outlet *config)
{
        struct outlet *outlet = &engine->outlets[engine->outlet_count];
        outlet_init(outlet, config, clock_boot_ms());
        outlet->engine = engine;
        outlet->index = engine->outlet_count++;
}

bool engine_open(struct engine *engine)
{
        const struct config *config = engine->config;
        if (uv_loop_init(&engine->loop) != 0)
                abort();
        inflight_init(engine);
        TAILQ_INIT(&engine->lanes);
        engine->perform = delivery_perform;
        engine->domains = domains_open();
        engine->started_ms = clock_wall_ms();
        engine->random = (uint64_t)uv_hrtime() ^ (uint64_t)getpid() << 32 ^ 0x9e3779b97f4a7c15u;
        name_worker(engine);
        log_worker(engine->worker);
        fatal_signal_open(engine->worker);
        fatal_signal_enter();
        const struct config_outlet *outlet;
        while ((outlet = config_outlet_at(config, engine->outlet_count)))
                add_outlet(engine, outlet);
        add_outlet(engine, &publish_outlet);
        engine->metrics = open_metrics(engine);
        types_open(engine);
        route_configure(engine);
        recent_open(engine);
        alerts_open(engine);
        if (!open_parts(engine))
                return false;
        lifecycle_open(engine);
        tell_started(engine);
        engine_tell_guard(engine);
        engine->life.opened = true;
        return true;
}

int engine_close(struct engine *engine)
{
        if (engine->life.opened)
                lifecycle_close(engine);
        engine->life.stage = STAGE_ENDED;
        close_parts(engine);
        alerts_close(engine);
        spans_close(engine);
        /* Until all handles are closed; a stop that nobody ran for ends only the first of these. */
        while (uv_run(&engine->loop, UV_RUN_DEFAULT) != 0) {
        }
        fatal_signal_leave();
        fatal_signal_close();
        deliveries_forget(engine);
        type_set_give(engine->types);
        lanes_forget(engine);
        domains_close(engine->domains);
        recent_close(engine);
        metrics_free(engine->metrics);
        if (uv_loop_close(&engine->loop) != 0)
                log_event(LOG_LEVEL_DEBUG, &(struct log_fields){.event = "loop_busy"});
        int status = engine->life.exit_status;
        free(engine);
        return status;
}

struct run {
        struct engine *engine;
        int status;
};

static void engine_run_thread(void *context)
{
        struct run *run = context;
        pthread_setname_np(pthread_self(), "leveret-loop");
        if (engine_open(run->engine))
                uv_run(&run->engine->loop, UV_RUN_DEFAULT);
        run->status = engine_close(run->engine);
}

/* By default the loop's thread gets a heap of its own that is shrunk and grown again, page by page and
 * zeroed, with every wave of messages. One heap for all threads, which hardly allocate beside the loop, keeps
 * this much instead. */
#define HEAP_KEPT_BYTES (4 << 20)

static void tune_heap(void)
{
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
        mallopt(M_TOP_PAD, 256 << 10);
}

int engine_run(const struct config *config, const struct engine_options *options)
{
        struct run run = {.engine = engine_new(config, options)};
        tune_heap();
        lifecycle_block_signals();
        const uv_thread_options_t stack = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = LOOP_STACK_BYTES};
        uv_thread_t thread;
        if (uv_thread_create_ex(&thread, &stack, engine_run_thread, &run) != 0) {
                log_event(LOG_LEVEL_ERROR, &(struct log_fields){.event = "cannot_start",
                                                                .error = "cannot create the loop's thread"});
                free(run.engine);
                return 1;
        }
        uv_thread_join(&thread);
        return run.status;
}
