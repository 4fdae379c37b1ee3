#ifndef LEVERET_IO_REDIS_POOL_H
#define LEVERET_IO_REDIS_POOL_H

#include "io/redis/redis_sync.h"

/* Connections for threads that each ask for a moment: one for each that asks at the same time, kept for the
 * next one. */
struct redis_pool;

/* `config` outlives it. Connects to nothing yet. */
struct redis_pool *redis_pool_open(const struct config *config);
/* Any thread. NULL with the cause in `error` (256 bytes). */
struct redis_sync *redis_pool_take(struct redis_pool *pool, char *error);
/* `broken`: it has failed and is closed. */
void redis_pool_give(struct redis_pool *pool, struct redis_sync *redis, bool broken);
/* Once all were given back. */
void redis_pool_close(struct redis_pool *pool);

#endif
