#include "io/redis/connection/redis_connection.h"
#include "core/memory/arena.h"
#include "core/memory/memory.h"
#include "core/text/shorten.h"
#include "core/text/word.h"
#include "io/redis/connection/redis_tls.h"

#include <errno.h>
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

void redis_connection_send(struct redis_connection *connection, int argc, const char **argv)
{
        if (redisAppendCommandArgv(connection->context, argc, argv, NULL) != REDIS_OK)
                memory_out();
}

/* hiredis has no word of its own for a reply that is late: "Resource temporarily unavailable". */
static void hear_fail(struct redis_connection *connection, const char *what)
{
        if (connection->context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
                redis_connection_fail(
                        connection, false, "no reply in time",
                        "it takes connections and is silent: frozen, busy, paused (CLIENT PAUSE), "
                        "or no Redis");
        else
                redis_connection_fail(connection, false, what, connection->context->errstr);
}

static void refusal_hear(struct redis_connection *connection, const char *what, const char *words)
{
        bool refused = strncmp(words, "NOAUTH", 6) == 0 || strncmp(words, "WRONGPASS", 9) == 0 ||
                       strstr(words, "invalid password") || strstr(words, "without any password") ||
                       strstr(words, "DB index");
        if (!connection->is_node && strncmp(words, "MOVED ", 6) == 0)
                redis_connection_fail(connection, false, "redis.url names one node of a cluster",
                                      "write redis+cluster:// in place of redis://");
        else
                redis_connection_fail(connection, refused, what, words);
}

redisReply *redis_connection_hear(struct redis_connection *connection, const char *what)
{
        redisReply *reply = NULL;
        if (redisGetReply(connection->context, (void **)&reply) != REDIS_OK || !reply) {
                hear_fail(connection, what);
                return NULL;
        }
        if (reply->type == REDIS_REPLY_ERROR) {
                refusal_hear(connection, what, reply->str);
                freeReplyObject(reply);
                return NULL;
        }
        return reply;
}

bool redis_connection_heard(struct redis_connection *connection, const char *what)
{
        redisReply *reply = redis_connection_hear(connection, what);
        if (!reply)
                return false;
        freeReplyObject(reply);
        return true;
}

redisReply *redis_connection_ask(struct redis_connection *connection, int argc, const char **argv,
                                 const char *what)
{
        redis_connection_send(connection, argc, argv);
        return redis_connection_hear(connection, what);
}

bool redis_connection_run(struct redis_connection *connection, int argc, const char **argv, const char *what)
{
        redis_connection_send(connection, argc, argv);
        return redis_connection_heard(connection, what);
}

bool redis_connection_log_in(struct redis_connection *connection, const struct redis_address *address)
{
        const char *with_user[] = {"AUTH", address->user, address->password};
        const char *without[] = {"AUTH", address->password};
        static const char refused[] = "login refused";
        if (!address->password)
                return true;
        return address->user ? redis_connection_run(connection, 3, with_user, refused)
                             : redis_connection_run(connection, 2, without, refused);
}

static bool encrypt(struct redis_connection *connection, const char *host, const struct config_tls *tls)
{
        char error[REDIS_TLS_ERROR_MAX];
        bool fatal;
        return redis_tls_start(connection->context, host, tls, error, &fatal) ||
               redis_connection_fail(connection, fatal, "TLS", error);
}

/* Connected, or with an error. */
static redisContext *context_new(const struct redis_reach *reach, struct timeval limit)
{
        redisContext *context = redisConnectWithTimeout(reach->host, reach->port, limit);
        if (!context)
                memory_out();
        return context;
}

bool redis_connection_reach(struct redis_connection *connection, const struct config *config,
                            const struct redis_reach *reach)
{
        if (reach->encrypted && !redis_tls_available())
                return redis_connection_fail(connection, true, "rediss:// needs hiredis 1.0 or later",
                                             "this build has none with TLS (Debian 13 does)");
        struct timeval limit = {.tv_sec = reach->limit_ms / 1000, .tv_usec = reach->limit_ms % 1000 * 1000};
        redisContext *context = context_new(reach, limit);
        connection->context = context;
        bool six = strchr(reach->host, ':');
        char where[300];
        snprintf(where, sizeof(where), "cannot connect to %s%.200s%s:%d", text_if(six, "["), reach->host,
                 text_if(six, "]"), reach->port);
        if (context->err)
                return redis_connection_fail(connection, false, where, context->errstr);
        redisSetTimeout(context, limit);
        redisEnableKeepAlive(context);
        return !reach->encrypted || encrypt(connection, reach->host, &config->redis.tls);
}

void redis_config_copy(struct arena *arena, const struct config *config, struct config *copy)
{
        const struct config_tls *tls = &config->redis.tls;
        copy->redis = config->redis;
        copy->redis.url = arena_strdup(arena, config->redis.url);
        copy->redis.username = arena_strdup(arena, config->redis.username);
        copy->redis.password = arena_strdup(arena, config->redis.password);
        copy->redis.prefix = arena_strdup(arena, config->redis.prefix);
        copy->redis.tls = (struct config_tls){.ca_file = arena_strdup(arena, tls->ca_file),
                                              .cert_file = arena_strdup(arena, tls->cert_file),
                                              .key_file = arena_strdup(arena, tls->key_file)};
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
