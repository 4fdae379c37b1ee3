#ifndef LEVERET_SIM_WORLD_H
#define LEVERET_SIM_WORLD_H

#include "fake_store.h"
#include "random.h"

/*
 * A small world around the real job_step: a broker with one work queue, its delay tier and dead-letter queue,
 * a store (Redis), a mail system, an operator, and workers whose engine is a model of worker/run. One seed is
 * one schedule. Everything the protocol cannot see but the checker must know (who really owns a job, why a
 * mail went out twice) is kept here as it happens.
 */

enum {
        WORKERS_MAX = 3,
        IDS_MAX = STORE_RECORDS_MAX,
        EFFECTS_MAX = 3,
        SLOTS_MAX = 16,
        COPIES_MAX = 96,
        PENDING_MAX = 256,
        CALLS_MAX = 96,
        SENDS_MAX = 96,
        RUNS_MAX = 128,
        CHANGES_MAX = 128,
        TELLINGS_MAX = 256,
        EVENTS_MAX = 6000, /* a schedule that has not come to rest after so many happenings never will */
};

/* Milliseconds. */
enum {
        LEASE_MS = 20000,
        SEND_LIMIT_MS = 4000,
        STORE_TIMEOUT_MS = 2000,
        CONFIRM_TIMEOUT_MS = 5000,
        KEEP_MS = 604800000,
        GRACE_MS = 25000,
        LOOK_LAG_MS = 3000,  /* from then on the mail service finds what it has */
        TIER_MAX_MS = 10000, /* the longest delay of a copy that is a decision's */
};

/* What may go wrong. A schedule has a random set of them. */
#define FAULT_LIST(X)                                                                                        \
        X(CRASH, "crash")                                                                                    \
        X(FREEZE, "freeze")                                                                                  \
        X(DISCONNECT, "disconnect")                                                                          \
        X(REQUEST_LOST, "request-lost")                                                                      \
        X(REPLY_LOST, "reply-lost")                                                                          \
        X(STORE_CUT, "store-cut")                                                                            \
        X(PUBLISH_LOST, "publish-lost")                                                                      \
        X(CONFIRM_LOST, "confirm-lost")                                                                      \
        X(NACK, "nack")                                                                                      \
        X(AMBIGUOUS, "ambiguous")                                                                            \
        X(TRANSIENT, "transient")                                                                            \
        X(INNOCENT, "innocent")                                                                              \
        X(ACCOUNT, "account")                                                                                \
        X(REFUSED_ALONE, "refused-alone")                                                                    \
        X(BREAKER, "breaker")                                                                                \
        X(FLUSH, "flush")                                                                                    \
        X(CLOCK_JUMP, "clock-jump")                                                                          \
        X(DUPLICATE, "duplicate")                                                                            \
        X(CONFLICT, "conflict")                                                                              \
        X(REDRIVE, "redrive")                                                                                \
        X(DROP, "drop")                                                                                      \
        X(DRAIN, "drain")                                                                                    \
        X(POISON, "poison")                                                                                  \
        X(PERMANENT, "permanent")                                                                            \
        X(REFUSED, "refused")                                                                                \
        X(UNCOPYABLE, "uncopyable")                                                                          \
        X(PARK, "park")                                                                                      \
        X(MOVE, "move")                                                                                      \
        X(PURGE, "purge")                                                                                    \
        X(OUTLETS, "outlets")                                                                                \
        X(LOOKUP, "lookup")                                                                                  \
        X(CANCEL, "cancel")                                                                                  \
        X(SCHEDULE, "schedule")                                                                              \
        X(PLANNER, "planner")                                                                                \
        X(PLANNER_LATE, "planner-late")                                                                      \
        X(PLANNER_DEAD, "planner-dead")                                                                      \
        X(PLANNER_DOWN, "planner-down")                                                                      \
        X(EVENTS, "events")

enum fault {
#define X(name, word) FAULT_##name,
        FAULT_LIST(X)
#undef X
                FAULT_COUNT
};
const char *fault_word(enum fault fault);

/* What a schedule may use; everything in it is drawn from the seed within these. */
struct bounds {
        uint64_t faults; /* bit per enum fault */
        bool every;      /* a schedule has all of them, not a random set */
        uint32_t workers, ids, effects, budget;
};

enum copy_place {
        COPY_READY,
        COPY_TIER,
        COPY_UNACKED,
        COPY_DEAD,
        COPY_GONE,   /* acked */
        COPY_MOVED,  /* to another queue, by an operator's tool: it lives on as another copy */
        COPY_PURGED, /* lost by an operator's tool */
};

/* One message at the broker. */
struct copy {
        uint8_t id, content;
        struct job_generation generation;
        enum copy_place place;
        uint8_t worker; /* COPY_UNACKED */
        uint64_t epoch, tag;
        enum reason reason;
        bool explained;   /* COPY_DEAD: a second one of the same redrive has a cause */
        bool ours;        /* comes by leveret.return: its headers are believed */
        bool acking;      /* COPY_UNACKED: the ack is on its way */
        bool excused;     /* what it was or is acked for was purged */
        bool second;      /* it was or is acked beside what came first */
        uint32_t gone;    /* COPY_GONE: how many were acked before it */
        uint32_t dead_id; /* that it carries, 0: none */
        uint16_t deliveries;
};

/* What all copies of an id have in common. */
struct spec {
        uint8_t effects, park, permanent; /* number; bits per effect */
        bool poison, no_id, uncopyable, unencodable;
        enum reason bad_envelope, bad_payload;
        bool planner;     /* its plan is asked of somebody, who makes another each time */
        bool deadly;      /* every planner dies of it */
        bool first;       /* on_conflict */
        bool strangers;   /* its contents are of two types */
        bool named;       /* the type that is unknown is one that some deployed version named */
        int64_t grace_ms; /* until then what is of such a type waits; from deployed_ms on it is known */
        int64_t deployed_ms;
        uint8_t attempts_max;
        uint8_t outlets, fallback_after; /* of each effect */
        bool lookup;                     /* the services can be asked for all effects that do not park */
        struct job_look_limits look_limits;
        int64_t due_ms; /* nothing is sent before; 0: any time */
};

/* A grant of a job by the store, until somebody else is granted it. */
struct run {
        uint8_t id, content, worker;
        uint32_t incarnation;
        uint64_t owner;
        struct job_generation generation;
        bool start;          /* counts as one: not taken up only to carry out what was decided */
        bool revived;        /* the job was dead */
        bool planned, ended; /* an end was recorded by its owner */
        uint8_t unheard;     /* bit per effect: it ended its attempt by a send without a definite end */
        bool crashed, frozen, cut, orphan, beside_poison, forced; /* why it may have had no end */
};

struct send {
        uint8_t id, content, effect, worker;
        uint32_t incarnation;
        int16_t first, run; /* the run that made it; the latest whose try the service took for this one */
        enum send_outcome outcome;
        bool innocent, outage;
        int64_t begun_ms;
        uint8_t outlet;
        int64_t accepted_ms;
        uint32_t plan; /* of which it is a part */
        bool accepted, recorded, over;
        bool told;    /* that its end was ambiguous is recorded */
        bool cleared; /* it may be forgotten: the outlet gave a definite answer later, or did not know it */
        bool zombie;  /* accepted when its worker did not own the job any more */
        bool frozen_inside;                               /* between the fence and the acceptance */
        bool frozen_after, cut_after, crashed, ambiguous; /* why it may not be recorded */
};

/* A job of a worker's in-flight table. */
struct slot {
        bool used, suspect, renews;
        uint32_t serial;
        uint8_t id, content;
        uint64_t owner;
        int16_t run;  /* index, -1 */
        int16_t send; /* the one under way, -1 */
        int64_t sent_ms;
        struct job job;
        struct store_reply claim; /* the latest that is heard of */
        bool outside;
        bool copied, copy_lost; /* its copy reached the broker; was purged there */
        uint32_t dead_id;
        int64_t delay_ms;        /* of the copy that was published last */
        uint32_t plan;           /* that it carries out; 0: none yet */
        uint8_t void_effect;     /* whose last send surely was not accepted; number from 1, 0: none */
        uint32_t request_serial; /* of the newest request but renewals: an older one's reply is nothing */
};

struct worker {
        bool alive, connected, frozen, store_up, draining, kicked;
        uint32_t incarnation;
        int64_t clock_offset_ms; /* of CLOCK_BOOTTIME */
        int64_t thaw_ms, breaker_until_ms;
        uint64_t epoch, next_tag; /* the engine's; tags are the broker's but of the same connection */
        uint32_t store_epoch;
        uint32_t prefetch, places, unacked;
        bool broker_open; /* the broker's view of the connection */
        struct slot slots[SLOTS_MAX];
};

/* A change of which others are to be told, and whether they were. */
struct change {
        uint8_t id, content;
        enum job_change change;
        struct job_generation generation;
        bool told, let_go;
};

/* What is published of one job at once. */
struct telling {
        uint8_t id;
        struct store_due due;
};

enum happening_kind {
        /* at the broker, the store, the mail system or the operator */
        HAPPEN_PUBLISH_ORIGINAL,
        HAPPEN_DISPATCH,
        HAPPEN_ACK,
        HAPPEN_NACK,
        HAPPEN_ENQUEUE,
        HAPPEN_TIER_DUE,
        HAPPEN_APPLY,
        HAPPEN_ACCEPT,
        HAPPEN_LOOK,
        HAPPEN_RESTART,
        HAPPEN_OPERATOR,
        HAPPEN_EVENT_ARRIVES,
        HAPPEN_EVENT_FORGET,
        /* in a worker: not while it is frozen, never after it ended */
        HAPPEN_DELIVERY,
        HAPPEN_REPLY,
        HAPPEN_STORE_TIMEOUT,
        HAPPEN_STORE_REFUSED,
        HAPPEN_STORE_BACK,
        HAPPEN_KICK,
        HAPPEN_SEND_BEGIN,
        HAPPEN_SENT,
        HAPPEN_LOOKED,
        HAPPEN_PLANNED,
        HAPPEN_CONFIRM,
        HAPPEN_EVENT_CONFIRMED,
        HAPPEN_EVENT_UNCONFIRMED,
        HAPPEN_PUBLISH_AGAIN,
        HAPPEN_RENEW,
        HAPPEN_CONNECTION_DOWN,
        HAPPEN_CONNECTION_UP,
        HAPPEN_DRAINED,
        HAPPEN_GRACE_OVER,
};

struct happening {
        int64_t at_ms;
        enum happening_kind kind;
        bool local; /* needs its worker alive and not frozen */
        uint8_t worker, slot;
        uint32_t incarnation, serial;
        int16_t index; /* call, send or copy */
        bool flag;
        uint64_t epoch, tag;
        struct copy copy; /* HAPPEN_ENQUEUE; for deliveries as it was when it left */
        int64_t delay_ms; /* HAPPEN_ENQUEUE to a tier */
};

struct call {
        bool used, reply_lost;
        uint8_t worker, slot;
        uint32_t incarnation, serial, store_epoch, request_serial;
        int64_t sent_ms; /* the worker's clock */
        struct store_request request;
        struct store_reply reply;
};

/* How often what happened, over all schedules: a simulator that never gets there proves nothing. */
struct tally {
        uint64_t events, mails, windows[3], completed, dead, faults[FAULT_COUNT], phases[JOB_PHASE_COUNT];
        uint64_t claims[CLAIM_ANSWER_COUNT], zombies, crash_loops, attached, parked;
        uint64_t events_told[2];                         /* let go, told */
        uint64_t moves, looks[3], cancels[2], scheduled; /* cancels: too late, in time */
};

struct world {
        struct random random;
        bool verbose;
        struct bounds bounds;
        uint64_t faults;
        uint32_t tells; /* bit per enum job_change */
        uint32_t fault_rate, budget, max_crashes, worker_count, id_count;
        int64_t now_ms;
        uint32_t events, next_incarnation, next_serial, next_plan;
        struct fake_store store;
        int64_t store_offset_ms, handler_timeout_ms;
        bool unreachable; /* a look-up was not answered, at least once */
        struct spec specs[IDS_MAX];
        struct worker workers[WORKERS_MAX];
        struct copy copies[COPIES_MAX];
        uint32_t copy_count;
        bool dispatching;
        struct happening pending[PENDING_MAX];
        uint32_t pending_count;
        uint32_t renewals; /* pending happenings that do not keep the world from resting */
        struct call calls[CALLS_MAX];
        struct send sends[SENDS_MAX];
        uint32_t send_count;
        struct run runs[RUNS_MAX];
        uint32_t run_count;
        struct change changes[CHANGES_MAX];
        uint32_t change_count;
        struct telling tellings[TELLINGS_MAX];
        uint32_t telling_count;
        /* the truth, by id */
        int16_t owner_run[IDS_MAX]; /* the newest grant, -1: none since the record was lost */
        bool tainted[IDS_MAX];      /* its record was lost or Redis' clock jumped while there was one */
        bool cancelled[IDS_MAX][2]; /* and whoever asked for it was told so */
        bool completed[IDS_MAX][2], dropped[IDS_MAX][2], redriven[IDS_MAX], conflicted[IDS_MAX];
        uint32_t plan_deaths[IDS_MAX];  /* planners that died of it */
        bool conflict_told[IDS_MAX][2]; /* of this content, by the store */
        bool purged[IDS_MAX];           /* some of its copies were lost by an operator's tool */
        uint64_t burnt[IDS_MAX];        /* bit attempt + 8 * redrives: a try of it failed by its own fault */
        uint32_t acked;                 /* messages, so far */
        struct tally *tally;
        const char *failure; /* the first check that failed, NULL */
        char failure_text[160];
};

#define NOTE(world, ...)                                                                                     \
        do {                                                                                                 \
                if ((world)->verbose)                                                                        \
                        world_note((world), __VA_ARGS__);                                                    \
        } while (0)

/* world.c */
void world_run(struct world *world, uint64_t seed, const struct bounds *bounds, struct tally *tally,
               bool verbose);
void world_note(const struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first failure stops the schedule. `check` names the law, the rest says what broke it. */
void world_fail(struct world *world, const char *check, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* Adds a happening; the result is valid until the next. */
struct happening *world_later(struct world *world, int64_t delay_ms, enum happening_kind kind);
struct happening *world_later_worker(struct world *world, int64_t delay_ms, enum happening_kind kind,
                                     const struct worker *worker);
struct happening *world_later_slot(struct world *world, int64_t delay_ms, enum happening_kind kind,
                                   const struct worker *worker, const struct slot *slot);
int64_t world_latency(struct world *world);
/* Is it time for this fault? Uses up budget. */
bool world_fault(struct world *world, enum fault fault);
int worker_number(const struct world *world, const struct worker *worker);

/* broker.c */
struct copy *broker_add(struct world *world, const struct copy *copy, enum copy_place place);
void broker_kick(struct world *world);
void broker_happening(struct world *world, struct happening *happening);
void broker_close(struct world *world, struct worker *worker); /* the connection is gone: redeliver */
void broker_purge(struct world *world);
void broker_publish(struct world *world, struct worker *worker, struct slot *slot, bool delay);

/* store_link.c */
void store_call(struct world *world, struct worker *worker, struct slot *slot, enum store_script script,
                int effect);
void store_apply(struct world *world, struct happening *happening);
void store_reply(struct world *world, struct happening *happening);
void store_timeout(struct world *world, struct worker *worker);
void store_refused(struct world *world, struct happening *happening);
void store_back(struct world *world, struct worker *worker);
int64_t store_now(const struct world *world);

/* mailer.c */
void mailer_send(struct world *world, struct worker *worker, struct slot *slot);
void mailer_look(struct world *world, struct worker *worker, struct slot *slot);
void mailer_happening(struct world *world, struct happening *happening);

/* engine.c */
void engine_step(struct world *world, struct worker *worker, struct slot *slot,
                 const struct job_event *event);
void engine_happening(struct world *world, struct happening *happening);
void engine_kick(struct world *world, struct worker *worker);
int64_t engine_now(const struct world *world, const struct worker *worker);
struct slot *engine_slot(struct world *world, const struct happening *happening);

/* events.c */
/* The store has carried out a change of which others are to be told, if the request says so. */
void events_changed(struct world *world, const struct store_request *request, enum job_change change);
void events_copied(struct world *world, const struct copy *copy, enum job_decision_kind kind);
/* The answer to ACTION_TELL. */
void events_due(struct world *world, struct worker *worker, struct slot *slot, const struct store_due *due);
void events_happening(struct world *world, const struct happening *happening);
void events_rest(struct world *world);

/* faults.c */
void fault_crash(struct world *world, struct worker *worker, const struct slot *culprit);
void fault_freeze(struct world *world, struct worker *worker);
void fault_restart(struct world *world, struct worker *worker);
void fault_anywhere(struct world *world, struct worker *worker);
void fault_store_trouble(struct world *world, struct worker *worker);

/* check.c */
void check_send(struct world *world, const struct worker *worker, const struct slot *slot);
void check_accept(struct world *world, struct send *send);
void check_answer(struct world *world, const struct call *call, const struct store_record *before);
void check_cancel(struct world *world, uint8_t id, bool cancelled);
void check_settling(struct world *world, const struct worker *worker, const struct slot *slot,
                    const struct job_action *action);
void check_ack(struct world *world, const struct copy *copy, const char *check);
void check_copy(struct world *world, const struct copy *copy, const struct happening *source);
void check_publish(struct world *world, const struct worker *worker, const struct slot *slot);
void check_rest(struct world *world);
uint32_t dead_id_of(const struct job *job);

#endif
