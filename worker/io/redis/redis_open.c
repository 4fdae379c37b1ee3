#include "io/redis/connection/redis_address.h"
#include "io/redis/redis_shards.h"

#include <stdio.h>

/* A store over one server is one connection; over a cluster it stands for the connections to its nodes. */

struct redis_store *redis_store_open(uv_loop_t *loop, const struct config *config, const char *worker,
                                     const struct redis_store_events *events, void *context)
{
        struct redis_store *store = redis_node_new(loop, config, worker, events, context);
        if (redis_url_is_cluster(config->redis.url))
                store->shards = redis_shards_open(store);
        else
                redis_node_connect(store);
        return store;
}

void redis_store_close(struct redis_store *store)
{
        store->closing = true;
        if (store->shards) {
                store->up = false;
                redis_shards_close(store->shards);
        }
        redis_node_close(store);
}

bool redis_store_keeps_unknown(const struct redis_store *store)
{
        if (store->shards)
                return store->up && redis_shards_keep_unknown(store->shards);
        return store->up && store->connection.keeps_unknown;
}

void redis_store_found(const struct redis_store *store, char text[REDIS_FOUND_SIZE])
{
        text[0] = '\0';
        if (store->up && store->shards)
                redis_shards_found(store->shards, text);
        else if (store->up)
                snprintf(text, REDIS_FOUND_SIZE, "%s", store->connection.found);
}
