#include "io/redis/redis_pool.h"

#include "core/memory/memory.h"

#include <stdlib.h>
#include <uv.h>

enum { IDLE_MAX = 16 };

struct redis_pool {
        const struct config *config;
        uv_mutex_t mutex; /* over all below */
        struct redis_sync *idle[IDLE_MAX];
        size_t count;
};

struct redis_pool *redis_pool_open(const struct config *config)
{
        struct redis_pool *pool = memory_zeroed(1, sizeof(*pool));
        pool->config = config;
        if (uv_mutex_init(&pool->mutex))
                abort();
        return pool;
}

struct redis_sync *redis_pool_take(struct redis_pool *pool, char *error)
{
        uv_mutex_lock(&pool->mutex);
        struct redis_sync *redis = pool->count > 0 ? pool->idle[--pool->count] : NULL;
        uv_mutex_unlock(&pool->mutex);
        if (redis && redis_sync_is_old(redis)) {
                redis_sync_close(redis);
                redis = NULL;
        }
        return redis ? redis : redis_sync_open(pool->config, error);
}

void redis_pool_give(struct redis_pool *pool, struct redis_sync *redis, bool broken)
{
        uv_mutex_lock(&pool->mutex);
        bool kept = !broken && pool->count < IDLE_MAX;
        if (kept)
                pool->idle[pool->count++] = redis;
        uv_mutex_unlock(&pool->mutex);
        if (!kept)
                redis_sync_close(redis);
}

void redis_pool_close(struct redis_pool *pool)
{
        while (pool->count > 0)
                redis_sync_close(pool->idle[--pool->count]);
        uv_mutex_destroy(&pool->mutex);
        free(pool);
}
