#include "io/redis/connection/redis_sentinel.h"
#include "core/text/word.h"

#include <stdio.h>
#include <stdlib.h>

/* One that does not answer delays the answer of the others by so much. */
#define PATIENCE_MAX_MS 1000

struct asking {
        const struct config *config;
        const struct redis_address *address;
        struct redis_connection *connection; /* to the one at hand */
};

/* A reply, or NULL with the connection's error. An error of the server is a reply too. */
static redisReply *sentinel_command(struct asking *asking, int argc, const char **argv)
{
        redisContext *context = asking->connection->context;
        redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
        if (!reply)
                redis_connection_fail(asking->connection, false, "SENTINEL", context->errstr);
        return reply;
}

/* Of a list name, value, ... */
static const char *pair_find(const redisReply *reply, const char *name)
{
        for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
                if (reply->element[i]->str && reply->element[i + 1]->str &&
                    strcmp(reply->element[i]->str, name) == 0)
                        return reply->element[i + 1]->str;
        return NULL;
}

/* Asked apart: SENTINEL MASTER goes on to name the old primary until a failover has ended, and a user may be
 * allowed the question for the address alone. */
static int64_t ask_epoch(struct asking *asking)
{
        const char *argv[] = {"SENTINEL", "MASTER", asking->address->name};
        redisReply *reply = sentinel_command(asking, 3, argv);
        const char *epoch = reply ? pair_find(reply, "config-epoch") : NULL;
        int64_t value = epoch ? strtoll(epoch, NULL, 10) : 0;
        if (reply)
                freeReplyObject(reply);
        return value;
}

static redisReply *ask_address(struct asking *asking)
{
        const char *argv[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", asking->address->name};
        redisReply *reply = sentinel_command(asking, 3, argv);
        bool wants_login = reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0;
        if (!wants_login || !asking->address->password)
                return reply;
        freeReplyObject(reply);
        return redis_connection_log_in(asking->connection, asking->address)
                       ? sentinel_command(asking, 3, argv)
                       : NULL;
}

static void answer_read(struct asking *asking, const redisReply *reply, struct sentinel_answer *answer)
{
        if (reply->type == REDIS_REPLY_NIL) {
                answer->said = SENTINEL_UNKNOWN;
                return;
        }
        bool named = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->str &&
                     reply->element[1]->str;
        int port = named ? atoi(reply->element[1]->str) : 0;
        if (port <= 0 || port > UINT16_MAX || reply->element[0]->len >= SENTINEL_HOST_SIZE) {
                redis_connection_fail(asking->connection, false, "SENTINEL",
                                      reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply");
                return;
        }
        answer->said = SENTINEL_NAMED;
        answer->port = (uint16_t)port;
        snprintf(answer->host, sizeof(answer->host), "%s", reply->element[0]->str);
}

static void ask_one(struct asking *asking, const struct redis_node *node, struct sentinel_answer *answer)
{
        int64_t patience_ms = asking->config->redis.timeout_ms;
        if (patience_ms > PATIENCE_MAX_MS)
                patience_ms = PATIENCE_MAX_MS;
        if (redis_connection_reach(
                    asking->connection, asking->config,
                    &(struct redis_reach){node->host, node->port, patience_ms, asking->address->encrypted})) {
                redisReply *reply = ask_address(asking);
                if (reply)
                        answer_read(asking, reply, answer);
                if (reply)
                        freeReplyObject(reply);
                if (answer->said == SENTINEL_NAMED)
                        answer->epoch = ask_epoch(asking);
        }
        redis_connection_close(asking->connection);
}

void redis_primary_name(const struct redis_primary *primary, char text[REDIS_PRIMARY_SIZE])
{
        const char *host = primary->answer.host;
        bool six = strchr(host, ':');
        snprintf(text, REDIS_PRIMARY_SIZE, "%s%.*s%s:%d", text_if(six, "["), SENTINEL_HOST_SIZE - 3, host,
                 text_if(six, "]"), primary->answer.port);
}

/* The last one's error stands for all. */
static bool none_names(struct redis_connection *connection, const struct redis_address *address,
                       const struct sentinel_answer *answers)
{
        size_t unknown = 0;
        char text[300];
        for (size_t i = 0; i < address->count; i++)
                unknown += answers[i].said == SENTINEL_UNKNOWN;
        if (unknown > 0) {
                snprintf(text, sizeof(text), "know no primary named %.100s, which redis.url asks for",
                         address->name);
                return redis_connection_fail(connection, unknown == address->count, "the sentinels", text);
        }
        snprintf(text, sizeof(text), "none of %zu sentinels answers, the last", address->count);
        char last[sizeof(connection->error)];
        snprintf(last, sizeof(last), "%s", connection->error);
        return redis_connection_fail(connection, false, text,
                                     strncmp(last, "redis: ", 7) == 0 ? last + 7 : last);
}

bool redis_sentinel_ask(const struct config *config, const struct redis_address *address,
                        struct redis_primary *primary, struct redis_connection *connection)
{
        struct sentinel_answer answers[URL_NODES_MAX] = {0};
        struct asking asking = {.config = config, .address = address, .connection = connection};
        for (size_t i = 0; i < address->count; i++)
                ask_one(&asking, &address->nodes[i], &answers[i]);
        int chosen = sentinel_choose(answers, address->count, &primary->votes);
        if (chosen < 0)
                return none_names(connection, address, answers);
        primary->answer = answers[chosen];
        primary->asked = address->count;
        return true;
}
