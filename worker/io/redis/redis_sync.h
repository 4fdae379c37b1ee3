#ifndef LEVERET_IO_REDIS_SYNC_H
#define LEVERET_IO_REDIS_SYNC_H

#include "core/memory/arena.h"
#include "core/redis/info.h"
#include "core/settings/config.h"

#include <stdbool.h>
#include <stdint.h>

/* Redis for the commands of operators: one request at a time, blocking, each within config->redis.timeout_ms.
 */
struct redis_sync;

enum redis_kind { REDIS_NIL, REDIS_TEXT, REDIS_INTEGER, REDIS_LIST, REDIS_FAILED };

struct redis_value {
        enum redis_kind kind;
        struct slice text; /* REDIS_TEXT, and the error of REDIS_FAILED */
        int64_t integer;
        struct redis_value *items;
        size_t count;
};

/* config outlives it. NULL if it cannot be reached, is refused, or takes no write; `error` (256 bytes) says
 * which. */
struct redis_sync *redis_sync_open(const struct config *config, char *error);
/* Does the server refuse to say whether it may evict records? */
bool redis_sync_keeps_unknown(struct redis_sync *redis);
/* What it is and how it was found, for people. */
void redis_sync_found(struct redis_sync *redis, char text[REDIS_FOUND_SIZE]);
/* The replicas that are connected to it, of a cluster the most to any node; -1: it does not say. */
int64_t redis_sync_replicas(struct redis_sync *redis);
/* Do redis.replicas of them acknowledge what was written on this connection so far? Else false with `error`
 * (256 bytes). */
bool redis_sync_wait(struct redis_sync *redis, const struct config *config, char *error);
/* Must it be opened anew before it is used again, because its server may no longer be the primary? */
bool redis_sync_is_old(const struct redis_sync *redis);
void redis_sync_close(struct redis_sync *redis);

/* Runs one command; the reply lies in `arena`. A lost connection is REDIS_FAILED too. Never NULL. */
const struct redis_value *redis_sync_run(struct redis_sync *redis, struct arena *arena,
                                         const struct slice *arguments, size_t count);
/* The same, each argument a C string; the last is NULL. */
const struct redis_value *redis_sync_call(struct redis_sync *redis, struct arena *arena, ...)
        __attribute__((sentinel));

/* The job to cancel. */
struct redis_cancel {
        const char *job_key, *events_key;
        const char *by;           /* who asks, as in the inside of a JSON string */
        int64_t keep_ms, tier_ms; /* claim.keep; the longest delay tier */
        bool tells;               /* the cancelling has an event */
};
/* Runs due.lua, of the job with this key. `told`: what it answered before, now published; or "". */
const struct redis_value *redis_sync_due(struct redis_sync *redis, struct arena *arena, const char *job_key,
                                         const char *told);
/* Runs cancel.lua, and answers as that does. */
const struct redis_value *redis_sync_cancel(struct redis_sync *redis, struct arena *arena,
                                            const struct redis_cancel *cancel);

/* Puts a command into the next batch, at most 10000; redis_sync_flush sends it, waits for all answers and
 * throws them away. False: an answer was an error, or the connection is lost. Nothing else may be run in
 * between. */
void redis_sync_queue(struct redis_sync *redis, const struct slice *arguments, size_t count);
bool redis_sync_flush(struct redis_sync *redis);

/* The value of a field in the flat list that HGETALL gives; absent if there is none. */
struct slice redis_value_field(const struct redis_value *hash, const char *field);

#endif
