#ifndef LEVERET_CORE_ARENA_POOL_H
#define LEVERET_CORE_ARENA_POOL_H

#include "core/memory/arena.h"

enum { ARENA_POOL_MAX = 512 };

/*
 * Arenas that were used and wait to be used again, each with its first chunk: what a message needs comes and
 * goes without the heap being asked. Its arenas are ordinary ones: whoever holds one may also end it by
 * arena_free.
 */
struct arena_pool {
        struct arena *list[ARENA_POOL_MAX];
        size_t count;
};

/* An empty arena; the caller owns it. */
struct arena *arena_pool_take(struct arena_pool *pool);
/* Takes the arena over; all that was allocated from it is gone. Beyond ARENA_POOL_MAX, and
 * always in a build with AddressSanitizer, it is freed. */
void arena_pool_give(struct arena_pool *pool, struct arena *arena);
/* Frees all that wait; the pool is then empty and may be used again. */
void arena_pool_fini(struct arena_pool *pool);

#endif
