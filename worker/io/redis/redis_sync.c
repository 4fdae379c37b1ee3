#include "io/redis/redis_sync.h"
#include "core/memory/memory.h"
#include "io/machine/clock.h"
#include "io/redis/redis_connection.h"
#include "io/redis/redis_probe.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARGUMENTS_MAX = 64, NESTING_MAX = 8 };
/* Behind sentinels: a server that was replaced and does not know of it goes on to answer. */
#define OLD_MS 5000

struct redis_sync {
        struct redis_connection connection;
        int64_t opened_ms; /* clock_boot_ms */
        size_t queued;
};

struct redis_sync *redis_sync_open(const struct config *config, char *error)
{
        struct redis_sync *redis = memory_zeroed(1, sizeof(*redis));
        redis->opened_ms = clock_boot_ms();
        if (redis_connection_open(&redis->connection, config, "cli"))
                return redis;
        snprintf(error, 256, "%s", redis->connection.error);
        free(redis);
        return NULL;
}

bool redis_sync_keeps_unknown(const struct redis_sync *redis)
{
        return redis->connection.keeps_unknown;
}

const char *redis_sync_found(const struct redis_sync *redis)
{
        return redis->connection.found;
}

int64_t redis_sync_replicas(const struct redis_sync *redis)
{
        return redis->connection.replicas;
}

bool redis_sync_is_old(const struct redis_sync *redis)
{
        return redis->connection.primary[0] && clock_boot_ms() - redis->opened_ms > OLD_MS;
}

void redis_sync_close(struct redis_sync *redis)
{
        if (!redis)
                return;
        redis_connection_close(&redis->connection);
        free(redis);
}

static void convert(struct arena *arena, const redisReply *reply, int depth, struct redis_value *value)
{
        *value = (struct redis_value){.kind = REDIS_NIL};
        switch (reply->type) {
        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
        case REDIS_REPLY_ERROR:
                value->kind = reply->type == REDIS_REPLY_ERROR ? REDIS_FAILED : REDIS_TEXT;
                value->text = arena_slice(arena, (struct slice){.data = reply->str, .len = reply->len});
                return;
        case REDIS_REPLY_INTEGER:
                value->kind = REDIS_INTEGER;
                value->integer = reply->integer;
                return;
        case REDIS_REPLY_ARRAY:
                value->kind = REDIS_LIST;
                if (depth == NESTING_MAX)
                        return;
                value->items = arena_alloc(arena, reply->elements * sizeof(*value->items));
                value->count = reply->elements;
                for (size_t i = 0; i < reply->elements; i++)
                        convert(arena, reply->element[i], depth + 1, &value->items[i]);
                return;
        default:
                return;
        }
}

const struct redis_value *redis_sync_run(struct redis_sync *redis, struct arena *arena,
                                         const struct slice *arguments, size_t count)
{
        struct redis_value *value = arena_alloc(arena, sizeof(*value));
        const char **texts = arena_alloc(arena, count * sizeof(*texts));
        size_t *lengths = arena_alloc(arena, count * sizeof(*lengths));
        for (size_t i = 0; i < count; i++) {
                texts[i] = arguments[i].data ? arguments[i].data : "";
                lengths[i] = arguments[i].len;
        }
        redisContext *context = redis->connection.context;
        redisReply *reply = context->err ? NULL : redisCommandArgv(context, (int)count, texts, lengths);
        if (!reply) {
                value->kind = REDIS_FAILED;
                value->text = slice_of(arena_strdup(arena, context->errstr));
                return value;
        }
        convert(arena, reply, 0, value);
        freeReplyObject(reply);
        return value;
}

const struct redis_value *redis_sync_call(struct redis_sync *redis, struct arena *arena, ...)
{
        struct slice arguments[ARGUMENTS_MAX];
        size_t count = 0;
        va_list list;
        va_start(list, arena);
        for (const char *text; count < ARGUMENTS_MAX && (text = va_arg(list, const char *));)
                arguments[count++] = slice_of(text);
        va_end(list);
        return redis_sync_run(redis, arena, arguments, count);
}

const struct redis_value *redis_sync_cancel(struct redis_sync *redis, struct arena *arena,
                                            const struct redis_cancel *cancel)
{
        const char *keep = arena_printf(arena, "%" PRId64, cancel->keep_ms);
        const char *tier = arena_printf(arena, "%" PRId64, cancel->tier_ms);
        return redis_sync_call(redis, arena, "EVAL", redis_probe_cancel(arena), "2", cancel->job_key,
                               cancel->events_key, "", "", "", "", "", "", "", "", cancel->by, keep, tier,
                               NULL);
}

struct slice redis_value_field(const struct redis_value *hash, const char *field)
{
        for (size_t i = 0; i + 1 < hash->count; i += 2)
                if (slice_is(hash->items[i].text, field))
                        return hash->items[i + 1].text;
        return (struct slice){0};
}

void redis_sync_queue(struct redis_sync *redis, const struct slice *arguments, size_t count)
{
        const char *texts[ARGUMENTS_MAX];
        size_t lengths[ARGUMENTS_MAX];
        assert(count <= ARGUMENTS_MAX);
        for (size_t i = 0; i < count; i++) {
                texts[i] = arguments[i].data ? arguments[i].data : "";
                lengths[i] = arguments[i].len;
        }
        if (redisAppendCommandArgv(redis->connection.context, (int)count, texts, lengths) == REDIS_OK)
                redis->queued++;
}

bool redis_sync_flush(struct redis_sync *redis)
{
        bool ok = true;
        for (; redis->queued > 0; redis->queued--) {
                void *answer = NULL;
                if (redisGetReply(redis->connection.context, &answer) != REDIS_OK) {
                        redis->queued = 0;
                        return false;
                }
                ok &= ((redisReply *)answer)->type != REDIS_REPLY_ERROR;
                freeReplyObject(answer);
        }
        return ok;
}
