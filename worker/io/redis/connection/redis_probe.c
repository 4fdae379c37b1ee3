#include "io/redis/connection/redis_probe.h"
#include "core/record/keys.h"
#include "core/redis/info.h"

#include "redis_scripts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const script_sources[REDIS_SCRIPT_COUNT] = {
        [REDIS_SCRIPT_CLAIM] = script_claim,   [REDIS_SCRIPT_RENEW] = script_renew,
        [REDIS_SCRIPT_KEEP] = script_keep,     [REDIS_SCRIPT_INTEND] = script_intend,
        [REDIS_SCRIPT_RECORD] = script_record, [REDIS_SCRIPT_COMPLETE] = script_complete,
        [REDIS_SCRIPT_DECIDE] = script_decide, [REDIS_SCRIPT_SETTLE] = script_settle,
        [REDIS_SCRIPT_KILLED] = script_killed, [REDIS_SCRIPT_TICK] = script_tick,
        [REDIS_SCRIPT_QUEUED] = script_queued, [REDIS_SCRIPT_DUE] = script_due,
        [REDIS_SCRIPT_RATE] = script_rate,     [REDIS_SCRIPT_FINISH] = script_complete,
};

/* What most jobs need no more than, before the prelude. */
static const char *const script_heads[REDIS_SCRIPT_COUNT] = {
        [REDIS_SCRIPT_CLAIM] = script_claim_new,
        [REDIS_SCRIPT_FINISH] = script_finish,
};

const char *redis_probe_due(struct arena *arena)
{
        return arena_printf(arena, "%s%s", script_prelude, script_due);
}

const char *redis_probe_cancel(struct arena *arena)
{
        return arena_printf(arena, "%s%s", script_prelude, script_cancel);
}

static bool info_take(struct redis_connection *connection, struct slice info)
{
        char server[64], word[64];
        struct slice eviction = redis_info_eviction(info);
        size_t len = strlen(connection->found);
        redis_info_server(info, server, sizeof(server));
        connection->replicas = redis_info_number(info, "connected_slaves", -1);
        snprintf(connection->found + len, sizeof(connection->found) - len, "%s", server);
        if (eviction.len == 0)
                return true;
        snprintf(word, sizeof(word), "%.*s", SLICE_PRINT(eviction));
        return redis_connection_fail(
                connection, true, "it may evict idempotency records; set maxmemory-policy noeviction, it is",
                word);
}

bool redis_probe_info(struct redis_connection *connection)
{
        const char *argv[] = {"INFO"};
        redisReply *reply = redis_connection_ask(connection, 1, argv, "INFO");
        if (!reply) {
                connection->fatal = false;
                connection->keeps_unknown = connection->context->err == 0;
                return connection->keeps_unknown;
        }
        bool ok = reply->str ? info_take(connection, (struct slice){.data = reply->str, .len = reply->len})
                             : redis_connection_fail(connection, false, "INFO", "an unexpected reply");
        freeReplyObject(reply);
        return ok;
}

bool redis_probe_role(struct redis_connection *connection)
{
        const char *argv[] = {"ROLE"};
        redisReply *reply = redis_connection_ask(connection, 1, argv, "ROLE");
        if (!reply)
                return connection->context->err == 0;
        bool told = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->str;
        char what[400];
        snprintf(what, sizeof(what), "%.280s, which the sentinels name, is no primary now; it is a",
                 connection->primary);
        bool ok = !told || strcmp(reply->element[0]->str, "master") == 0 ||
                  redis_connection_fail(
                          connection, false, what,
                          strcmp(reply->element[0]->str, "slave") == 0 ? "replica" : reply->element[0]->str);
        freeReplyObject(reply);
        return ok;
}

enum { SHA_SIZE = sizeof((struct redis_connection){0}.sha[0]) };

static void script_send(struct redis_connection *connection, const char *source)
{
        const char *argv[] = {"SCRIPT", "LOAD", source};
        redis_connection_send(connection, 3, argv);
}

static void script_send_whole(struct redis_connection *connection, enum redis_script script)
{
        struct buffer source = {0};
        buffer_add_text(&source, script_heads[script] ? script_heads[script] : "");
        buffer_add_text(&source, script == REDIS_SCRIPT_RATE ? "" : script_prelude);
        buffer_add_text(&source, script_sources[script]);
        script_send(connection, source.data);
        buffer_fini(&source);
}

static bool script_loaded(struct redis_connection *connection, char sha[SHA_SIZE])
{
        redisReply *reply = redis_connection_hear(connection, "cannot load the scripts (SCRIPT LOAD)");
        if (!reply)
                return false;
        bool named = reply->str && reply->len == SHA_SIZE - 1;
        if (named)
                memcpy(sha, reply->str, SHA_SIZE);
        freeReplyObject(reply);
        return named ||
               redis_connection_fail(connection, false, "cannot load the scripts", "an unexpected reply");
}

/* In one round trip; the last is that of the probe. */
static bool scripts_load(struct redis_connection *connection, char probe[SHA_SIZE])
{
        bool loaded = true;
        for (size_t i = 0; i < REDIS_SCRIPT_COUNT; i++)
                script_send_whole(connection, (enum redis_script)i);
        script_send(connection, script_probe);
        for (size_t i = 0; loaded && i < REDIS_SCRIPT_COUNT; i++)
                loaded = script_loaded(connection, connection->sha[i]);
        return loaded && script_loaded(connection, probe);
}

bool redis_probe_last_words(struct redis_connection *connection)
{
        script_send_whole(connection, REDIS_SCRIPT_KILLED);
        return script_loaded(connection, connection->sha[REDIS_SCRIPT_KILLED]);
}

/* What the scripts and run/ call; what follows the key. PEXPIRE comes after PERSIST, so that the probe's key
 * goes. */
static const char *const commands[] = {
        "TIME",
        "GET",
        "EXISTS",
        "HGET f",
        "HMGET f",
        "HGETALL",
        "HEXISTS f",
        "HSET f v",
        "HDEL f",
        "HINCRBY n 1",
        "RPUSH v",
        "RPUSHX v",
        "LTRIM 0 0",
        "SMEMBERS",
        "ZADD 0 v",
        "ZREM v",
        "ZSCORE v",
        "ZREMRANGEBYRANK 0 0",
        "ZREMRANGEBYSCORE 0 0",
        "PERSIST",
        "PEXPIRE 10000",
        "DEL",
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(*commands) };

/* Was the last command refused because the key is another node's, now or once it is moved? Redis looks first
 * at what the user may do, so that he may. */
static bool probe_redirected(const struct redis_connection *connection, const char *word)
{
        return connection->is_node && connection->context->err == 0 && strstr(connection->error, word);
}

static bool commands_try(struct redis_connection *connection, const char *sha, const char *key)
{
        const char *argv[4 + COMMAND_COUNT] = {"EVALSHA", sha, "1", key};
        memcpy(argv + 4, commands, sizeof(commands));
        redisReply *reply = redis_connection_ask(connection, 4 + COMMAND_COUNT, argv,
                                                 "it refuses what leveret needs: EVALSHA");
        if (!reply)
                return probe_redirected(connection, ": ASK ");
        bool all = reply->str && reply->len == 0;
        if (!all)
                redis_connection_fail(connection, false, "it refuses what leveret needs",
                                      reply->str ? reply->str : "an unexpected reply");
        freeReplyObject(reply);
        return all;
}

/* Redis looks at the keys that a script is given before it runs: one that asks for nothing shows whether they
 * are allowed. One key a call, for a cluster has them in different slots; all in one round trip. */
static bool keys_try(struct redis_connection *connection, const char *sha, const char *prefix)
{
        bool ok = true;
        struct arena arena;
        const char *keys[RECORD_KEY_COUNT];
        arena_init(&arena);
        for (int kind = 0; kind < RECORD_KEY_COUNT; kind++) {
                keys[kind] = record_key(&arena, prefix, (enum record_key)kind, "probe");
                redis_connection_send(connection, 4, (const char *[]){"EVALSHA", sha, "1", keys[kind]});
        }
        for (int kind = 0; ok && kind < RECORD_KEY_COUNT; kind++) {
                ok = redis_connection_heard(
                        connection,
                        arena_printf(&arena, "it refuses what leveret needs: keys like %.100s", keys[kind]));
                ok = ok || probe_redirected(connection, ": MOVED ") || probe_redirected(connection, ": ASK ");
        }
        arena_fini(&arena);
        return ok;
}

/* Not needed, as claim_new.lua does the same: a server may be too old for our dumps, and a user not allowed
 * to call it. */
static void restore_try(struct redis_connection *connection, const char *key)
{
        struct redis_dump dump;
        struct buffer bytes = {0};
        redis_crc_init(&connection->crc);
        redis_dump_begin(&dump, &bytes);
        redis_dump_add_text(&dump, "f");
        redis_dump_add_text(&dump, "v");
        redis_dump_end(&dump, &connection->crc);
        const char *restore[] = {"RESTORE", key, "10000", bytes.data, "REPLACE"};
        const size_t sizes[] = {7, strlen(key), 5, bytes.len, 7};
        redisAppendCommandArgv(connection->context, 5, restore, sizes);
        redis_connection_send(connection, 3, (const char *[]){"HGET", key, "f"});
        bool taken = redis_connection_heard(connection, "RESTORE");
        redisReply *reply = redis_connection_hear(connection, "HGET");
        connection->restores =
                taken && reply && reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "v") == 0;
        if (reply)
                freeReplyObject(reply);
        if (connection->context->err == 0)
                connection->error[0] = '\0';
        buffer_fini(&bytes);
}

bool redis_probe_scripts(struct redis_connection *connection, const char *prefix, const char *name)
{
        char sha[SHA_SIZE];
        struct arena arena;
        arena_init(&arena);
        bool ok = scripts_load(connection, sha) &&
                  commands_try(connection, sha, record_key(&arena, prefix, KEY_PROBE, name)) &&
                  keys_try(connection, sha, prefix);
        if (ok)
                restore_try(connection, record_key(&arena, prefix, KEY_PROBE, name));
        ok = ok && connection->context->err == 0;
        arena_fini(&arena);
        return ok;
}

bool redis_probe_write(struct redis_connection *connection, const char *prefix, const char *name)
{
        struct arena arena;
        arena_init(&arena);
        const char *key = record_key(&arena, prefix, KEY_PROBE, name);
        const char *argv[] = {"SET", key, "1", "PX", arena_printf(&arena, "%d", RECORD_PROBE_TTL_MS)};
        bool taken = redis_connection_run(connection, 5, argv,
                                          arena_printf(&arena, "it takes no write of %.100s", key));
        arena_fini(&arena);
        return taken || probe_redirected(connection, ": ASK ");
}

int64_t redis_wait_ms(const struct config *config)
{
        return config->redis.timeout_ms / 2;
}

bool redis_probe_replicas(struct redis_connection *connection, const struct config *config)
{
        char wanted[24], patience[24], text[80];
        int64_t have = 0;
        if (config->redis.replicas == 0)
                return true;
        snprintf(wanted, sizeof(wanted), "%" PRId64, config->redis.replicas);
        snprintf(patience, sizeof(patience), "%" PRId64, redis_wait_ms(config));
        const char *argv[] = {"WAIT", wanted, patience};
        redisReply *reply = redis_connection_ask(connection, 3, argv, "WAIT, for redis.replicas");
        if (!reply)
                return false;
        if (reply->type == REDIS_REPLY_INTEGER)
                have = reply->integer;
        freeReplyObject(reply);
        snprintf(text, sizeof(text), "%" PRId64 " of %s", have, wanted);
        return have >= config->redis.replicas ||
               redis_connection_fail(connection, false, "replicas that acknowledge, as redis.replicas wants",
                                     text);
}
