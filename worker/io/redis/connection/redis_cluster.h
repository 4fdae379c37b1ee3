#ifndef LEVERET_IO_REDIS_CLUSTER_H
#define LEVERET_IO_REDIS_CLUSTER_H

#include "core/redis/slots.h"
#include "io/redis/connection/redis_address.h"
#include "io/redis/connection/redis_connection.h"

/* Inside io only: the nodes of a cluster, found by CLUSTER SLOTS and connected to one by one. */

/* Asks the nodes of the address, one after the other, until one tells of every slot. Blocks, for
 * redis.timeout a node at most. False: `connection` has the error. */
bool redis_cluster_find(const struct config *config, const struct redis_address *address,
                        struct redis_slots *slots, struct redis_connection *connection);

/* How one node is connected to: redis_connection_open with these. */
struct redis_cluster_reach {
        struct config config; /* only `redis` is set, its URL names the node alone */
        char name[128];       /* makes a probe whose key is the node's */
};
/* In the arena. NULL: no key can be the node's. */
const struct redis_cluster_reach *redis_cluster_reach(struct arena *arena, const struct config *config,
                                                      const struct redis_slots *slots, size_t node,
                                                      const char *name);

#endif
