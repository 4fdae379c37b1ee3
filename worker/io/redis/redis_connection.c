#include "io/redis/redis_connection.h"
#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/machine/url.h"
#include "io/redis/redis_tls.h"

#include "redis_scripts.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const script_sources[REDIS_SCRIPT_COUNT] = {
        [REDIS_SCRIPT_CLAIM] = script_claim,       [REDIS_SCRIPT_RENEW] = script_renew,
        [REDIS_SCRIPT_INTEND] = script_intend,     [REDIS_SCRIPT_RECORD] = script_record,
        [REDIS_SCRIPT_COMPLETE] = script_complete, [REDIS_SCRIPT_DECIDE] = script_decide,
        [REDIS_SCRIPT_SETTLE] = script_settle,     [REDIS_SCRIPT_KILLED] = script_killed,
};

static bool fail(struct redis_connection *connection, bool fatal, const char *what, const char *detail)
{
        connection->fatal = fatal;
        snprintf(connection->error, sizeof(connection->error), "redis: %.120s: %.120s", what, detail);
        return false;
}

/* Runs one command; NULL on an error, which is then noted. The caller frees the reply. */
static redisReply *command(struct redis_connection *connection, int argc, const char **argv, const char *what)
{
        redisReply *reply = redisCommandArgv(connection->context, argc, argv, NULL);
        if (!reply) {
                fail(connection, false, what, connection->context->errstr);
                return NULL;
        }
        if (reply->type == REDIS_REPLY_ERROR) {
                bool refused =
                        strncmp(reply->str, "NOAUTH", 6) == 0 || strncmp(reply->str, "WRONGPASS", 9) == 0 ||
                        strncmp(reply->str, "NOPERM", 6) == 0 || strstr(reply->str, "invalid password") ||
                        strstr(reply->str, "without any password") || strstr(reply->str, "DB index");
                fail(connection, refused, what, reply->str);
                freeReplyObject(reply);
                return NULL;
        }
        return reply;
}

static bool run(struct redis_connection *connection, int argc, const char **argv, const char *what)
{
        redisReply *reply = command(connection, argc, argv, what);
        if (!reply)
                return false;
        freeReplyObject(reply);
        return true;
}

static bool log_in(struct redis_connection *connection, const struct url *url)
{
        if (url->password) {
                bool user = url->user && url->user[0];
                const char *with_user[] = {"AUTH", url->user, url->password};
                const char *without[] = {"AUTH", url->password};
                if (!run(connection, user ? 3 : 2, user ? with_user : without, "login refused"))
                        return false;
        }
        const char *database[] = {"SELECT", url->path[0] ? url->path : "0"};
        return run(connection, 2, database, "cannot select the database");
}

/* An evicted idempotency record is a mail sent twice: with a memory limit the policy must be noeviction
 * (https://redis.io/docs/reference/eviction/). Where INFO is forbidden this cannot be told and is let pass.
 */
static bool check_eviction(struct redis_connection *connection)
{
        const char *argv[] = {"INFO", "memory"};
        redisReply *reply = command(connection, 2, argv, "INFO");
        if (!reply) {
                connection->fatal = false;
                return connection->context->err == 0;
        }
        if (!reply->str) {
                freeReplyObject(reply);
                return fail(connection, false, "INFO", "an unexpected reply");
        }
        const char *policy = strstr(reply->str, "maxmemory_policy:");
        const char *limit = strstr(reply->str, "maxmemory:");
        bool unsafe = policy && strncmp(policy, "maxmemory_policy:noeviction", 27) != 0;
        bool limited = limit && strtoull(limit + 10, NULL, 10) > 0;
        char word[64] = "";
        if (unsafe)
                sscanf(policy, "maxmemory_policy:%63[a-z-]", word);
        freeReplyObject(reply);
        if (unsafe && limited)
                return fail(connection, true,
                            "it may evict idempotency records; set maxmemory-policy noeviction, it is", word);
        return true;
}

static bool load_scripts(struct redis_connection *connection)
{
        for (size_t i = 0; i < REDIS_SCRIPT_COUNT; i++) {
                struct buffer source = {0};
                buffer_add_text(&source, script_prelude);
                buffer_add_text(&source, script_sources[i]);
                const char *argv[] = {"SCRIPT", "LOAD", source.data};
                redisReply *reply = command(connection, 3, argv, "cannot load the scripts");
                buffer_fini(&source);
                if (!reply)
                        return false;
                bool named = reply->str && reply->len == sizeof(connection->sha[i]) - 1;
                if (named)
                        memcpy(connection->sha[i], reply->str, sizeof(connection->sha[i]));
                freeReplyObject(reply);
                if (!named)
                        return fail(connection, false, "cannot load the scripts", "an unexpected reply");
        }
        return true;
}

/* A server that is full, a replica, or lacks its replicas answers reads but takes no write. */
static bool probe_write(struct redis_connection *connection, const char *prefix, const char *name)
{
        struct arena arena;
        arena_init(&arena);
        const char *argv[] = {"SET", record_key(&arena, prefix, KEY_PROBE, name), "1", "PX",
                              arena_printf(&arena, "%d", RECORD_PROBE_TTL_MS)};
        bool taken = run(connection, 5, argv, "it takes no write");
        arena_fini(&arena);
        return taken;
}

static bool encrypt(struct redis_connection *connection, const char *host, const struct config_tls *tls)
{
        char error[200];
        bool fatal;
        return redis_tls_start(connection->context, host, tls, error, sizeof(error), &fatal) ||
               fail(connection, fatal, "TLS", error);
}

static bool connect_to(struct redis_connection *connection, const struct config *config,
                       const struct url *url)
{
        bool encrypted = strcmp(url->scheme, "rediss") == 0;
        if (encrypted && !redis_tls_available())
                return fail(connection, true, "rediss:// needs hiredis 1.0 or later",
                            "this build has none with TLS (Debian 13 does)");
        struct timeval limit = {.tv_sec = config->redis.timeout_ms / 1000,
                                .tv_usec = config->redis.timeout_ms % 1000 * 1000};
        connection->context = redisConnectWithTimeout(url->host, url->port ? url->port : 6379, limit);
        if (!connection->context)
                memory_out();
        bool six = strchr(url->host, ':');
        char where[300];
        snprintf(where, sizeof(where), "cannot connect to %s%.200s%s:%d", six ? "[" : "", url->host,
                 six ? "]" : "", url->port ? url->port : 6379);
        if (connection->context->err)
                return fail(connection, false, where, connection->context->errstr);
        redisSetTimeout(connection->context, limit);
        redisEnableKeepAlive(connection->context);
        return !encrypted || encrypt(connection, url->host, &config->redis.tls);
}

bool redis_connection_open(struct redis_connection *connection, const struct config *config, const char *name)
{
        *connection = (struct redis_connection){0};
        struct arena arena;
        arena_init(&arena);
        struct url url;
        bool ok = url_parse(&arena, config->redis.url, &url) ||
                  fail(connection, true, "redis.url", "not a URL like redis://host:6379/0");
        if (config->redis.username)
                url.user = config->redis.username;
        if (config->redis.password)
                url.password = config->redis.password;
        ok = ok && connect_to(connection, config, &url) && log_in(connection, &url) &&
             check_eviction(connection) && load_scripts(connection) &&
             probe_write(connection, config->redis.prefix, name);
        arena_fini(&arena);
        if (!ok)
                redis_connection_close(connection);
        return ok;
}

enum { ELEMENTS_MAX = 1 << 16 };

#if HIREDIS_MAJOR >= 1
#        define ARRAY_SIZE size_t
#else
#        define ARRAY_SIZE int
#endif

static void *(*array_create)(const redisReadTask *task, ARRAY_SIZE elements);

static void *array_create_bounded(const redisReadTask *task, ARRAY_SIZE elements)
{
        return elements <= ELEMENTS_MAX ? array_create(task, elements) : NULL;
}

void redis_reader_bound(redisReader *reader)
{
        static redisReplyObjectFunctions functions; /* the same for all readers */
        if (!array_create) {
                functions = *reader->fn;
                array_create = functions.createArray;
                functions.createArray = array_create_bounded;
        }
        reader->fn = &functions;
}

void redis_connection_close(struct redis_connection *connection)
{
        if (connection->context)
                redisFree(connection->context);
        connection->context = NULL;
}
