#ifndef LEVERET_IO_REDIS_CONNECTION_H
#define LEVERET_IO_REDIS_CONNECTION_H

#include "core/settings/config.h"
#include "core/text/buffer.h"

#include <hiredis/hiredis.h>

/* Inside io only: a Redis connection that is logged in and proven to take writes. */

enum redis_script {
        REDIS_SCRIPT_CLAIM,
        REDIS_SCRIPT_RENEW,
        REDIS_SCRIPT_KEEP,
        REDIS_SCRIPT_INTEND,
        REDIS_SCRIPT_RECORD,
        REDIS_SCRIPT_COMPLETE,
        REDIS_SCRIPT_DECIDE,
        REDIS_SCRIPT_SETTLE,
        REDIS_SCRIPT_KILLED,
        REDIS_SCRIPT_COUNT
};

struct redis_connection {
        redisContext *context; /* NULL unless connected */
        char sha[REDIS_SCRIPT_COUNT][41];
        bool fatal;         /* waiting will not mend it: bad password, eviction policy */
        bool keeps_unknown; /* INFO is refused: whether records may be evicted is not known */
        char error[256];    /* names the host, never a password */
};

/* Connects, logs in, checks the eviction policy, proves that a write is taken, loads the scripts, proves that
 * they and every command may be called (redis_probe.h). Blocks, each step at most config->redis.timeout_ms,
 * and first for as long as the name takes. True and blocking mode on success; else `error` and `fatal` are
 * set. */
bool redis_connection_open(struct redis_connection *connection, const struct config *config,
                           const char *name);
/* Refuses a reply that announces more elements than any of ours has: hiredis takes the memory for them at
 * once (0.14: up to 16 GiB a level). */
void redis_reader_bound(redisReader *reader);
/* Runs one command; NULL on an error, which is then noted with `what` before it. The caller frees the reply.
 */
redisReply *redis_connection_ask(struct redis_connection *connection, int argc, const char **argv,
                                 const char *what);
/* The same for a command whose reply is of no interest. */
bool redis_connection_run(struct redis_connection *connection, int argc, const char **argv, const char *what);
/* Notes an error, `detail` after `what`. Always false. */
bool redis_connection_fail(struct redis_connection *connection, bool fatal, const char *what,
                           const char *detail);
void redis_connection_close(struct redis_connection *connection);

#endif
