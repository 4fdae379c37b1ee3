#ifndef LEVERET_IO_REDIS_CONNECTING_H
#define LEVERET_IO_REDIS_CONNECTING_H

#include "io/redis/connection/redis_connection.h"

#include <uv.h>

/* Inside io only: one try to connect to Redis, on a thread of its own because all of it blocks. */
struct redis_connecting;

/* On the loop; the connection, if there is one, is the callee's. */
typedef void redis_connected(void *context, const struct redis_connection *connection, bool ok);

/* Nothing of `config` is used after this returns. `name` as redis_connection_open has it. NULL if there is no
 * thread for it. */
struct redis_connecting *redis_connecting_start(uv_loop_t *loop, const struct config *config,
                                                const char *name, redis_connected *connected, void *context);
/* Before `connected` only, which is then not called. A try that hangs is left to itself. */
void redis_connecting_abandon(struct redis_connecting *connecting);

#endif
