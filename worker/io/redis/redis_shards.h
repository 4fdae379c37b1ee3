#ifndef LEVERET_IO_REDIS_SHARDS_H
#define LEVERET_IO_REDIS_SHARDS_H

#include "core/redis/slots.h"
#include "io/redis/redis_store_state.h"

/*
 * Inside redis_*.c only: a store over a cluster has one store for each of its primaries, each with its own
 * connection, and this, which knows where each key is. It is up while all of them are. When one is lost, all
 * are given up and the cluster is asked again who serves what. When a slot is moved, only the requests about
 * it are sent again, to the node that has it now.
 */
struct redis_shards;

/* Begins to look for the nodes. `store` reports up, down and fatal for all of them, and outlives this. */
struct redis_shards *redis_shards_open(struct redis_store *store);
/* Writes what was asked for; then everything under way is answered with `lost`. */
void redis_shards_close(struct redis_shards *shards);

/* The store of the node that has the key; the store itself if there is no cluster or it is down. */
struct redis_store *redis_store_of(struct redis_store *store, struct slice key);
/* As redis_store_found. */
void redis_shards_found(const struct redis_shards *shards, char text[REDIS_FOUND_SIZE]);
/* Does some node not say whether it may evict records? */
bool redis_shards_keep_unknown(const struct redis_shards *shards);

#endif
