#include "run/types.h"
#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdlib.h>

/* The types that messages may be of: this process's own, and what other versions say of theirs. */

/* How often it is said again, for a Redis that lost it. */
#define TELL_EVERY_MS (5 * INT64_C(60000))
/* A deferral takes no longer, so that a deployment is noticed. */
#define GRACE_STEP_MS INT64_C(30000)

/* The numbers of each type, by its name: they go on over a reload. */
static void types_label(struct engine *engine)
{
        for (size_t i = 0; i < engine->types->count; i++)
                engine->types->labels[i] = metrics_type(engine->metrics, engine->types->table[i]->type);
}

void types_open(struct engine *engine)
{
        engine->types = type_set_take(engine->options.types);
        types_label(engine);
}

void types_replace(struct engine *engine, struct type_set *types)
{
        struct type_set *before = engine->types;
        engine->types = type_set_take(types);
        type_set_give(before);
        types_label(engine);
        types_tell(engine);
}

/* Names that nobody said for as long as a record is kept, and what is too much, are forgotten. */
static void types_trim(struct engine *engine, struct arena *arena, struct slice key, int64_t now_ms)
{
        const char *oldest = arena_printf(arena, "%" PRId64, now_ms - engine->config->claim.keep_ms);
        const char *last = arena_printf(arena, "%d", -RECORD_TYPES_MAX - 1);
        struct slice old[] = {SLICE_LITERAL("ZREMRANGEBYSCORE"), key, SLICE_LITERAL("-inf"),
                              slice_of(oldest)};
        struct slice surplus[] = {SLICE_LITERAL("ZREMRANGEBYRANK"), key, SLICE_LITERAL("0"), slice_of(last)};
        redis_store_command(engine->store, old, 4, NULL, NULL);
        redis_store_command(engine->store, surplus, 4, NULL, NULL);
}

void types_tell(struct engine *engine)
{
        const struct type_set *types = engine->types;
        if (types->count == 0 || !redis_store_is_up(engine->store))
                return;
        engine->types_told_ms = clock_boot_ms();
        int64_t now_ms = clock_wall_ms();
        struct arena arena;
        arena_init(&arena);
        struct slice now = slice_of(arena_printf(&arena, "%" PRId64, now_ms));
        struct slice *words = memory_zeroed(2 + 2 * types->count, sizeof(*words));
        words[0] = SLICE_LITERAL("ZADD");
        words[1] = slice_of(record_key(&arena, engine->config->redis.prefix, KEY_TYPES, NULL));
        for (size_t i = 0; i < types->count; i++) {
                words[2 + 2 * i] = now;
                words[3 + 2 * i] = slice_of(types->table[i]->type);
        }
        redis_store_command(engine->store, words, 2 + 2 * types->count, NULL, NULL);
        types_trim(engine, &arena, words[1], now_ms);
        free(words);
        arena_fini(&arena);
}

void types_look(struct engine *engine, int64_t now_ms)
{
        if (now_ms - engine->types_told_ms >= TELL_EVERY_MS)
                types_tell(engine);
}

static bool is_unknown(const struct delivery *delivery)
{
        const struct envelope *envelope = &delivery->envelope;
        return envelope->reason == REASON_UNKNOWN_TYPE && envelope->type && !delivery->handler;
}

static void on_named(void *context, bool lost, const struct slice *values, size_t count)
{
        struct delivery *delivery = context;
        (void)values;
        if (delivery_back(delivery))
                delivery->named = !lost && count > 0;
}

void types_ask(struct delivery *delivery)
{
        struct engine *engine = delivery->engine;
        if (!is_unknown(delivery) || engine->config->claim.unknown_type_grace_ms == 0)
                return;
        const char *key = record_key(delivery->arena, engine->config->redis.prefix, KEY_TYPES, NULL);
        struct slice words[] = {SLICE_LITERAL("ZSCORE"), slice_of(key), slice_of(delivery->envelope.type)};
        delivery->pending++;
        redis_store_query(engine->store, words, 3, on_named, delivery);
}

int64_t types_grace_ms(const struct delivery *delivery)
{
        if (!is_unknown(delivery) || !delivery->named)
                return 0;
        int64_t now_ms = clock_wall_ms();
        if (envelope_expired(&delivery->envelope, now_ms))
                return 0;
        int64_t left_ms =
                delivery->created_ms + delivery->engine->config->claim.unknown_type_grace_ms - now_ms;
        if (left_ms <= 0)
                return 0;
        return left_ms < GRACE_STEP_MS ? left_ms : GRACE_STEP_MS;
}
