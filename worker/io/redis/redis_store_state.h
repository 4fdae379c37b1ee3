#ifndef LEVERET_IO_REDIS_STORE_STATE_H
#define LEVERET_IO_REDIS_STORE_STATE_H

#include "core/job/backoff.h"
#include "core/text/buffer.h"
#include "io/redis/redis_connecting.h"
#include "io/redis/redis_connection.h"
#include "io/redis/redis_follow.h"
#include "io/redis/redis_store.h"

/* Inside redis_*.c only. */

enum request_kind { REQUEST_CLAIM, REQUEST_LEASE, REQUEST_COMMAND, REQUEST_QUERY };

struct request {
        enum request_kind kind;
        store_done *done;
        store_strings *strings;
        void *context;
        int64_t sent_ms;
};

struct redis_store {
        uv_loop_t *loop;
        const struct config *config;
        char worker[128];
        const struct redis_store_events *events;
        void *context;
        struct redis_connection connection;
        bool up, ever_up, closing;
        int64_t up_ms;     /* clock_boot_ms of the last connect */
        char trouble[256]; /* why it is down; "" while it is up */
        char told[256];    /* the trouble that `down` was last called with */
        struct redis_connecting *connecting;
        struct redis_follow *follow; /* while connected behind sentinels */
        struct backoff backoff;
        uv_poll_t *poll; /* while connected */
        int watched;     /* libuv events */
        uv_timer_t *watch, *retry;
        uv_prepare_t *flush;
        uv_idle_t *more;      /* active while replies were read that are not digested */
        struct buffer out;    /* requests of this loop turn */
        struct buffer key;    /* the one at hand */
        struct request *ring; /* under way, oldest first */
        size_t ring_size, ring_head, ring_count;
        /* Of the reply at hand. An effect has two fields that tell of its tries and the plan has two, each a
         * name and a value. */
        struct slice effects[JOB_EFFECTS_MAX], intents[JOB_EFFECTS_MAX], tries[4 * JOB_EFFECTS_MAX + 4];
};

/* Gives one reply to the request that is first in the ring. False if the connection is to be dropped instead:
 * the request is then still first. */
bool redis_store_answer(struct redis_store *store, const redisReply *reply);
/* Tells a request that it has no reply. */
void redis_request_lost(const struct request *request);
void redis_ring_push(struct redis_store *store, struct request request);
struct request redis_ring_pop(struct redis_store *store);

#endif
