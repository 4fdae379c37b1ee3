#include "core/memory/arena.h"
#include "io/redis/connection/redis_connection.h"
#include "io/redis/connection/redis_probe.h"
#include "io/redis/connection/redis_sentinel.h"

#include <stdio.h>

/* A connection to the server that is the primary now, proven to take writes. */

/* Which server it is now. */
static bool server_find(struct redis_connection *connection, const struct config *config,
                        const struct redis_address *address, struct arena *arena, struct redis_node *node)
{
        *node = address->nodes[0];
        connection->is_node = address->way == REDIS_CLUSTER;
        if (address->way != REDIS_BY_SENTINELS)
                return true;
        struct redis_primary primary;
        if (!redis_sentinel_ask(config, address, &primary, connection))
                return false;
        node->host = arena_strdup(arena, primary.answer.host);
        node->port = primary.answer.port;
        redis_primary_name(&primary, connection->primary);
        connection->epoch = primary.answer.epoch;
        snprintf(connection->found, sizeof(connection->found), "%s, the primary by %zu of %zu sentinels, ",
                 connection->primary, primary.votes, primary.asked);
        return true;
}

static bool open_to(struct redis_connection *connection, const struct config *config,
                    const struct redis_address *address, const struct redis_node *node)
{
        const char *database[] = {"SELECT", address->database};
        return redis_connection_reach(connection, config,
                                      &(struct redis_reach){node->host, node->port, config->redis.timeout_ms,
                                                            address->encrypted}) &&
               redis_connection_log_in(connection, address) &&
               redis_connection_run(connection, 2, database, "cannot select the database");
}

static bool prove(struct redis_connection *connection, const struct config *config, const char *name)
{
        return redis_probe_info(connection) && redis_probe_write(connection, config->redis.prefix, name) &&
               redis_probe_scripts(connection, config->redis.prefix, name);
}

bool redis_connection_open(struct redis_connection *connection, const struct config *config, const char *name)
{
        *connection = (struct redis_connection){.replicas = -1};
        struct arena arena;
        struct redis_address address;
        struct redis_node node;
        arena_init(&arena);
        const char *fault = redis_address_of(&arena, config, &address);
        bool ok = fault ? redis_connection_fail(connection, true, "redis.url", fault)
                        : server_find(connection, config, &address, &arena, &node);
        ok = ok && open_to(connection, config, &address, &node) &&
             (address.way != REDIS_BY_SENTINELS || redis_probe_role(connection)) &&
             (name ? prove(connection, config, name) : redis_probe_last_words(connection));
        arena_fini(&arena);
        if (!ok)
                redis_connection_close(connection);
        return ok;
}
