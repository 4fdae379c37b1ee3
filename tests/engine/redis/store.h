#ifndef LEVERET_ENGINE_REDIS_STORE_H
#define LEVERET_ENGINE_REDIS_STORE_H

#include "world.h"

#include "io/redis/redis_store_state.h"

#include <sys/queue.h>

/*
 * The client is worker/io/redis as it is, over a hiredis of the simulator's own (hiredis.c) and a server
 * (server.c) that may fail over (failover.c). What the engine asks is noted as it asks (store.c), and found
 * again by its place among the commands that the client writes: so nothing has to be read out of them but
 * which script it is.
 */

enum asked_kind {
        ASKED_SCRIPT,
        ASKED_COMMAND,
        ASKED_PAUSED,
        ASKED_QUERY,
        ASKED_RATE,
        ASKED_PLAN,
        ASKED_PLAN_GONE,
        ASKED_KEEPS, /* by the client itself: INFO */
        ASKED_DUE,
        ASKED_TICK,
        ASKED_QUEUED,
        ASKED_STATE,
        ASKED_WAIT, /* by the client itself */
        ASKED_TIME, /* likewise */
};

/* One request. It lies in the world's memory, as what was written may be carried out whoever has died. */
struct asked {
        struct call call;
        enum asked_kind kind;
        struct link *link;
        store_done *done;
        store_strings *strings;
        void *context;
        bool told;                  /* the engine has the answer, and believes it */
        char dead_id[DEAD_ID_SIZE]; /* what the command adds to the index or takes from it, or "" */
        bool takes;
        uint8_t plan_of;   /* whose plan is asked for, or goes */
        struct slice plan; /* the answer */
        struct tick_asked tick;
        struct tick *tick_job;
        const char *state; /* the answer */
        uint32_t paused;   /* the answer, bit per queue */
        size_t outlet;     /* whose rate is asked for */
        struct share_question question;
        struct share_answer places; /* the answer */
        int64_t replicas;           /* the answer to WAIT */
        int64_t time_ms;            /* the answer to TIME, by the model's clock */
        const char *refusal;        /* the server's error, NULL: none */
        STAILQ_ENTRY(asked) listed;
};
STAILQ_HEAD(asked_list, asked);

/* A connection, as both ends see it, in the world's memory. */
struct link {
        struct process *process;
        uint32_t incarnation;
        uint32_t epoch; /* of the primary that it leads to */
        bool closed;    /* by the client */
        bool deaf;      /* what is written from now on is not carried out */
        bool mute;      /* nothing is answered any more */
        bool demoted;   /* ... but with an error */
        bool ended;     /* the client's next read finds its end */
        int64_t asked_last_ms, replied_last_ms;
        struct asked_list said;     /* by the engine, not written yet */
        struct asked_list written;  /* does not leave before the client's write */
        struct asked_list answered; /* by the server, in order; not read yet */
        size_t arrived, readable;   /* of these: at the client's socket; in its buffer */
        redis_moved *moved;         /* told by the sentinels, NULL: nobody asks them */
        void *follower;
};

/* store.c */
extern const char *const store_effect_keys[STORE_EFFECTS_MAX];
extern const char *const store_try_names[STORE_TRIES_MAX];
extern const char *const store_spent_names[STORE_TRIES_MAX];
extern const char *const store_outlet_names[STORE_TRIES_MAX];

/* server.c: a request arrives; its answer, in the memory of whoever reads it. */
void server_hears(struct asked *asked);
redisReply *server_reply(const struct asked *asked);

/* hiredis.c: an answer, or the end of the connection, gets there now. */
void link_answered(struct asked *asked);
void link_ended(struct link *link);

/* failover.c. So far has everything been written; the replica has it up to there. */
uint64_t failover_position(void);
void failover_replicated(uint64_t position);

#endif
