#ifndef LEVERET_IO_REDIS_STORE_STATE_H
#define LEVERET_IO_REDIS_STORE_STATE_H

#include "core/job/backoff.h"
#include "core/redis/server_clock.h"
#include "core/text/buffer.h"
#include "io/redis/connection/redis_connection.h"
#include "io/redis/connection/redis_hold.h"
#include "io/redis/redis_connecting.h"
#include "io/redis/redis_follow.h"
#include "io/redis/redis_store.h"

/* Inside redis_*.c only. */

enum request_kind {
        REQUEST_CLAIM,
        REQUEST_LEASE,
        REQUEST_COMMAND,
        REQUEST_QUERY,
        REQUEST_WAIT,
        REQUEST_ASKING,
        REQUEST_KEEPS, /* may the server forget what is written? */
        REQUEST_CLOCK, /* TIME: what was written on its last word is told now */
        REQUEST_RATE
};

struct request {
        enum request_kind kind;
        store_done *done;
        store_strings *strings;
        void *context;
        int64_t sent_ms;
        char *bytes; /* as it was written, for another node of the cluster; NULL: there is none */
        size_t bytes_len;
        int hops;         /* so often it went to another node */
        int64_t quick_ms; /* of a claim by RESTORE: since when it holds, by Redis' clock; else 0 */
};

/* Oldest first. */
struct request_ring {
        struct request *requests;
        size_t size, head, count;
};

struct redis_shards;

struct redis_store {
        uv_loop_t *loop;
        const struct config *config;
        char worker[128];
        const struct redis_store_events *events;
        void *context;
        struct redis_connection connection;
        bool up, ever_up, closing;
        int64_t up_ms;                /* clock_boot_ms of the last connect */
        int64_t keeps_ms;             /* .. of when it last said whether it may forget what is written */
        char trouble[256];            /* why it is down; "" while it is up */
        char told[256];               /* the trouble that `down` was last called with */
        struct redis_shards *shards;  /* of a cluster, for all of it; then nothing below is used */
        struct redis_shards *node_of; /* of a cluster, for one node */
        /* Of a node: takes a request whose answer says that another node has the key. False: it says
         * something else, and nothing happened. */
        bool (*redirect)(struct redis_store *node, const redisReply *reply, struct request request);
        const struct config *reach; /* to connect by */
        char probe[128];            /* the name to connect with */
        struct redis_connecting *connecting;
        struct redis_follow *follow; /* while connected behind sentinels */
        struct backoff backoff;
        uv_poll_t *poll; /* while connected */
        int watched;     /* libuv events */
        uv_timer_t *watch, *retry;
        uv_prepare_t *flush;
        uv_idle_t *more;    /* active while replies were read that are not digested */
        struct buffer out;  /* requests of this loop turn */
        size_t out_mark;    /* in it: where the last request ends */
        struct buffer key;  /* the one at hand */
        struct buffer dump; /* likewise, of a record */
        struct server_clock clock;
        bool counts_on_clock;        /* something in `out` does */
        struct request_ring written; /* claims by RESTORE that wait for the answer to the TIME behind them */
        struct redis_hold hold;      /* replies whose batch the replicas have not acknowledged */
        bool waiting;                /* for replicas: what is asked for meanwhile is the next batch */
        struct request_ring ring;    /* under way */
        /* Of the reply at hand. An effect has two fields that tell of its tries and the plan has two, each a
         * name and a value. */
        struct slice effects[JOB_EFFECTS_MAX], intents[JOB_EFFECTS_MAX], tries[4 * JOB_EFFECTS_MAX + 4];
};

/* Gives one reply to the request that is first in the ring. False if the connection is to be dropped instead:
 * the request is then still first. */
bool redis_store_answer(struct redis_store *store, const redisReply *reply);
/* Why it is to be dropped. */
const char *redis_store_mistake(const struct redis_store *store, const redisReply *reply);
/* One connection, not begun yet; begins it, by `reach` and as `probe`; ends it. */
struct redis_store *redis_node_new(uv_loop_t *loop, const struct config *config, const char *worker,
                                   const struct redis_store_events *events, void *context);
void redis_node_connect(struct redis_store *store);
void redis_node_close(struct redis_store *store);
/* Sends what another node has refused; `asking`: ASKING before it. Takes its bytes. False: the store is down,
 * and nothing happened. */
bool redis_store_forward(struct redis_store *store, struct request *request, bool asking);
/* Notes why it is down, and tells of it: of tries that fail alike the first alone. */
void redis_store_tell_down(struct redis_store *store, const char *error, bool was_up);
/* Ends the batch with WAIT: how many replicas have all of it? */
void redis_store_wait(struct redis_store *store);
/* A request while the store is down is lost at once; its answer still comes from the loop, at the next turn.
 * False: it is up. */
bool redis_refuse_while_down(struct redis_store *store, struct request request);
/* Tells a request that it has no reply. */
void redis_request_lost(const struct request *request);
/* What was just added to `out` is under way; the one that was first of all is so no more. */
void redis_ring_push(struct redis_store *store, struct request request);
struct request redis_ring_pop(struct redis_store *store);
void request_ring_add(struct request_ring *ring, struct request request);
struct request request_ring_take(struct request_ring *ring);
/* The one that is `index` behind the first. */
static inline struct request *request_ring_at(const struct request_ring *ring, size_t index)
{
        return &ring->requests[(ring->head + index) % ring->size];
}

#endif
