#ifndef LEVERET_IO_REDIS_PROBE_H
#define LEVERET_IO_REDIS_PROBE_H

#include "core/memory/arena.h"
#include "io/redis/connection/redis_connection.h"

/* Inside of redis_connection_open: what is asked of a server before it is believed in. Each blocks for
 * config->redis.timeout_ms at most; false sets the connection's error and whether waiting mends it. */

/* What does it say of itself: version, replicas; and does it keep what is written? An evicted idempotency
 * record is a mail sent twice: with a memory limit the policy must be noeviction
 * (https://redis.io/docs/reference/eviction/). Where INFO is refused this is not known:
 * connection->keeps_unknown is set. */
bool redis_probe_info(struct redis_connection *connection);

/* Is it a primary, as the sentinels say? One that was demoted, or is not promoted yet, answers otherwise. A
 * user who may not ask (ROLE is among the dangerous commands) leaves it to the write that follows. */
bool redis_probe_role(struct redis_connection *connection);

/* Loads the scripts and proves that this user may call them, and every command that they and the worker use,
 * on keys of every kind: rename-command and ACLs can take any of them away. */
bool redis_probe_scripts(struct redis_connection *connection, const char *prefix, const char *name);

/* Loads killed.lua alone. */
bool redis_probe_last_words(struct redis_connection *connection);

/* How long replicas have to acknowledge: half of what a reply may take. */
int64_t redis_wait_ms(const struct config *config);
/* Do redis.replicas of them acknowledge what was written on this connection? */
bool redis_probe_replicas(struct redis_connection *connection, const struct config *config);

/* The source of cancel.lua, which only commands and serve run. */
const char *redis_probe_due(struct arena *arena);
const char *redis_probe_cancel(struct arena *arena);

/* A server that is full, a replica, or lacks its replicas answers reads but takes no write. */
bool redis_probe_write(struct redis_connection *connection, const char *prefix, const char *name);

#endif
