#include "core/memory/arena_pool.h"

/* An arena that is used again hides from the sanitizer whoever still looks into it. */
#if defined(__SANITIZE_ADDRESS__)
static const size_t kept_max = 0;
#else
static const size_t kept_max = ARENA_POOL_MAX;
#endif

struct arena *arena_pool_take(struct arena_pool *pool)
{
        if (pool->count > 0)
                return pool->list[--pool->count];
        return arena_new();
}

void arena_pool_give(struct arena_pool *pool, struct arena *arena)
{
        if (pool->count == kept_max) {
                arena_free(arena);
                return;
        }
        arena_reset(arena);
        pool->list[pool->count++] = arena;
}

void arena_pool_fini(struct arena_pool *pool)
{
        while (pool->count > 0)
                arena_free(pool->list[--pool->count]);
}
