#include "io/redis/redis_connection.h"
#include "core/memory/memory.h"
#include "core/text/shorten.h"
#include "io/machine/url.h"
#include "io/redis/redis_probe.h"
#include "io/redis/redis_tls.h"

#include <stdio.h>
#include <stdlib.h>

bool redis_connection_fail(struct redis_connection *connection, bool fatal, const char *what,
                           const char *detail)
{
        connection->fatal = fatal;
        char text[1024];
        snprintf(text, sizeof(text), "redis: %.500s: %.500s", what, detail);
        text_shorten(connection->error, sizeof(connection->error), text);
        return false;
}

redisReply *redis_connection_ask(struct redis_connection *connection, int argc, const char **argv,
                                 const char *what)
{
        redisReply *reply = redisCommandArgv(connection->context, argc, argv, NULL);
        if (!reply) {
                redis_connection_fail(connection, false, what, connection->context->errstr);
                return NULL;
        }
        if (reply->type == REDIS_REPLY_ERROR) {
                bool refused = strncmp(reply->str, "NOAUTH", 6) == 0 ||
                               strncmp(reply->str, "WRONGPASS", 9) == 0 ||
                               strstr(reply->str, "invalid password") ||
                               strstr(reply->str, "without any password") || strstr(reply->str, "DB index");
                redis_connection_fail(connection, refused, what, reply->str);
                freeReplyObject(reply);
                return NULL;
        }
        return reply;
}

bool redis_connection_run(struct redis_connection *connection, int argc, const char **argv, const char *what)
{
        redisReply *reply = redis_connection_ask(connection, argc, argv, what);
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
                if (!redis_connection_run(connection, user ? 3 : 2, user ? with_user : without,
                                          "login refused"))
                        return false;
        }
        const char *database[] = {"SELECT", url->path[0] ? url->path : "0"};
        return redis_connection_run(connection, 2, database, "cannot select the database");
}

static bool encrypt(struct redis_connection *connection, const char *host, const struct config_tls *tls)
{
        char error[200];
        bool fatal;
        return redis_tls_start(connection->context, host, tls, error, sizeof(error), &fatal) ||
               redis_connection_fail(connection, fatal, "TLS", error);
}

static bool connect_to(struct redis_connection *connection, const struct config *config,
                       const struct url *url)
{
        bool encrypted = strcmp(url->scheme, "rediss") == 0;
        if (encrypted && !redis_tls_available())
                return redis_connection_fail(connection, true, "rediss:// needs hiredis 1.0 or later",
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
                return redis_connection_fail(connection, false, where, connection->context->errstr);
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
                  redis_connection_fail(connection, true, "redis.url", "not a URL like redis://host:6379/0");
        if (config->redis.username)
                url.user = config->redis.username;
        if (config->redis.password)
                url.password = config->redis.password;
        ok = ok && connect_to(connection, config, &url) && log_in(connection, &url) &&
             redis_probe_eviction(connection) && redis_probe_write(connection, config->redis.prefix, name) &&
             redis_probe_scripts(connection, config->redis.prefix, name);
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
