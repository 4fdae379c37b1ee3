#ifndef LEVERET_RUN_STATE_H
#define LEVERET_RUN_STATE_H

#include "core/job/protocol.h"
#include "core/mail/mail_request.h"
#include "core/memory/arena_pool.h"
#include "core/message/dead_id.h"
#include "core/message/envelope.h"
#include "core/plan/plan.h"
#include "core/send/post_request.h"
#include "core/settings/config.h"
#include "core/watch/last_words.h"
#include "core/watch/metrics.h"
#include "io/admin/admin.h"
#include "io/amqp/amqp_consumer.h"
#include "io/amqp/amqp_publisher.h"
#include "io/plan/planner.h"
#include "io/redis/redis_spare.h"
#include "io/redis/redis_store.h"
#include "io/send/mail_files.h"
#include "run/engine.h"
#include "run/obstacle.h"
#include "run/outlet.h"
#include "run/rates.h"

#include <sys/queue.h>
#include <uv.h>

/* Inside run only: what one process holds. Everything here belongs to the loop's thread. */

enum { ID_BUCKETS = 4096, OWNER_SIZE = 192, WORKER_ID_MAX = 120, OUTLETS_MAX = CONFIG_OUTLETS_MAX + 2 };

/* Where a delivery stands for the engine, besides the phase of its job: the list it is on. */
enum delivery_listing {
        LIST_NONE,
        LIST_HELD,     /* received, not started */
        LIST_SUSPECTS, /* to be started alone */
        LIST_PLACES,   /* wants a place at its outlet */
        LIST_DOMAINS,  /* wants one of the rate of a domain first */
        LIST_OVER,     /* its job is over and no callback is to come: freed at the end of the turn */
};

/* One job in flight. Owns its arena and everything in it, itself included. */
struct delivery {
        struct job job;
        struct engine *engine;
        struct arena *arena;
        struct message *message;
        struct envelope envelope;
        size_t queue;           /* index in config->queues */
        struct type_set *types; /* in which the handler was found, held until this is freed; or NULL */
        const struct handler *handler;
        size_t type_label; /* of the metrics */
        struct plan *plan;
        /* What the record has of it, or is to have: the text, and the digest that names it; absent: nothing.
         */
        struct slice plan_text, plan_digest;
        struct plan_around *around;   /* as recorded; NULL: as configured */
        struct planner_ask *ask;      /* its plan is being made; NULL: it is not */
        struct type_planner *planner; /* by whom */
        bool plan_probe;              /* whether it is in order, by this question */
        char owner[OWNER_SIZE];
        struct last_words_job words; /* what is said of it if the process dies of it */
        char dead_id[DEAD_ID_SIZE];
        char error[SEND_ERROR_MAX]; /* the last thing that went wrong */
        char provider_id[SEND_PROVIDER_ID_MAX];
        int64_t received_ms, started_ms; /* CLOCK_BOOTTIME; started_ms 0 before the first claim */
        int64_t created_ms;              /* wall clock: first seen */
        int64_t send_began_ms, renewed_ms;
        /* What earlier runs recorded, in the arena: effects that were sent, or about to be. */
        struct slice *recorded, *intended;
        size_t recorded_count, intended_count;
        struct slice *tries; /* fields that tell of tries: name, value, ... */
        size_t try_count;    /* names and values together */
        bool letter;         /* the message is the job's own dead letter, moved by somebody */
        bool first;          /* on_conflict */
        bool named;          /* its type is not known here, but to some deployed version */
        /* When a start that had no end was seen last, by Redis' clock, 0: never; the same by CLOCK_BOOTTIME;
         * when the first such start began, by CLOCK_BOOTTIME. */
        int64_t doubt_ms, doubt_since_ms, doubt_from_ms;
        bool known;         /* there may be a record of it */
        bool fresh;         /* its record holds no more than the claim wrote, and effects */
        int64_t claimed_ms; /* CLOCK_BOOTTIME, when the latest claim was sent */
        const char
                *refused_recipients; /* of the mail that was just sent: who was refused for good, or NULL */
        const char *looked;  /* what the last look-up answered, for the next entry of the timeline; or NULL */
        const char *refused; /* the effect of the last send if that was definitely refused, or NULL */
        union {
                struct mail_request mail;
                struct post_request post;
        } request;
        struct {
                size_t left; /* messages of the present effect that are not confirmed yet */
                bool unsent; /* one of them never left */
                struct send_result result;
        } batch;
        uint32_t pending; /* callbacks of store, transport and publisher that are still to come */
        uint32_t publish_tries;
        int64_t publish_again_ms; /* when to try the unconfirmed copy again; 0: not waiting */
        int64_t later_ms;         /* how long the copy that waits for deliver-at was given to wait */
        struct telling *telling;  /* of telling.c, in the arena; NULL: others are told of nothing yet */
        struct tracing *trace;    /* of trace/spans.c, in the arena; NULL: it is not traced */
        bool ended;               /* the job is over */
        bool active;              /* counted in engine->gate.active */
        struct outlet *outlet;    /* by which its present effect leaves; NULL before the first, and not to be
                                     asked without a place or a wait for one */
        size_t outlet_index;
        uint8_t position; /* of that outlet among the effect's */
        struct outlet_place place;
        struct domain_wait *domains; /* on LIST_DOMAINS: for what it waits */
        struct mail_fetch *fetch;    /* the files of its present effect, or of the one before; NULL: none */
        uint8_t fetch_effect;
        enum delivery_listing listing;
        TAILQ_ENTRY(delivery) all, listed;
        uint64_t hash; /* of its id */
        LIST_ENTRY(delivery) same_bucket;
        bool in_bucket;
};
LIST_HEAD(delivery_bucket, delivery);

struct queue_state {
        uint16_t wanted; /* what was asked of the consumer last */
        bool paused;     /* by an operator */
        bool lost;       /* the broker cancelled us */
        bool cancelled;  /* no delivery can arrive until more is wanted */
        bool returns;    /* just cancelled: what is held of it is to be given back */
        uint32_t kinds;  /* of effects that what comes from it has, bit by bit of enum outlet_kind */
        uint32_t needs;  /* outlets that what comes from it can need, bit by bit */
        size_t in_flight;
        uint64_t kept; /* neither copied nor acknowledged since the connection came up */
        /* Wall clock: what waits in the queue came after this. 0: unknown. */
        int64_t newer_than_ms;
        int64_t ready, tiers[CONFIG_TIERS_MAX]; /* as the broker counted last; -1: unknown */
};

enum stage { STAGE_RUNNING, STAGE_DRAINING, STAGE_ENDED };

struct drain_report {
        uint64_t finished, returned, deferred;
        int64_t began_ms;
};

/* Of lifecycle.c. */
struct lifecycle {
        enum stage stage;
        bool opened;
        int exit_status;
        struct drain_report drain;
        struct watchdog *watchdog;
        int64_t watchdog_every_ms, watchdog_told_ms; /* of the service manager; every 0: it does not ask */
        uv_prepare_t before_wait;
        uv_timer_t tick;
        uv_signal_t sigterm, sigint, sighup;
};

/* Of wake.c. */
struct wake {
        uv_timer_t timer;
        uv_idle_t soon;
        bool looking; /* what happens now is seen in this same look */
        bool again;   /* the look left something to the next turn */
};

/* Of inflight.c and tally.c. */
struct inflight {
        struct delivery_list all, over;
        struct delivery_bucket buckets[ID_BUCKETS];
        size_t count;
        size_t body_bytes;        /* of what is in flight */
        bool reading_held;        /* too many of them: nothing more is read from the broker */
        struct arena_pool arenas; /* of deliveries that ended */
};

/* Of gate.c; what is counted here is counted by tally.c. */
struct gate {
        struct delivery_list held, suspects, for_domain;
        size_t active;          /* between claim and decision */
        struct delivery *alone; /* a suspect that runs: nothing is claimed beside it */
};

/* Of planners.c: who plans one type. */
struct type_planner {
        struct engine *engine;
        char *type;
        struct planner *planner;
        struct breaker breaker;
};

struct engine {
        uv_loop_t loop;
        const struct config *config;
        struct engine_options options;
        char worker[WORKER_ID_MAX];

        struct amqp_consumer *consumer;
        struct amqp_publisher *publisher;
        struct redis_store *store;
        struct redis_spare *spare;
        struct admin *admin;
        struct admin_source admin_source;
        struct type_set *types; /* those that hold now; a reference of the engine */
        int64_t types_told_ms;  /* CLOCK_BOOTTIME; 0: not yet */
        struct metrics *metrics;

        /* delivery_perform: carries out one action of a job; true if that is answered at once, with `answer`.
         */
        bool (*perform)(struct delivery *delivery, const struct job_action *action, struct job_event *answer);

        struct lifecycle life;
        struct wake wake;
        struct inflight inflight;
        struct gate gate;
        struct type_planner *planners[CONFIG_HANDLERS_MAX];
        size_t planner_count;
        struct outlet outlets[OUTLETS_MAX]; /* the first is mail, the last publish */
        size_t outlet_count;
        struct outlet_list
                lanes; /* of outlets of the kind post, one for each origin; served last comes last */
        size_t lane_count;
        struct domains *domains;
        struct {
                bool up;
                uint64_t epoch;
        } broker;
        struct queue_state queues[CONFIG_QUEUES_MAX];
        bool pauses_known; /* since Redis is up: nothing is consumed before */

        struct recent *recent; /* best-effort index writes that are due */
        struct alerts *alerts;
        struct mail_files *files;
        struct presence *presence;
        struct depth *depth;
        struct stuck *stuck;
        struct schedules *schedules;
        struct tellings *tellings; /* NULL: others are told of nothing */
        struct spans *spans;       /* NULL: nothing is traced */

        int64_t started_ms, last_success_ms;
        uint64_t random;
        uint64_t ends[METRICS_OUTCOME_COUNT]; /* deliveries since the start, by how they ended */
};

/*
 * Callbacks change state; the look, once a turn before the loop waits, decides what follows from it
 * (lifecycle.c, on_before_wait). No event is handled inside another, and what ended is freed at the look's
 * end. No file calls one that calls it (tests/laws): what a job's step asks for is carried out by `perform`.
 */

/* ---- wake.c: when the loop looks again ---- */
void wake_open(struct engine *engine);
void wake_close(struct engine *engine);
/* Something changed: the loop looks before it waits. What the look itself changes needs no other look. */
void wake_soon(struct engine *engine);
void wake_looking(struct engine *engine); /* the look begins */
/* The look is over. The next one is in `wait_ms` at the latest (-1: when something happens), or at once if
 * the look set `again`. */
void wake_looked(struct engine *engine, int64_t wait_ms);

/* ---- inflight.c: lists and the map of ids ---- */
void inflight_init(struct engine *engine);
void inflight_add(struct engine *engine, struct delivery *delivery);
void inflight_remove(struct delivery *delivery);
struct delivery *inflight_find(struct engine *engine, struct slice id);
void inflight_list(struct delivery *delivery, enum delivery_listing listing);
/* All that are in flight, the oldest first; safe against those that end by it. */
void inflight_each(struct engine *engine, void (*visit)(struct delivery *delivery, void *context),
                   void *context);
const struct config_queue *delivery_config_queue(const struct delivery *delivery);

/* ---- tally.c: what is counted of the deliveries ---- */
/* After a step: gives back what the job's phase no longer needs. */
void tally_step(struct delivery *delivery);
/* The planner's answer is of no interest any more. */
void tally_forget_planner(struct delivery *delivery);
/* After what is in flight grew or shrank: may more be read from the broker? */
void tally_bytes(struct engine *engine);

/* ---- joblog.c: one line for each end ---- */
void joblog_end(struct delivery *delivery, enum metrics_outcome outcome);
void joblog_warn(struct delivery *delivery, const char *event, const char *error);

/* ---- steps.c: the job's events in, its actions out ---- */
/* Not from inside another event of the same job: what an action answers at once is returned by
 * delivery_perform. */
void delivery_event(struct delivery *delivery, const struct job_event *event);
/* A callback that was counted in `pending` has come. False: the job is over, nothing is to be done. */
bool delivery_back(struct delivery *delivery);
/* A request has no reply. Asks again at once if the store came back before this was told. */
void delivery_store_lost(struct delivery *delivery);
/* The reply to a request of a job that owns its record, as the event `kind`. */
void delivery_reply(struct delivery *delivery, enum job_event_kind kind, const struct store_result *result);
/* Tells every job. */
void deliveries_event(struct engine *engine, const struct job_event *event);
struct store_identity delivery_identity(const struct delivery *delivery);

/* ---- recent.c: the lists for people, best effort ---- */
void recent_open(struct engine *engine);
void recent_subject(struct engine *engine, struct slice id, struct slice subject);
void recent_completed(struct engine *engine, struct slice id);
void recent_turn(struct engine *engine); /* the subjects, once a turn */
void recent_look(struct engine *engine); /* the states, once a tick */
void recent_close(struct engine *engine);

/* ---- depth.c: what waits in the broker ---- */
void depth_open(struct engine *engine);
/* Everything that waits in the queue came later than this (wall clock). */
void depth_newer_than(struct engine *engine, size_t queue, int64_t ms);
/* What waits in the queue waits no longer than this; 0: nothing waits; -1: unknown. */
int64_t depth_oldest_ms(const struct engine *engine, size_t queue);
/* Did the broker just say that nothing waits for this process? Once for each time that it was asked; says in
 * `text` what waits nevertheless. */
bool depth_is_empty(struct engine *engine, char *text, size_t size);
void depth_close(struct engine *engine);

/* ---- alerts.c ---- */
void alerts_open(struct engine *engine);
void alerts_look(struct engine *engine, int64_t now_ms); /* once a tick */
void alerts_dead(struct engine *engine, const char *queue, const char *type, enum reason reason);
void alerts_event(struct engine *engine, const char *kind, const char *text);
void alerts_reload(struct engine *engine);
void alerts_close(struct engine *engine);

/* ---- plans.c: where a job's plan comes from, and what its record keeps of it ---- */
/* The plan of its record, of its handler or of its planner; as delivery_perform. */
bool plans_begin(struct delivery *delivery, struct job_event *answer);
/* Records the plan; answers EVENT_KEPT, as delivery_perform. */
bool plans_keep(struct delivery *delivery);
/* With a decision after a send began: what later tries would make otherwise is recorded, if it is not yet. */
void plans_keep_tried(struct delivery *delivery);
/* The decision is carried out: the plan is kept as long as its record. */
void plans_settled(struct delivery *delivery, bool dead);
void plans_completed(struct delivery *delivery);

/* ---- planners.c: those that the configuration names ---- */
void planners_configure(struct engine *engine);            /* at the start, and after a reload */
void planners_look(struct engine *engine, int64_t now_ms); /* once a tick */
void planners_close(struct engine *engine);
void planners_render(const struct engine *engine, struct buffer *out); /* adds their metrics */
/* Adds a line for each, for /readyz?verbose. One that is in trouble holds up its type alone. */
void planners_checks(const struct engine *engine, struct buffer *out);

/* ---- delivery.c: how a delivery begins and ends ---- */
void delivery_take(struct engine *engine, size_t queue, uint64_t epoch, struct amqp_delivery taken);
void delivery_end(struct delivery *delivery, enum job_end end);
/* Frees what is on LIST_OVER. */
void deliveries_free_over(struct engine *engine);
/* Frees everything, in whatever phase, when no callback comes any more. */
void deliveries_forget(struct engine *engine);
/* ---- payload.c ---- */
/* Keeps the payload beside the record, for claim.keep_payload, if it is not too long. Best effort. */
void payload_keep(struct delivery *delivery);

/* ---- actions.c ---- */
/* Carries out one action. True if it is answered at once, with `answer`. */
bool delivery_perform(struct delivery *delivery, const struct job_action *action, struct job_event *answer);

/* ---- ends.c: decisions, copies, the dead-letter index; those that return true as delivery_perform ---- */
void end_decide(struct delivery *delivery);
bool end_publish(struct delivery *delivery, struct job_event *answer);
bool end_publish_delay(struct delivery *delivery, struct job_event *answer);
void end_publish_later(struct delivery *delivery);
void end_settle(struct delivery *delivery);
void end_reject(struct delivery *delivery, const struct job_action *action);

/* ---- gate.c: who may start, who may send, how much is consumed; both once a turn ---- */
void gate_turn(struct engine *engine);            /* gives back, starts, defers, gives places */
void gate_consume(struct engine *engine);         /* tells the consumer how much is wanted now */
int64_t gate_due_ms(const struct engine *engine); /* as outlet_due_ms, of all */
/* Why the queue is not to be consumed, a set of obstacles; 0: it is. */
uint32_t gate_closed_because(const struct engine *engine, size_t queue);

/* ---- presence.c: leveret:worker:<id>, leveret:paused ---- */
void presence_open(struct engine *engine);
void presence_turn(struct engine *engine);                 /* tells at once what people wait for */
void presence_look(struct engine *engine, int64_t now_ms); /* once a tick */
void presence_ask(struct engine *engine);                  /* which queues are paused */
void presence_close(struct engine *engine);

/* ---- stuck.c: running records whose lease ran out and that nobody takes over ---- */
void stuck_open(struct engine *engine);
void stuck_close(struct engine *engine);

/* ---- lifecycle.c ---- */
void lifecycle_block_signals(void); /* until lifecycle_open: what comes meanwhile waits */
void lifecycle_open(struct engine *engine);
void lifecycle_end(struct engine *engine, int status);
void lifecycle_close(struct engine *engine);

/* ---- pages.c: /readyz /status /metrics ---- */
void pages_render(void *context, enum admin_page page, bool verbose, struct buffer *body, int *status);

/* ---- engine.c: one worker without its thread, for tests/engine, which turns the loops of several ---- */
struct engine *engine_new(const struct config *config, const struct engine_options *options);
/* Opens everything but turns no loop. False if a setting makes it impossible; to be closed in any case. */
bool engine_open(struct engine *engine);
/* Closes everything, turning the loop until that is done, and frees. The exit status. */
int engine_close(struct engine *engine);

#endif
