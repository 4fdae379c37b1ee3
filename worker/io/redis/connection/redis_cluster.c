#include "io/redis/connection/redis_cluster.h"
#include "core/record/keys.h"

#include <stdio.h>
#include <stdlib.h>

/* One range: from, to, [host, port, ...] of the primary, then those of its replicas. A node that does not
 * know its own address gives none: then it is the one that was asked. */
static bool range_take(const redisReply *range, const struct redis_node *asked, struct redis_slots *slots)
{
        if (range->type != REDIS_REPLY_ARRAY || range->elements < 3)
                return false;
        const redisReply *primary = range->element[2];
        if (range->element[0]->type != REDIS_REPLY_INTEGER ||
            range->element[1]->type != REDIS_REPLY_INTEGER || primary->type != REDIS_REPLY_ARRAY ||
            primary->elements < 2 || primary->element[1]->type != REDIS_REPLY_INTEGER)
                return false;
        const char *host = primary->element[0]->str;
        long long port = primary->element[1]->integer;
        if (!host || !host[0] || strcmp(host, "?") == 0)
                host = asked->host;
        return port > 0 && port <= UINT16_MAX &&
               redis_slots_assign(slots, range->element[0]->integer, range->element[1]->integer,
                                  redis_slots_add(slots, host, (uint16_t)port));
}

static bool slots_take(struct redis_connection *connection, const redisReply *reply,
                       const struct redis_node *asked, struct redis_slots *slots)
{
        char text[80];
        redis_slots_init(slots);
        if (reply->type != REDIS_REPLY_ARRAY)
                return redis_connection_fail(connection, false, "CLUSTER SLOTS", "unexpected reply");
        for (size_t i = 0; i < reply->elements; i++)
                if (!range_take(reply->element[i], asked, slots))
                        return redis_connection_fail(connection, false, "CLUSTER SLOTS", "unexpected reply");
        size_t missing = redis_slots_missing(slots);
        snprintf(text, sizeof(text), "%zu of its slots are served by no node", missing);
        return missing == 0 || redis_connection_fail(connection, false, "the cluster is not whole", text);
}

static bool ask_node(const struct config *config, const struct redis_address *address,
                     const struct redis_node *node, struct redis_slots *slots,
                     struct redis_connection *connection)
{
        const char *argv[] = {"CLUSTER", "SLOTS"};
        redisReply *reply = NULL;
        bool ok =
                redis_connection_reach(connection, config,
                                       &(struct redis_reach){node->host, node->port, config->redis.timeout_ms,
                                                             address->encrypted}) &&
                redis_connection_log_in(connection, address) &&
                (reply = redis_connection_ask(connection, 2, argv, "CLUSTER SLOTS")) &&
                slots_take(connection, reply, node, slots);
        if (reply)
                freeReplyObject(reply);
        redis_connection_close(connection);
        return ok;
}

bool redis_cluster_find(const struct config *config, const struct redis_address *address,
                        struct redis_slots *slots, struct redis_connection *connection)
{
        for (size_t i = 0; i < address->count; i++)
                if (ask_node(config, address, &address->nodes[i], slots, connection))
                        return true;
        return false;
}

const struct redis_cluster_reach *redis_cluster_reach(struct arena *arena, const struct config *config,
                                                      const struct redis_slots *slots, size_t node,
                                                      const char *name)
{
        struct redis_address address;
        const struct redis_slots_node *at = &slots->nodes[node];
        const char *before = record_key(arena, config->redis.prefix, KEY_PROBE, name);
        int tag = redis_slots_tag(slots, (int)node, before);
        if (tag < 0 || redis_address_of(arena, config, &address))
                return NULL;
        struct redis_cluster_reach *reach = arena_alloc(arena, sizeof(*reach));
        redis_config_copy(arena, config, &reach->config);
        reach->config.redis.url = arena_printf(
                arena, "%s://%s", address.encrypted ? "rediss+cluster" : "redis+cluster",
                redis_node_text(arena, &(struct redis_node){.host = at->host, .port = at->port}));
        reach->config.redis.username = address.user;
        reach->config.redis.password = address.password;
        snprintf(reach->name, sizeof(reach->name), "%.100s{%d}", name, tag);
        return reach;
}
