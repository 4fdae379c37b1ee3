#include "query/operation.h"
#include "core/record/keys.h"
#include "core/text/json_member.h"
#include "core/text/word.h"
#include "io/machine/clock.h"
#include "query/jobs.h"
#include "query/publication.h"

#include <inttypes.h>
#include <string.h>

enum { GONE_AFTER_MS = 15000, TEXTS = 7, NUMBERS = 7 };

struct text_row {
        const char *name;
        size_t offset;
};

static const struct text_row texts[TEXTS] = {
        {"kind", offsetof(struct operation, kind)},   {"state", offsetof(struct operation, state)},
        {"queue", offsetof(struct operation, queue)}, {"token", offsetof(struct operation, token)},
        {"error", offsetof(struct operation, error)}, {"new_id", offsetof(struct operation, new_id)},
        {"id", offsetof(struct operation, id)},
};
static const struct text_row numbers[NUMBERS] = {
        {"total", offsetof(struct operation, total)},
        {"done", offsetof(struct operation, done)},
        {"expired", offsetof(struct operation, expired)},
        {"kept", offsetof(struct operation, kept)},
        {"started_ms", offsetof(struct operation, started_ms)},
        {"ended_ms", offsetof(struct operation, ended_ms)},
        {"seen_ms", offsetof(struct operation, seen_ms)},
};

static const char **operation_text_of(const struct operation *operation, const struct text_row *row)
{
        return (const char **)(void *)((char *)(uintptr_t)operation + row->offset);
}

static int64_t *operation_number_of(const struct operation *operation, const struct text_row *row)
{
        return (int64_t *)(void *)((char *)(uintptr_t)operation + row->offset);
}

void operation_begin(const struct query *query, struct operation *operation)
{
        operation->id = publication_id(query->arena);
        operation->state = "running";
        operation->error = operation->new_id = "";
        operation->started_ms = operation->seen_ms = clock_wall_ms();
}

/* KEYS: operation. ARGV: ttl, then fields and values. Answers whether it is new. */
static const char save_script[] =
        "local new = redis.call('EXISTS', KEYS[1]) == 0 "
        "redis.call('HSET', KEYS[1], unpack(ARGV, 2)) redis.call('PEXPIRE', KEYS[1], ARGV[1]) "
        "return new and 1 or 0";

/* Apart from the operation itself, whose key has another slot. */
static bool operation_list_add(const struct query *query, const struct operation *operation)
{
        struct arena *arena = query->arena;
        const char *key = query_key(query, KEY_OPERATIONS, NULL);
        const char *started = arena_printf(arena, "%" PRId64, operation->started_ms);
        const char *ttl = arena_printf(arena, "%d", RECORD_OPERATION_TTL_MS);
        const char *surplus = arena_printf(arena, "%d", -1 - RECORD_OPERATIONS_MAX);
        bool added = redis_sync_call(query->redis, arena, "ZADD", key, started, operation->id, NULL)->kind ==
                     REDIS_INTEGER;
        redis_sync_call(query->redis, arena, "PEXPIRE", key, ttl, NULL);
        redis_sync_call(query->redis, arena, "ZREMRANGEBYRANK", key, "0", surplus, NULL);
        return added;
}

bool operation_save(const struct query *query, const struct operation *operation)
{
        struct arena *arena = query->arena;
        struct slice words[5 + 2 * (TEXTS + NUMBERS)] = {
                SLICE_LITERAL("EVAL"),
                slice_of(save_script),
                SLICE_LITERAL("1"),
                slice_of(query_key(query, KEY_OPERATION, operation->id)),
                slice_of(arena_printf(arena, "%d", RECORD_OPERATION_TTL_MS)),
        };
        size_t count = 5;
        for (size_t i = 0; i < TEXTS; i++) {
                const char *text = *operation_text_of(operation, &texts[i]);
                words[count++] = slice_of(texts[i].name);
                words[count++] = slice_of(text ? text : "");
        }
        for (size_t i = 0; i < NUMBERS; i++) {
                words[count++] = slice_of(numbers[i].name);
                words[count++] = slice_of(
                        arena_printf(arena, "%" PRId64, *operation_number_of(operation, &numbers[i])));
        }
        const struct redis_value *saved = redis_sync_run(query->redis, arena, words, count);
        return saved->kind == REDIS_INTEGER && (saved->integer == 0 || operation_list_add(query, operation));
}

static void stop_if_gone(const struct query *query, struct operation *operation)
{
        if (strcmp(operation->state, "running") != 0 || clock_wall_ms() - operation->seen_ms < GONE_AFTER_MS)
                return;
        operation->state = "stopped";
        operation->error = "the process that ran it is gone; what it did not reach is as it was";
        operation->ended_ms = operation->seen_ms;
        operation_save(query, operation);
}

const char *operation_find(const struct query *query, const char *id, struct operation *operation)
{
        *operation = (struct operation){0};
        const struct redis_value *hash = redis_sync_call(query->redis, query->arena, "HGETALL",
                                                         query_key(query, KEY_OPERATION, id), NULL);
        if (hash->kind != REDIS_LIST)
                return query_text(query, hash->text);
        if (hash->count == 0)
                return NULL;
        for (size_t i = 0; i < TEXTS; i++)
                *operation_text_of(operation, &texts[i]) =
                        query_text(query, redis_value_field(hash, texts[i].name));
        for (size_t i = 0; i < NUMBERS; i++)
                *operation_number_of(operation, &numbers[i]) = job_field_integer(hash, numbers[i].name);
        operation->asked_to_stop = redis_value_field(hash, "stop").len > 0;
        stop_if_gone(query, operation);
        if (operation->kept > 0)
                operation->kept = operation_kept(query, id);
        return NULL;
}

bool operation_ask_to_stop(const struct query *query, const char *id)
{
        return redis_sync_call(query->redis, query->arena, "HSET", query_key(query, KEY_OPERATION, id),
                               "stop", "1", NULL)
                       ->kind == REDIS_INTEGER;
}

int64_t operation_kept(const struct query *query, const char *id)
{
        const struct redis_value *kept =
                redis_sync_call(query->redis, query->arena, "LLEN", query_key(query, KEY_DROPPED, id), NULL);
        return kept->kind == REDIS_INTEGER ? kept->integer : -1;
}

const struct redis_value *operations_latest(const struct query *query, size_t limit)
{
        return redis_sync_call(query->redis, query->arena, "ZREVRANGE",
                               query_key(query, KEY_OPERATIONS, NULL), "0",
                               arena_printf(query->arena, "%zu", limit - 1), NULL);
}

void operation_add_json(const struct operation *operation, struct buffer *out)
{
        buffer_add_text(out, "{\"id\":");
        buffer_add_json_string(out, slice_of(operation->id));
        json_member_given(out, "kind", slice_of(operation->kind));
        json_member_given(out, "state", slice_of(operation->state));
        buffer_printf(out, ",\"total\":%" PRId64 ",\"done\":%" PRId64, operation->total, operation->done);
        json_member_given(out, "error", slice_of(operation->error));
        json_member_given(out, "queue", slice_of(operation->queue));
        json_member_given(out, "token", slice_of(operation->token));
        json_member_given(out, "new_id", slice_of(operation->new_id));
        buffer_printf(out, ",\"expired\":%" PRId64 ",\"restorable\":%s,\"started_ms\":%" PRId64,
                      operation->expired, bool_word(operation->kept > 0), operation->started_ms);
        if (operation->ended_ms > 0)
                buffer_printf(out, ",\"ended_ms\":%" PRId64 "}", operation->ended_ms);
        else
                buffer_add_text(out, ",\"ended_ms\":null}");
}
