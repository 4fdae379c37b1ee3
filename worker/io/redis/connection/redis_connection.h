#ifndef LEVERET_IO_REDIS_CONNECTION_H
#define LEVERET_IO_REDIS_CONNECTION_H

#include "core/redis/dump.h"
#include "core/redis/info.h"
#include "core/redis/sentinel.h"
#include "core/settings/config.h"
#include "core/text/buffer.h"
#include "io/redis/connection/redis_address.h"

#include <hiredis/hiredis.h>

/* Inside io only: a Redis connection that is logged in and proven to take writes. */

enum redis_script {
        REDIS_SCRIPT_CLAIM,
        REDIS_SCRIPT_RENEW,
        REDIS_SCRIPT_KEEP,
        REDIS_SCRIPT_INTEND,
        REDIS_SCRIPT_RECORD,
        REDIS_SCRIPT_COMPLETE,
        REDIS_SCRIPT_FINISH, /* COMPLETE of a job of which no other script has heard since its claim */
        REDIS_SCRIPT_DECIDE,
        REDIS_SCRIPT_SETTLE,
        REDIS_SCRIPT_KILLED,
        REDIS_SCRIPT_TICK,
        REDIS_SCRIPT_QUEUED,
        REDIS_SCRIPT_DUE,
        REDIS_SCRIPT_RATE, /* stands alone: no job's */
        REDIS_SCRIPT_COUNT
};

struct redis_connection {
        redisContext *context; /* NULL unless connected */
        char sha[REDIS_SCRIPT_COUNT][41];
        bool fatal;           /* waiting will not mend it: bad password, eviction policy */
        bool keeps_unknown;   /* INFO is refused: whether records may be evicted is not known */
        bool restores;        /* it takes a record by RESTORE */
        struct redis_crc crc; /* set if so */
        char error[256];      /* names the host, never a password */
        /* Behind sentinels: the primary as they named it, and the epoch of the failover that made it one. */
        char primary[SENTINEL_HOST_SIZE + 8];
        int64_t epoch;
        int64_t replicas;             /* that are connected to it; -1: it does not say */
        bool is_node;                 /* of a cluster: other nodes have the keys of other slots */
        char found[REDIS_FOUND_SIZE]; /* what it is, for people: version, and how it was found */
};

/* Where redis.url leads: to the server itself, to the primary that its sentinels name, or to the node of a
 * cluster that it names first, whose own key `name` must make then. Connects, logs in,
 * refuses a server behind sentinels that is no primary, checks the eviction policy, proves that a write is
 * taken, loads the scripts, proves that they and every command may be called (redis_probe.h). Blocks, each
 * step at most config->redis.timeout_ms, and first for as long as the name takes. Without a `name` only the
 * script of last words is loaded, and nothing else proven: another connection does that. True and blocking
 * mode on success; else `error` and `fatal` are set. */
bool redis_connection_open(struct redis_connection *connection, const struct config *config,
                           const char *name);

/* Copies what a connection needs of the configuration, for a thread that may outlive it; memory lies in the
 * arena. */
void redis_config_copy(struct arena *arena, const struct config *config, struct config *copy);

/* One server to connect to. */
struct redis_reach {
        const char *host;
        uint16_t port;
        int64_t limit_ms; /* for each step */
        bool encrypted;
};
/* The first part of it: connects, encrypted if so, and no more; redis_connection_close in any case. */
bool redis_connection_reach(struct redis_connection *connection, const struct config *config,
                            const struct redis_reach *reach);
/* AUTH with the user and the password of the address, if it has one. */
bool redis_connection_log_in(struct redis_connection *connection, const struct redis_address *address);
/* Refuses a reply that announces more elements than any of ours has: hiredis takes the memory for them at
 * once (0.14: up to 16 GiB a level). */
void redis_reader_bound(redisReader *reader);
/* Runs one command; NULL on an error, which is then noted with `what` before it. The caller frees the reply.
 */
redisReply *redis_connection_ask(struct redis_connection *connection, int argc, const char **argv,
                                 const char *what);
/* The same for a command whose reply is of no interest. */
bool redis_connection_run(struct redis_connection *connection, int argc, const char **argv, const char *what);
/* The same in two steps: what is sent is written when the first answer is waited for, so that many take one
 * round trip. Each has its answer, in order. */
void redis_connection_send(struct redis_connection *connection, int argc, const char **argv);
redisReply *redis_connection_hear(struct redis_connection *connection, const char *what);
bool redis_connection_heard(struct redis_connection *connection, const char *what);
/* Notes an error, `detail` after `what`. Always false. */
bool redis_connection_fail(struct redis_connection *connection, bool fatal, const char *what,
                           const char *detail);
void redis_connection_close(struct redis_connection *connection);

#endif
