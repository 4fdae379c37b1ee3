#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "run/send.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Tells other processes about this one (leveret:worker:<id>) and how old what waits in its queues may be
 * (leveret:newer-than), and listens to what operators ask of all (leveret:paused). */

/* At least; it is looked at with each tick of the engine. */
#define PAUSED_EVERY_MS 300
#define TELL_EVERY_MS 2000
/* Of a process in which nothing happened for so long: hundreds of them must cost Redis next to nothing, so it
 * asks and tells in one go. Its first message makes it ask at once. What people wait for is told at once,
 * too.
 */
#define IDLE_AFTER_MS 10000
#define IDLE_EVERY_MS 6000
#define NAME_EVERY_MS 60000

/* Bit by bit of the queues, two bits of the breaker of each outlet. */
struct told {
        uint64_t paused, cancelled, breakers;
        enum stage stage;
};

struct presence {
        struct engine *engine;
        int64_t asked_ms, told_ms, named_ms, busy_ms; /* `busy_ms`: when a job was last seen */
        int64_t told_newer_sum;                       /* newer_than_sum(), as it was told last */
        uint64_t told_completed;
        double rate; /* completed a second, since the last telling */
        bool asking;
        struct told told; /* what people wait for, as it was told last */
};

static void presence_measure(struct presence *presence, int64_t now_ms)
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

/* A command of Redis while it is put together; the words lie in the arena. */
struct words {
        struct slice list[13 * 2 + 2 + CONFIG_QUEUES_MAX * 4];
        size_t count;
        struct arena arena;
};

static void presence_add_text(struct words *words, const char *name, struct slice text)
{
        words->list[words->count++] = slice_of(name);
        words->list[words->count++] = text;
}

static void presence_add_number(struct words *words, const char *name, int64_t number)
{
        presence_add_text(words, name, slice_of(arena_printf(&words->arena, "%" PRId64, number)));
}

/* What this process knows of each queue: "in_flight.leveret.work" and so on. */
static void presence_add_queues(struct words *words, const struct engine *engine)
{
        struct buffer names = {0}, paused = {0};
        add_paused(engine, &paused);
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                const char *name = engine->config->queues[i].name;
                buffer_printf(&names, "%s%s", i ? " " : "", name);
                presence_add_number(words, arena_printf(&words->arena, "in_flight.%s", name),
                                    (int64_t)engine->queues[i].in_flight);
                presence_add_number(words, arena_printf(&words->arena, "newer_than_ms.%s", name),
                                    engine->queues[i].newer_than_ms);
        }
        presence_add_text(words, "queues",
                          arena_slice(&words->arena, (struct slice){.data = names.data, .len = names.len}));
        presence_add_text(words, "paused",
                          arena_slice(&words->arena, (struct slice){.data = paused.data, .len = paused.len}));
        buffer_fini(&names);
        buffer_fini(&paused);
}

/* Open if one is, else half open if one is. One receiver of posts that is down is nobody's emergency. */
static enum breaker_state worst_breaker(const struct engine *engine)
{
        enum breaker_state worst = BREAKER_CLOSED;
        for (size_t i = 0; i < engine->outlet_count; i++) {
                enum breaker_state state = engine->outlets[i].breaker.state;
                if (state == BREAKER_OPEN || worst == BREAKER_CLOSED)
                        worst = state;
        }
        return worst;
}

/* "mail closed backup open": each outlet with the state of its breaker. */
static void presence_add_outlets(struct words *words, const struct engine *engine)
{
        struct buffer states = {0};
        for (size_t i = 0; i < engine->outlet_count; i++)
                buffer_printf(&states, "%s%s %s", i ? " " : "", engine->outlets[i].config->name,
                              breaker_state_word(outlet_sum(engine, i).breaker->state));
        presence_add_text(words, "outlets",
                          arena_slice(&words->arena, (struct slice){.data = states.data, .len = states.len}));
        buffer_fini(&states);
}

static void add_process(struct words *words, const struct presence *presence)
{
        const struct engine *engine = presence->engine;
        char host[64] = "";
        if (gethostname(host, sizeof(host) - 1) != 0)
                host[0] = '\0';
        presence_add_text(words, "host", slice_of(arena_strdup(&words->arena, host)));
        presence_add_number(words, "pid", (int64_t)getpid());
        presence_add_text(words, "version", SLICE_LITERAL(LEVERET_VERSION));
        presence_add_number(words, "in_flight", (int64_t)engine->inflight.count);
        presence_add_text(words, "rate", slice_of(arena_printf(&words->arena, "%.1f", presence->rate)));
        presence_add_number(words, "completed", (int64_t)engine->ends[METRICS_COMPLETED]);
        presence_add_text(words, "breaker", slice_of(breaker_state_word(worst_breaker(engine))));
        presence_add_outlets(words, engine);
        presence_add_text(words, "state",
                          slice_of(engine->life.stage == STAGE_RUNNING ? "running" : "draining"));
        presence_add_number(words, "started_ms", engine->started_ms);
        presence_add_number(words, "seen_ms", clock_wall_ms());
}

/* Sends the command and lets its key expire. */
static void send_words(struct engine *engine, struct words *words, struct slice ttl_ms)
{
        struct slice expire[] = {SLICE_LITERAL("PEXPIRE"), words->list[1], ttl_ms};
        redis_store_command(engine->store, words->list, words->count, NULL, NULL);
        redis_store_command(engine->store, expire, 3, NULL, NULL);
}

/* Its name stands among those of all workers, until long after it is gone. */
static void tell_name(struct engine *engine)
{
        struct words words = {0};
        arena_init(&words.arena);
        int64_t now_ms = clock_wall_ms();
        const char *key = record_key(&words.arena, engine->config->redis.prefix, KEY_WORKERS, NULL);
        struct slice add[] = {SLICE_LITERAL("ZADD"), slice_of(key),
                              slice_of(arena_printf(&words.arena, "%" PRId64, now_ms)),
                              slice_of(engine->worker)};
        struct slice trim[] = {
                SLICE_LITERAL("ZREMRANGEBYSCORE"), slice_of(key), SLICE_LITERAL("-inf"),
                slice_of(arena_printf(&words.arena, "%" PRId64, now_ms - RECORD_WORKERS_KEPT_MS))};
        redis_store_command(engine->store, add, 4, NULL, NULL);
        redis_store_command(engine->store, trim, 4, NULL, NULL);
        arena_fini(&words.arena);
}

/* Changes whenever one of them does: they only grow. */
static int64_t newer_than_sum(const struct engine *engine)
{
        int64_t sum = 0;
        for (size_t i = 0; i < engine->config->queue_count; i++)
                sum += engine->queues[i].newer_than_ms;
        return sum;
}

/* How old what waits may be has to be known also when no worker is left. */
static void tell_newer_than(struct engine *engine)
{
        struct words words = {0};
        arena_init(&words.arena);
        const char *key = record_key(&words.arena, engine->config->redis.prefix, KEY_NEWER_THAN, NULL);
        presence_add_text(&words, "HSET", slice_of(key));
        for (size_t i = 0; i < engine->config->queue_count; i++)
                if (engine->queues[i].newer_than_ms > 0)
                        presence_add_number(&words, engine->config->queues[i].name,
                                            engine->queues[i].newer_than_ms);
        const char *ttl_ms = arena_printf(&words.arena, "%" PRId64, engine->config->claim.keep_ms);
        if (words.count > 2)
                send_words(engine, &words, slice_of(ttl_ms));
        arena_fini(&words.arena);
}

static struct told told_of(const struct engine *engine)
{
        struct told told = {.stage = engine->life.stage};
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                const struct queue_state *queue = &engine->queues[i];
                told.paused |= (uint64_t)queue->paused << i;
                told.cancelled |= (uint64_t)(queue->paused && queue->cancelled) << i;
        }
        for (size_t i = 0; i < engine->outlet_count; i++)
                told.breakers |= (uint64_t)engine->outlets[i].breaker.state << (2 * i);
        return told;
}

static void presence_tell(struct presence *presence)
{
        struct engine *engine = presence->engine;
        presence->told = told_of(engine);
        struct words words = {0};
        arena_init(&words.arena);
        const char *key = record_key(&words.arena, engine->config->redis.prefix, KEY_WORKER, engine->worker);
        presence_add_text(&words, "HSET", slice_of(key));
        add_process(&words, presence);
        presence_add_queues(&words, engine);
        send_words(engine, &words, slice_of(arena_printf(&words.arena, "%d", RECORD_WORKER_TTL_MS)));
        arena_fini(&words.arena);
        int64_t now_ms = clock_boot_ms();
        if (presence->named_ms == 0 || now_ms - presence->named_ms >= NAME_EVERY_MS) {
                presence->named_ms = now_ms;
                tell_name(engine);
        }
        int64_t sum = newer_than_sum(engine);
        if (sum != presence->told_newer_sum) {
                presence->told_newer_sum = sum;
                tell_newer_than(engine);
        }
}

/* True if this queue was not known to be so. */
static bool pause_take(struct engine *engine, size_t queue, const struct slice *names, size_t count)
{
        const char *name = engine->config->queues[queue].name;
        bool paused = false;
        for (size_t i = 0; i < count; i++)
                paused |= slice_is(names[i], name);
        if (paused == engine->queues[queue].paused)
                return false;
        engine->queues[queue].paused = paused;
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = paused ? "paused" : "resumed",
                                                       .queue = name,
                                                       .msg = "by an operator"});
        return true;
}

/* An error of the server's leaves things as they are known. */
static void on_paused(void *context, bool lost, const struct slice *values, size_t count)
{
        struct engine *engine = context;
        struct presence *presence = engine->presence;
        if (!presence)
                return;
        presence->asking = false;
        if (engine->life.stage == STAGE_ENDED || !redis_store_is_up(engine->store))
                return;
        bool changed = !engine->pauses_known;
        if (changed && lost)
                log_event(LOG_LEVEL_ERROR,
                          &(struct log_fields){.event = "paused_unreadable",
                                               .msg = "cannot read which queues are paused"});
        engine->pauses_known = true;
        if (changed) { /* Redis is up anew, and may know nothing of this worker */
                presence->told.stage = STAGE_ENDED;
                presence->named_ms = presence->told_newer_sum = 0;
        }
        for (size_t i = 0; i < engine->config->queue_count && !lost; i++)
                changed |= pause_take(engine, i, values, count);
        if (changed)
                wake_soon(engine);
}

void presence_turn(struct engine *engine)
{
        struct presence *presence = engine->presence;
        if (!presence || !engine->pauses_known || !redis_store_is_up(engine->store))
                return;
        struct told now = told_of(engine), *told = &presence->told;
        if (now.paused != told->paused || now.cancelled != told->cancelled ||
            now.breakers != told->breakers || now.stage != told->stage)
                presence_tell(presence);
}

void presence_ask(struct engine *engine)
{
        struct presence *presence = engine->presence;
        if (!presence || presence->asking || !redis_store_is_up(engine->store))
                return;
        struct buffer key = {0};
        record_key_add(&key, engine->config->redis.prefix, KEY_PAUSED, (struct slice){0});
        struct slice arguments[] = {SLICE_LITERAL("SMEMBERS"), {.data = key.data, .len = key.len}};
        presence->asking = true;
        redis_store_query(engine->store, arguments, 2, on_paused, engine);
        buffer_fini(&key);
}

void presence_look(struct engine *engine, int64_t now_ms)
{
        struct presence *presence = engine->presence;
        if (!presence)
                return;
        if (engine->inflight.count > 0 || presence->told_completed != engine->ends[METRICS_COMPLETED] ||
            presence->busy_ms == 0)
                presence->busy_ms = now_ms;
        bool idle = now_ms - presence->busy_ms >= IDLE_AFTER_MS;
        bool tells = now_ms - presence->told_ms >= (idle ? IDLE_EVERY_MS : TELL_EVERY_MS);
        if (idle ? tells : now_ms - presence->asked_ms >= PAUSED_EVERY_MS) {
                presence->asked_ms = now_ms;
                presence_ask(engine);
        }
        if (!tells || !redis_store_is_up(engine->store))
                return;
        presence_measure(presence, now_ms);
        presence_tell(presence);
}

void presence_open(struct engine *engine)
{
        struct presence *presence = memory_zeroed(1, sizeof(*presence));
        presence->engine = engine;
        engine->presence = presence;
}

void presence_close(struct engine *engine)
{
        struct presence *presence = engine->presence;
        struct buffer key = {0};
        record_key_add(&key, engine->config->redis.prefix, KEY_WORKER, slice_of(engine->worker));
        struct slice forget[] = {SLICE_LITERAL("DEL"), {.data = key.data, .len = key.len}};
        redis_store_command(engine->store, forget, 2, NULL, NULL);
        buffer_fini(&key);
        engine->presence = NULL;
        free(presence);
}
