#ifndef LEVERET_IO_REDIS_FOLLOW_H
#define LEVERET_IO_REDIS_FOLLOW_H

#include "core/settings/config.h"
#include "io/redis/connection/redis_connection.h"

#include <uv.h>

/*
 * Inside io only. While a connection behind sentinels lasts, they are asked every few seconds whether its
 * server is the primary still: one that the sentinels cannot reach is replaced without knowing of it, and
 * goes on to take writes that nobody will keep. Asked on a thread of its own.
 */
struct redis_follow;

/* On the loop, at most once: they name another. */
typedef void redis_moved(void *context, const char *primary);

/* `primary` and `epoch` are those of the connection (redis_connection.h); "" gives NULL, as there are no
 * sentinels. Nothing of `config` is used by the thread. */
struct redis_follow *redis_follow_start(uv_loop_t *loop, const struct config *config,
                                        const struct redis_connection *connection, redis_moved *moved,
                                        void *context);
/* NULL is none. Also from inside `moved`. */
void redis_follow_stop(struct redis_follow *follow);

#endif
