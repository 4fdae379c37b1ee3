#ifndef LEVERET_IO_REDIS_STORE_H
#define LEVERET_IO_REDIS_STORE_H

#include "core/job/protocol.h"
#include "core/job/share.h"
#include "core/redis/info.h"
#include "core/settings/config.h"

#include <uv.h>

/*
 * The records of the jobs in Redis. Lives on one loop; requests are collected and written once per loop turn,
 * replies come in order. A lost connection, a time-out or an error of the server (OOM, READONLY, LOADING,
 * NOSCRIPT ...) ends the connection: every request under way is answered with `lost`, the store is down until
 * a probe write has succeeded, and the caller repeats what it needs. Every script may be repeated by the same
 * owner.
 */
struct redis_store;

struct redis_store_events {
        void (*up)(void *context);
        void (*down)(void *context, const char *error);
        /* At the first connect only: settings that waiting will not mend (eviction policy, password):
         * exit 78. */
        void (*fatal)(void *context, const char *error);
};

/* Who asks, about which job. All borrowed during the call. */
struct store_identity {
        struct slice id;
        struct slice owner; /* unique to the delivery that claimed: worker, epoch, tag */
        struct job_generation generation;
        struct slice fingerprint, type, queue;
};

struct store_claim {
        uint32_t tells; /* bit per enum job_change: of these others are told */
        struct slice subject, correlation_id, app_id;
        struct slice types;    /* names the files of which the type is made; absent: it is made of none */
        int64_t first_seen_ms; /* 0: unknown */
        bool alone;
        bool outside;         /* comes from outside, and for the first time: no copy of ours, no redelivery */
        int64_t death_ms;     /* left_ms of an answer DEAD to an earlier claim of the same delivery; else 0 */
        struct slice dead_id; /* the dead id that the message carries, whoever sent it; absent: none */
        bool first;           /* on_conflict: other content under a known id is superfluous */
        bool known;           /* there is or may be a record of the job: it is not tried as new first */
        struct slice source_id; /* as which it is known where it comes from; absent: as here */
};

struct store_result {
        bool lost;       /* no reply: unknown whether it was carried out */
        int64_t sent_ms; /* CLOCK_BOOTTIME before the request was written */
        enum lease_answer lease;
        /* Of a claim: it is not answered, as there is a record or Redis' clock was set meanwhile. It is to be
         * asked for again as `known`; what follows says nothing then. */
        bool known;
        /* of a claim: */
        enum claim_answer claim;
        int64_t lease_left_ms, created_ms, starts;
        struct job_generation generation; /* of the job, if the claim is RESUMED, MINE or CRASHED */
        struct slice letter_queue; /* the message is the dead letter that it says: from whose index it goes;
                                      or absent */
        struct job_decision decision;
        /* Valid during the callback. `signal`: what ended the process that had the job last, "" if unknown.
         */
        struct slice error, signal;
        const struct slice *effects, *intents; /* JOB_EFFECTS_MAX at most */
        size_t effect_count, intent_count;
        const struct slice *tries; /* the fields that tell of tries and the plan: name, value, ... */
        size_t try_count;          /* names and values together */
        /* When a start that had no end was seen last, by Redis' clock (0: never), how long ago that is, and
         * how long ago the first such start began. */
        int64_t doubt_ms, doubt_age_ms, doubt_from_age_ms;
};

/* Exactly once for each request, never from inside the requesting call. */
typedef void store_done(void *context, const struct store_result *result);

/* Starts connecting. config, events and context outlive it. `worker` names this process in records and
 * timelines. */
struct redis_store *redis_store_open(uv_loop_t *loop, const struct config *config, const char *worker,
                                     const struct redis_store_events *events, void *context);
/* Writes what was asked for in this turn, then every request under way is answered with `lost`, those that
 * were refused while the store was down in the loop's next turns. */
void redis_store_close(struct redis_store *store);
/* Is it connected, and has it taken the probe write? */
bool redis_store_is_up(const struct redis_store *store);
/* Why it is not: the last error, of at most 255 bytes; "" while it is, or before the first try has ended. */
void redis_store_trouble(const struct redis_store *store, char *text);
/* What it is connected to, for people: version, primary, nodes; "" while it is down. */
void redis_store_found(const struct redis_store *store, char text[REDIS_FOUND_SIZE]);
/* It is up, but does not say whether it may evict records: INFO is refused. */
bool redis_store_keeps_unknown(const struct redis_store *store);

/* The scripts of worker/io/redis/lua. Claims the job for identity->owner, for claim.lease from now on. */
void redis_store_claim(struct redis_store *store, const struct store_identity *identity,
                       const struct store_claim *claim, store_done *done, void *context);
/* Another claim.lease from now on; LEASE_LOST if somebody else has the job. */
void redis_store_renew(struct redis_store *store, const struct store_identity *identity, store_done *done,
                       void *context);
/* The plan that all later runs carry out. */
struct store_plan {
        struct slice record; /* at most PLAN_RECORD_MAX bytes */
        struct slice digest; /* names it */
};
/* Records it, and renews. */
void redis_store_keep(struct redis_store *store, const struct store_identity *identity,
                      const struct store_plan *plan, store_done *done, void *context);
/* An effect goes by another outlet from now on. */
struct store_move {
        int count; /* of such moves in this run: a request that is carried out late changes nothing */
        struct slice field, outlet;
};
struct store_intent {
        struct slice effect;           /* the key of the effect that is about to be sent; "": none is */
        const struct store_move *move; /* or NULL */
};
/* Records both, and renews. */
void redis_store_intend(struct redis_store *store, const struct store_identity *identity,
                        const struct store_intent *intent, store_done *done, void *context);

struct store_effect {
        struct slice key;
        bool sent;                /* else refused: only its intent is cleared */
        struct slice provider_id; /* as told, "" if nothing */
        struct slice outlet;      /* by which it was sent; absent: not worth a field */
        bool tells;               /* with a completion: others are to be told of it */
        bool plain;               /* with a fresh completion: it is the only one, sent by `outlet`, or by the
                                     outlet mail, and nothing else is to be noted, so that `note` is not read */
        int64_t took_ms;          /* with a plain one: since the claim was sent */
        int total, done;
        /* With a completion: the claim was new, and neither an intent nor a decision was recorded since, so
         * that Redis need not look for any. */
        bool fresh;
        struct slice note; /* for the job's timeline: the inside of a JSON object, already escaped */
};
void redis_store_record(struct redis_store *store, const struct store_identity *identity,
                        const struct store_effect *effect, store_done *done, void *context);
/* `effect->key` may be absent: nothing but the completion is recorded. */
void redis_store_complete(struct redis_store *store, const struct store_identity *identity,
                          const struct store_effect *effect, store_done *done, void *context);

struct store_decision {
        struct job_decision decision;
        struct slice error;
        int effects_total;
        struct slice refused;      /* the effect that was definitely refused, whose intent is void; or "" */
        const struct slice *tries; /* fields that tell of tries: name, value, ... */
        size_t try_count;          /* names and values together */
        struct slice note;         /* as that of an effect */
};
void redis_store_decide(struct redis_store *store, const struct store_identity *identity,
                        const struct store_decision *decision, store_done *done, void *context);
/* The decision is carried out: its copy is confirmed, or the broker is to move the original. */
struct store_settlement {
        struct job_decision decision;     /* a rejected original finds it, should it come again */
        struct job_generation generation; /* of the copy */
        int64_t wait_ms;  /* RETRY, DEFER: how long the copy waits; SCHEDULE: when it is due, since 1970 */
        int64_t later_ms; /* SCHEDULE: how long the copy waits */
        struct slice dead_id; /* DEAD: of the letter */
        bool tells;           /* others are to be told of it */
        struct slice note;    /* as that of an effect */
};
void redis_store_settle(struct redis_store *store, const struct store_identity *identity,
                        const struct store_settlement *settlement, store_done *done, void *context);

/* Any other command, in order with the rest; `arguments[0]` is its name. done may be NULL: best effort, an
 * error is nobody's concern. Else an error ends the connection as it does for a script, but for a key that
 * holds something of another type: then the command is as done as it will ever be. The result tells only
 * `lost`. */
void redis_store_command(struct redis_store *store, const struct slice *arguments, size_t count,
                         store_done *done, void *context);

/* As redis_store_command, but gives the reply's integers and strings, flattened (e.g. SMEMBERS), during the
 * callback. */
typedef void store_strings(void *context, bool lost, const struct slice *values, size_t count);
void redis_store_query(struct redis_store *store, const struct slice *arguments, size_t count,
                       store_strings *done, void *context);

/* Asks tick.lua, of the schedule with the key arguments[0]; the others are the script's own. */
void redis_store_tick(struct redis_store *store, const struct slice *arguments, size_t count,
                      store_strings *done, void *context);
/* Asks queued.lua likewise, of a job. */
void redis_store_queued(struct redis_store *store, const struct slice *arguments, size_t count,
                        store_strings *done, void *context);
/* Whose rate it is. */
struct store_rate {
        struct slice name; /* of the outlet, or OUTLET:DOMAIN */
        bool domain;       /* it is that of the domain */
};
/* Asks for places of a rate that is shared. The one value of the answer is for share_answer_parse. */
void redis_store_rate(struct redis_store *store, struct store_rate rate,
                      const struct share_question *question, store_strings *done, void *context);
/* Asks due.lua: of the job with the key arguments[0], having told others of arguments[1] (core/record/due.h).
 */
void redis_store_due(struct redis_store *store, const struct slice *arguments, size_t count,
                     store_strings *done, void *context);

#endif
