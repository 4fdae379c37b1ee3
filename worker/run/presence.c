#include "io/clock.h"
#include "io/log.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Tells other processes about this one (leveret:worker:<id>), and listens to what operators ask of all
 * (leveret:paused). */

#define PAUSED_EVERY_MS 400
#define TELL_EVERY_MS 2000
#define WORKER_TTL_MS "10000"

struct presence {
        uv_timer_t timer;
        struct engine *engine;
        int64_t told_ms;
        uint64_t told_completed;
        double rate; /* completed a second, since the last telling */
        bool asking;
};

static void measure(struct presence *presence, int64_t now_ms)
{
        uint64_t completed = presence->engine->ends[METRICS_COMPLETED];
        int64_t passed_ms = now_ms - presence->told_ms;
        if (presence->told_ms > 0 && passed_ms > 0)
                presence->rate = (double)(completed - presence->told_completed) * 1000 / (double)passed_ms;
        presence->told_ms = now_ms;
        presence->told_completed = completed;
}

/* Queues that an operator paused and of which no more delivery can arrive. */
static void add_paused(const struct engine *engine, struct buffer *names)
{
        buffer_add_text(names, "");
        for (size_t i = 0; i < engine->config->queue_count; i++)
                if (engine->queues[i].paused && engine->queues[i].cancelled)
                        buffer_printf(names, "%s%s", names->len ? " " : "", engine->config->queues[i].name);
}

static void tell(struct presence *presence)
{
        struct engine *engine = presence->engine;
        char key[300], host[64] = "", pid[16], in_flight[24], rate[32], started[24], completed[24], now[24];
        struct buffer queues = {0}, paused = {0};
        add_paused(engine, &paused);
        for (size_t i = 0; i < engine->config->queue_count; i++)
                buffer_printf(&queues, "%s%s", i ? " " : "", engine->config->queues[i].name);
        int len = snprintf(key, sizeof(key), "%s:worker:%s", engine->config->redis.prefix, engine->worker);
        if (gethostname(host, sizeof(host) - 1) != 0)
                host[0] = '\0';
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        snprintf(in_flight, sizeof(in_flight), "%zu", engine->in_flight);
        snprintf(rate, sizeof(rate), "%.1f", presence->rate);
        snprintf(started, sizeof(started), "%" PRId64, engine->started_ms);
        snprintf(completed, sizeof(completed), "%" PRIu64, engine->ends[METRICS_COMPLETED]);
        snprintf(now, sizeof(now), "%" PRId64, clock_wall_ms());
        struct slice name = {.data = key, .len = (size_t)len};
        struct slice set[] = {
                SLICE_LITERAL("HSET"),
                name,
                SLICE_LITERAL("host"),
                slice_of(host),
                SLICE_LITERAL("pid"),
                slice_of(pid),
                SLICE_LITERAL("version"),
                SLICE_LITERAL(LEVERET_VERSION),
                SLICE_LITERAL("queues"),
                {.data = queues.data ? queues.data : "", .len = queues.len},
                SLICE_LITERAL("paused"),
                {.data = paused.data, .len = paused.len},
                SLICE_LITERAL("in_flight"),
                slice_of(in_flight),
                SLICE_LITERAL("rate"),
                slice_of(rate),
                SLICE_LITERAL("completed"),
                slice_of(completed),
                SLICE_LITERAL("breaker"),
                slice_of(breaker_state_word(engine->breaker.state)),
                SLICE_LITERAL("state"),
                slice_of(engine->stage == STAGE_RUNNING ? "running" : "draining"),
                SLICE_LITERAL("started_ms"),
                slice_of(started),
                SLICE_LITERAL("seen_ms"),
                slice_of(now),
        };
        struct slice expire[] = {SLICE_LITERAL("PEXPIRE"), name, SLICE_LITERAL(WORKER_TTL_MS)};
        redis_store_command(engine->store, set, sizeof(set) / sizeof(*set), NULL, NULL);
        redis_store_command(engine->store, expire, 3, NULL, NULL);
        buffer_fini(&queues);
        buffer_fini(&paused);
}

static void on_paused(void *context, bool lost, const struct slice *values, size_t count)
{
        struct engine *engine = context;
        struct presence *presence = engine->presence;
        if (!presence)
                return;
        presence->asking = false;
        if (lost || engine->stage == STAGE_ENDED)
                return;
        bool changed = false;
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                bool paused = false;
                for (size_t k = 0; k < count; k++)
                        paused |= slice_is(values[k], engine->config->queues[i].name);
                if (paused == engine->queues[i].paused)
                        continue;
                engine->queues[i].paused = paused;
                changed = true;
                log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = paused ? "paused" : "resumed",
                                                               .queue = engine->config->queues[i].name,
                                                               .msg = "by an operator"});
        }
        if (!changed)
                return;
        gate_consume(engine);
        tell(presence);
}

void presence_tell(struct engine *engine)
{
        if (engine->presence && redis_store_is_up(engine->store))
                tell(engine->presence);
}

static void ask_paused(struct presence *presence)
{
        struct engine *engine = presence->engine;
        if (presence->asking || !redis_store_is_up(engine->store))
                return;
        char key[300];
        int len = snprintf(key, sizeof(key), "%s:paused", engine->config->redis.prefix);
        struct slice arguments[] = {SLICE_LITERAL("SMEMBERS"), {.data = key, .len = (size_t)len}};
        presence->asking = true;
        redis_store_query(engine->store, arguments, 2, on_paused, engine);
}

static void on_timer(uv_timer_t *timer)
{
        struct presence *presence = timer->data;
        int64_t now_ms = clock_boot_ms();
        ask_paused(presence);
        if (now_ms - presence->told_ms < TELL_EVERY_MS || !redis_store_is_up(presence->engine->store))
                return;
        measure(presence, now_ms);
        tell(presence);
}

void presence_open(struct engine *engine)
{
        struct presence *presence = calloc(1, sizeof(*presence));
        if (!presence)
                abort();
        presence->engine = engine;
        engine->presence = presence;
        uv_timer_init(&engine->loop, &presence->timer);
        presence->timer.data = presence;
        uv_timer_start(&presence->timer, on_timer, 50, PAUSED_EVERY_MS);
}

static void on_closed(uv_handle_t *handle)
{
        free(handle->data);
}

void presence_close(struct engine *engine)
{
        struct presence *presence = engine->presence;
        char key[300];
        int len = snprintf(key, sizeof(key), "%s:worker:%s", engine->config->redis.prefix, engine->worker);
        struct slice forget[] = {SLICE_LITERAL("DEL"), {.data = key, .len = (size_t)len}};
        redis_store_command(engine->store, forget, 2, NULL, NULL);
        engine->presence = NULL;
        uv_close((uv_handle_t *)&presence->timer, on_closed);
}
