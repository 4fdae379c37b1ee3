#include "io/redis/redis_sync.h"
#include "core/memory/memory.h"
#include "io/machine/clock.h"
#include "io/redis/connection/redis_connection.h"
#include "io/redis/connection/redis_probe.h"
#include "io/redis/redis_route.h"

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
        struct redis_route *route; /* of a cluster, in place of the connection */
        bool refused;              /* a command of the batch, which a cluster is asked at once */
        int64_t opened_ms;         /* clock_boot_ms */
        size_t queued;
};

struct redis_sync *redis_sync_open(const struct config *config, char *error)
{
        struct redis_sync *redis = memory_zeroed(1, sizeof(*redis));
        redis->opened_ms = clock_boot_ms();
        if (redis_url_is_cluster(config->redis.url)) {
                redis->route = redis_route_open(config, "cli", error);
                if (redis->route)
                        return redis;
        } else if (redis_connection_open(&redis->connection, config, "cli")) {
                return redis;
        } else {
                snprintf(error, 256, "%s", redis->connection.error);
        }
        free(redis);
        return NULL;
}

/* Its connections: one, or one for each node of a cluster; NULL after the last. */
static struct redis_connection *connection_at(struct redis_sync *redis, size_t index)
{
        if (redis->route)
                return redis_route_node(redis->route, index);
        return index == 0 ? &redis->connection : NULL;
}

bool redis_sync_keeps_unknown(struct redis_sync *redis)
{
        const struct redis_connection *connection;
        for (size_t i = 0; (connection = connection_at(redis, i)); i++)
                if (connection->keeps_unknown)
                        return true;
        return false;
}

void redis_sync_found(struct redis_sync *redis, char text[REDIS_FOUND_SIZE])
{
        if (redis->route)
                redis_route_found(redis->route, text);
        else
                snprintf(text, REDIS_FOUND_SIZE, "%s", redis->connection.found);
}

int64_t redis_sync_replicas(struct redis_sync *redis)
{
        const struct redis_connection *connection;
        int64_t most = -1;
        for (size_t i = 0; (connection = connection_at(redis, i)); i++)
                if (connection->replicas > most)
                        most = connection->replicas;
        return most;
}

bool redis_sync_wait(struct redis_sync *redis, const struct config *config, char *error)
{
        struct redis_connection *connection;
        for (size_t i = 0; (connection = connection_at(redis, i)); i++)
                if (!redis_probe_replicas(connection, config)) {
                        snprintf(error, 256, "%s", connection->error);
                        return false;
                }
        return true;
}

bool redis_sync_is_old(const struct redis_sync *redis)
{
        return redis->connection.primary[0] && clock_boot_ms() - redis->opened_ms > OLD_MS;
}

void redis_sync_close(struct redis_sync *redis)
{
        if (!redis)
                return;
        if (redis->route)
                redis_route_close(redis->route);
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

static redisReply *run_single(struct redis_sync *redis, struct arena *arena, const struct slice *arguments,
                              size_t count)
{
        const char **texts = arena_alloc(arena, count * sizeof(*texts));
        size_t *lengths = arena_alloc(arena, count * sizeof(*lengths));
        for (size_t i = 0; i < count; i++) {
                texts[i] = arguments[i].data ? arguments[i].data : "";
                lengths[i] = arguments[i].len;
        }
        redisContext *context = redis->connection.context;
        return context->err ? NULL : redisCommandArgv(context, (int)count, texts, lengths);
}

/* The cursor of a cluster's SCAN is of its nodes too. */
static redisReply *run_scan(struct redis_sync *redis, struct arena *arena, const struct slice *arguments,
                            size_t count, struct redis_value *value)
{
        struct redis_cursor cursor = {.error = "the node is not connected"};
        snprintf(cursor.text, sizeof(cursor.text), "%.*s", SLICE_PRINT(arguments[1]));
        redisReply *reply = redis_route_scan(redis->route, arguments, count, &cursor);
        if (!reply) {
                value->text = slice_of(arena_strdup(arena, cursor.error));
                return NULL;
        }
        convert(arena, reply, 0, value);
        if (value->kind == REDIS_LIST && value->count == 2)
                value->items[0].text = slice_of(arena_strdup(arena, cursor.text));
        return reply;
}

const struct redis_value *redis_sync_run(struct redis_sync *redis, struct arena *arena,
                                         const struct slice *arguments, size_t count)
{
        char error[256] = "";
        struct redis_value *value = arena_alloc(arena, sizeof(*value));
        redisReply *reply;
        *value = (struct redis_value){.kind = REDIS_FAILED};
        if (redis->route && count > 1 && slice_is(arguments[0], "SCAN")) {
                reply = run_scan(redis, arena, arguments, count, value);
        } else {
                reply = redis->route ? redis_route_run(redis->route, arguments, count, error)
                                     : run_single(redis, arena, arguments, count);
                if (reply)
                        convert(arena, reply, 0, value);
                else
                        value->text = slice_of(arena_strdup(
                                arena, redis->route ? error : redis->connection.context->errstr));
        }
        if (reply)
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
                               cancel->tells ? "1" : NULL, NULL);
}

const struct redis_value *redis_sync_due(struct redis_sync *redis, struct arena *arena, const char *job_key,
                                         const char *told)
{
        return redis_sync_call(redis, arena, "EVAL", redis_probe_due(arena), "1", job_key, told, NULL);
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
        if (redis->route) {
                char error[256];
                redisReply *reply = redis_route_run(redis->route, arguments, count, error);
                redis->refused |= !reply || reply->type == REDIS_REPLY_ERROR;
                if (reply)
                        freeReplyObject(reply);
                return;
        }
        for (size_t i = 0; i < count; i++) {
                texts[i] = arguments[i].data ? arguments[i].data : "";
                lengths[i] = arguments[i].len;
        }
        if (redisAppendCommandArgv(redis->connection.context, (int)count, texts, lengths) == REDIS_OK)
                redis->queued++;
}

bool redis_sync_flush(struct redis_sync *redis)
{
        bool ok = !redis->refused;
        redis->refused = false;
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
