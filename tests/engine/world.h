#ifndef LEVERET_ENGINE_WORLD_H
#define LEVERET_ENGINE_WORLD_H

#include "heap.h"
#include "loop.h"

#include "core/message/message.h"
#include "core/record/due.h"
#include "core/settings/config.h"
#include "fake_store.h"
#include "random.h"
#include "rate_ledger.h"
#include "run/state.h"

#include <setjmp.h>
#include <signal.h>

/*
 * A small world around worker/run as it is: a broker with work queues, delay tiers and dead-letter queues, a
 * store (Redis), a mail service, an operator, and processes that each run the real engine over fakes of io/.
 * One seed is one schedule. What no process can see but the checker must know (who really owns a job, why a
 * mail went out twice) is kept here as it happens. Times are virtual milliseconds.
 */

enum {
        PROCESSES_MAX = 3,
        IDS_MAX = STORE_RECORDS_MAX,
        EFFECTS_MAX = 3,
        QUEUES_MAX = 2,
        MAIL_OUTLETS_MAX = 3,
        POST_OUTLETS_MAX = 2,
        WAYS_MAX = MAIL_OUTLETS_MAX + POST_OUTLETS_MAX + 1,
        PUBLISH_WAY = WAYS_MAX - 1,
        ORIGINS_MAX = 2,
        ALERTS_COUNT = 7, /* kinds of alerts that are followed */
        BATCH_MAX = 2,
        COPIES_MAX = 160,
        SENDS_MAX = 160,
        RUNS_MAX = 160,
        OWNERS_MAX = 512,
        DEAD_IDS_MAX = 256,
        INDEXED_MAX = 64,
        CONNECTIONS_MAX = 16,
        PLANNED_HANDLER = 2, /* where the settings of planned.v1 are among those of all types */
        PLANS_MAX = 64,
        CHANGES_MAX = 256,
        TICKS_MAX = 4,
        TURNS_LATE_MAX = 3, /* in which a process may not have done yet what it has to */
        COMMANDS_MAX = 64,
        TURNS_MAX = 30000, /* a schedule that has not come to rest after so many turns never will */
};

/* Every effect says in itself which it is: its number, its message, and which of its planner's answers. */
#define EFFECT_TEXT "e%d of j%d.%d v%d"
#define WALL_START_MS INT64_C(1700000000000) /* when the clocks of all loops begin */

enum {
        LEASE_MS = 6000,
        SEND_LIMIT_MS = 2000,
        STORE_TIMEOUT_MS = 800,
        CONFIRM_TIMEOUT_MS = 10000, /* what run/ asks of the publisher */
        KEEP_MS = 604800000,
        GRACE_MS = 5000,
        TIER_MAX_MS = 5000,
        FAULTS_UNTIL_MS = 20000, /* then it has to come to rest */
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
        X(UNSENT, "unsent")                                                                                  \
        X(AMBIGUOUS, "ambiguous")                                                                            \
        X(TRANSIENT, "transient")                                                                            \
        X(THROTTLE, "throttle")                                                                              \
        X(CONFIG, "config")                                                                                  \
        X(SLOW, "slow")                                                                                      \
        X(FLUSH, "flush")                                                                                    \
        X(CLOCK_JUMP, "clock-jump")                                                                          \
        X(DUPLICATE, "duplicate")                                                                            \
        X(CONFLICT, "conflict")                                                                              \
        X(REDRIVE, "redrive")                                                                                \
        X(DROP, "drop")                                                                                      \
        X(DRAIN, "drain")                                                                                    \
        X(RELOAD, "reload")                                                                                  \
        X(PAUSE, "pause")                                                                                    \
        X(QUEUE_LOST, "queue-lost")                                                                          \
        X(POISON, "poison")                                                                                  \
        X(PERMANENT, "permanent")                                                                            \
        X(REFUSED, "refused")                                                                                \
        X(UNCOPYABLE, "uncopyable")                                                                          \
        X(PARK, "park")                                                                                      \
        X(MOVE, "move")                                                                                      \
        X(PURGE, "purge")                                                                                    \
        X(OUTAGE, "outage")                                                                                  \
        X(CANCEL, "cancel")                                                                                  \
        X(LATER, "later")                                                                                    \
        X(LOOKUP, "lookup")                                                                                  \
        X(PLANNER, "planner")                                                                                \
        X(PLANNER_LATE, "planner-late")                                                                      \
        X(PLANNER_DEAD, "planner-dead")                                                                      \
        X(PLANNER_DOWN, "planner-down")                                                                      \
        X(PLANNER_WRONG, "planner-wrong")                                                                    \
        X(PLAN_LOST, "plan-lost")                                                                            \
        X(FIRST, "first")                                                                                    \
        X(EVENTS, "events")                                                                                  \
        X(EVENT_LOST, "event-lost")                                                                          \
        X(SCHEDULE, "schedule")                                                                              \
        X(BLOCKED, "blocked")                                                                                \
        X(FAILOVER, "failover")                                                                              \
        X(REPLICA_LATE, "replica-late")

enum sim_fault {
#define X(name, word) FAULT_##name,
        FAULT_LIST(X)
#undef X
                FAULT_COUNT
};
const char *fault_word(enum sim_fault fault);

/* What a schedule may use; everything in it is drawn from the seed within these. */
struct bounds {
        uint64_t faults; /* bit per enum sim_fault */
        bool every;      /* a schedule has all of them, not a random set */
        uint32_t workers, ids, effects, budget;
};

/* What all copies of an id have in common. */
struct spec {
        uint8_t queue, effects, permanent; /* number; number; bits per effect */
        uint8_t named;                     /* bits per effect: it says by which outlet it leaves */
        uint8_t files;                     /* bits per effect: a mail with a file that is fetched */
        uint8_t other_origin;              /* bits per effect: where a post leads */
        uint8_t batch[EFFECTS_MAX];        /* how many messages it publishes */
        enum effect_kind kinds[EFFECTS_MAX];
        bool poison, park, no_id, too_large, unencodable;
        bool planned;    /* by a planner */
        enum reason bad; /* what the message is refused for */
        int64_t due_ms;  /* deliver-at, by the wall clock; 0: at once */
};

/* ---- the broker's side ---- */

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
        uint8_t id, content, queue;
        struct job_generation generation;
        enum copy_place place;
        struct connection *connection; /* COPY_UNACKED */
        uint64_t tag;
        enum reason reason;
        const char *dead_id;
        bool explained; /* COPY_DEAD: a second one of the same redrive has a cause */
        bool moved;     /* an operator's tool moved or copied it to its work queue */
        bool acking;    /* COPY_UNACKED: the ack is on its way */
        bool excused;   /* what it was or is acked for was purged */
        uint16_t deliveries;
        struct message *message; /* in the world's memory */
};

/* A consumer's connection as the broker sees it. */
struct connection {
        struct process *process;
        uint32_t incarnation;
        bool open;
        int64_t cut_ms;                         /* what the client wrote after this does not arrive */
        int64_t client_last_ms, broker_last_ms; /* streams keep their order */
        struct {
                bool consuming;
                uint32_t prefetch, unacked; /* since it consumes */
                uint64_t next_tag, since_tag;
        } channels[QUEUES_MAX];
};

/* ---- the truth ---- */

/* A plan that was recorded. */
struct kept_plan {
        uint8_t id, version;
        char digest[SHA256_HEX_SIZE];
        struct slice text; /* in the world's memory */
};

/* A planner's end that brings no plan, while the engine hears of it. */
struct unplanned {
        bool told;
        uint8_t id;
        enum planner_end end;
        const struct planner *planner;
};

/* How far the store knows the schedule to be. */
struct tick_store {
        bool known, sure;
        int64_t last_ms, ran_ms, claim_ms, claimed_ms;
        uint32_t worker;
};

/* What it is asked about a tick, and what it answers. */
struct tick_asked {
        char question[8];
        int64_t tick_ms, known_ms;
        bool knows, sure;
        uint32_t worker;
        const char *answer;
        int64_t now_ms, left_ms;
        struct tick_store then;
};

/* A tick and its job, by the store's clock. */
struct tick {
        int64_t at_ms, published_ms, begun_ms, over_ms; /* published_ms 0: not yet */
        bool given_up, queued;
};

/* A change of a job that others are to be told of. */
struct change {
        uint8_t id, content;
        enum job_change change;
        struct job_generation generation;
        bool told, let_go;
        bool unmade; /* its record went back, as if it had never been */
};

/* A grant of a job by the store, until somebody else is granted it. */
struct run {
        uint8_t id, content;
        struct process *process;
        uint32_t incarnation;
        uint32_t owner;
        int64_t claimed_ms; /* the process' clock when the claim was asked for */
        struct job_generation generation;
        bool revived;        /* the job was dead */
        bool start;          /* counts as one: not taken up only to carry out what was decided */
        bool planned, ended; /* an end was recorded by its owner */
        bool quick;          /* it was claimed on what the store's clock had shown before */
        bool heard;          /* its worker knows that it is claimed */
        bool tried;          /* a send was begun */
        uint8_t unheard;     /* bit per effect: it ended its attempt by a send without a definite end */
        bool can_ask;        /* ... at a service that can be asked */
        const struct outlet *unheard_by;
        bool crashed, frozen, cut, orphan, beside_poison, forced; /* why it may have had no end */
};

struct send {
        uint8_t id, content, effect, outlet;
        uint8_t origin;  /* of a post */
        uint8_t item;    /* of a batch */
        uint8_t version; /* of the plan, 0: it was made by no planner */
        struct process *process;
        uint32_t incarnation;
        int16_t run;
        int64_t begun_ms;
        enum send_outcome outcome;
        bool accepted, recorded, over;
        bool told;          /* its record knows that it ended ambiguously */
        bool missed;        /* its service was asked after its end, and does not have it */
        bool zombie;        /* accepted when its worker did not own the job any more */
        bool frozen_inside; /* between the fence and the acceptance */
        bool frozen_after, cut_after, crashed, ambiguous; /* why it may not be recorded */
};

/* Which alerts a process owes. Bit of a mail outlet: its breaker is not closed. Since when its log says it,
 * 0: nothing is owed; when a post said it last. */
struct alerts_owed {
        uint32_t shut, posts;
        int64_t since_ms[ALERTS_COUNT], posted_ms[ALERTS_COUNT];
};

struct process {
        bool alive, frozen, terminated, hurried;
        uint32_t incarnation, turns_late;
        uint32_t held_turns; /* that began with something held that cannot start here */
        struct heap heap;
        struct engine *engine;
        struct config config;
        int64_t clock_offset_ms; /* of CLOCK_BOOTTIME */
        int64_t thaw_ms, ready_ms;
        const struct admin_source *pages;
        /* the fakes; they lie in the process' memory */
        struct amqp_consumer *consumer;
        struct amqp_publisher *publishers;
        struct redis_store *store;
        struct link *link; /* of the store, NULL: there is none */
        struct redis_connecting *connecting;
        bool connected; /* or tried to */
        struct redis_spare *spare;
        struct transport *transports;
        struct mail_files *files;
        struct planner *planners;
        struct type_set *types; /* what a reload gave last */
        const struct last_words_job *running, *alone;
        struct aside_end *aside_end;
        char worker[64];
        struct alerts_owed owed;
        uint32_t told_up;            /* bits of what its log says is there */
        char first_over[OWNER_SIZE]; /* what had ended and was not freed after the last turn: the first of it
                                      */
};

/* How often what happened, over all schedules: a simulator that never gets there proves nothing. */
struct tally {
        uint64_t turns, sent[3], windows[3], completed, dead, faults[FAULT_COUNT],
                ends[METRICS_OUTCOME_COUNT];
        uint64_t looks[LOOK_ANSWER_COUNT];
        uint64_t ticks, ticks_again, ticks_given_up;
        uint64_t told, told_again, let_go;
        uint64_t commands[COMMANDS_MAX];        /* of commands.c */
        uint64_t planned, replanned, unplanned; /* plans made, read from the record, and not got */
        uint64_t fallbacks, known, claims[CLAIM_ANSWER_COUNT], zombies, crash_loops, attached, parked,
                drained, hurried;
};

typedef void happen(void *context);

/* How a mail service answers. */
enum service_state {
        SERVICE_WELL,
        SERVICE_UNREACHABLE,
        SERVICE_REFUSES_KEY,
        SERVICE_FAILS,  /* with 500 */
        SERVICE_SILENT, /* it is sent everything, takes nothing, and never answers */
};
enum { SERVICE_STATE_COUNT = SERVICE_SILENT + 1 };

struct happening {
        int64_t at_ms;
        uint64_t order;
        happen *call;
        void *context;
        bool idle;
        struct process *process; /* it comes to its loop; NULL: to the world */
        uint32_t incarnation;
};

struct world {
        struct random random;
        bool verbose;
        bool staged; /* for cases of one fake: nobody runs an engine, and no law of schedules holds */
        enum publish_outcome staged_refusal; /* PUBLISH_CONFIRMED: none */
        struct bounds bounds;
        uint64_t faults;
        uint32_t fault_rate, budget, worker_count, id_count, queue_count;
        int64_t last_fault_ms;
        uint64_t order;
        uint32_t turns, next_incarnation, fetches, publishers;
        struct arena memory;                              /* of the world, for one schedule */
        struct config config;                             /* what a process starts with */
        struct rate_ledger rates[CONFIG_OUTLETS_MAX + 2]; /* that the workers share, by outlet */
        uint32_t mail_count, post_count;                  /* of its outlets, the mails' first */
        uint32_t errands; /* happenings of the world itself: while there are some it is not at rest */
        bool ending;      /* all processes are asked to end */
        struct happening *pending; /* a heap */
        size_t pending_count, pending_room;
        struct process processes[PROCESSES_MAX];
        struct process *now_running; /* whose turn it is, NULL: the world's */
        jmp_buf crash;
        /* the broker */
        struct copy copies[COPIES_MAX];
        uint32_t copy_count;
        struct connection *connections[CONNECTIONS_MAX];
        uint32_t connection_count;
        bool dispatching;
        /* the store */
        struct fake_store store;
        int64_t store_offset_ms;
        uint32_t epoch;        /* of the primary: how many failovers there were */
        int64_t promoted_ms;   /* until then nobody is it */
        struct suffix *suffix; /* of the writes, which a failover may take back; NULL: there is none */
        bool paused[QUEUES_MAX];
        char owners[OWNERS_MAX][80];
        struct { /* what the owner's job published */
                uint8_t id;
                bool copied, copy_lost; /* its copy reached the broker; was purged there */
        } owned[OWNERS_MAX];
        char dead_ids[DEAD_IDS_MAX][DEAD_ID_SIZE];
        uint32_t dead_id_count;
        uint32_t owner_count;
        char indexed[INDEXED_MAX][DEAD_ID_SIZE];
        uint32_t indexed_count;
        /* the plans that it keeps */
        struct kept_plan plans[PLANS_MAX];
        uint32_t plan_count;
        uint32_t plan_text[IDS_MAX]; /* number of the one whose text lies under its key; 0: none does */
        /* the planners */
        uint8_t plan_answers[IDS_MAX][2]; /* how often it was planned */
        uint32_t plan_asks;
        uint32_t plan_refusals[IDS_MAX]; /* bits: 0 nonsense was said of it, 1 it was refused */
        uint32_t plan_deaths[IDS_MAX];   /* planners that died of it */
        bool plan_lost[IDS_MAX];         /* the text was evicted once */
        struct unplanned unplanned;
        /* the services behind the outlets */
        enum service_state services[WAYS_MAX][ORIGINS_MAX];
        /* The broker takes no messages until then, and since when: by the world's clock. */
        int64_t blocked_until_ms, blocked_since_ms;
        /* the messages */
        struct spec specs[IDS_MAX];
        char fingerprints[IDS_MAX][2][SHA256_HEX_SIZE];
        /* the truth, by id */
        struct send sends[SENDS_MAX];
        uint32_t send_count;
        struct run runs[RUNS_MAX];
        uint32_t run_count;
        int16_t owner_run[IDS_MAX]; /* the newest grant, -1: none since the record was lost */
        bool tainted[IDS_MAX];      /* its record was lost or Redis' clock jumped while there was one */
        bool completed[IDS_MAX][2], dropped[IDS_MAX][2], cancelled[IDS_MAX][2], redriven[IDS_MAX],
                conflicted[IDS_MAX];
        bool superfluous[IDS_MAX][2]; /* other content came first */
        struct tick_store schedule;
        int64_t schedule_since_ms; /* the first tick is one after this */
        struct tick ticks[TICKS_MAX];
        struct change changes[CHANGES_MAX];
        uint32_t change_count;
        bool purged[IDS_MAX]; /* some of its copies were lost by an operator's tool */
        uint32_t account_refusals[IDS_MAX];
        uint64_t burnt[IDS_MAX]; /* bit attempt + 8 * redrives: a try of it failed by its own fault */
        uint64_t seen[IDS_MAX][2];
        struct tally *tally;
        const char *failure; /* the first check that failed, NULL */
        char failure_text[200];
};

extern struct world world;

#define NOTE(...)                                                                                            \
        do {                                                                                                 \
                if (world.verbose)                                                                           \
                        world_note(__VA_ARGS__);                                                             \
        } while (0)

/* world.c */
void world_run(uint64_t seed, const struct bounds *bounds, struct tally *tally, bool verbose);
/* A world in which nothing goes wrong, with one message, which may be settled in any way, and one process
 * without an engine: for tests of what is around it. */
struct process *world_stage(struct tally *tally);
/* The next thing that is to happen does; false: nothing is. */
bool world_happens(void);
void world_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The first failure stops the schedule. `check` names the law, the rest says what broke it. */
void world_fail(const char *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Happens to the world. */
void world_later(int64_t delay_ms, happen *call, void *context);
/* The same, but for it the world may rest: nothing depends on it. */
void world_later_idly(int64_t delay_ms, happen *call, void *context);
/* Comes to the process' loop, which its next poll finds; never if it has ended before. */
void process_later(struct process *process, int64_t delay_ms, happen *call, void *context);
int64_t world_latency(void);
/* Is it time for this fault? Uses up budget. */
bool world_fault(enum sim_fault fault);
bool world_has(enum sim_fault fault);
void *world_alloc(size_t size);
/* For what the world keeps of a message. */
struct arena *world_memory_enter(void);
void world_memory_leave(void);
void world_publish_later(uint8_t id, uint8_t content, int64_t delay_ms);
int process_number(const struct process *process);
/* The engine's process whose turn it is. */
struct process *process_now(void);
int64_t process_clock_ms(const struct process *process);

/* process.c */
void process_start(struct process *process);
void process_turn(struct process *process);
/* The process ends here and now; does not return if it is its turn. `culprit`: the id whose handler ended it,
 * -1: it was ended from outside. */
void process_crash(struct process *process, int culprit);
void process_freeze(struct process *process);
/* An operator looks at one of its pages. */
void process_log(struct process *process, const char *event);
void process_show_page(struct process *process);
void process_signal(struct process *process, int number);
/* What holds between any two turns. */
void process_check_always(const struct process *process);
/* What holds when nothing is in flight. */
void process_check_rest(const struct process *process);
bool process_is_at_rest(const struct process *process);

/* broker.c */
struct copy *broker_add(const struct copy *copy, enum copy_place place);
void broker_original(uint8_t id, uint8_t content);
void broker_kick(void);
void broker_hang_up(struct connection *connection);
void broker_lose_queue(struct connection *connection, size_t queue);
/* `owner`: of the job whose copy it is. `later_ms`: for how long it waits, if it is for the ladder. */
void broker_take_copy(const struct message *message, uint32_t owner, bool explained, int64_t later_ms);
void broker_purge(void);
void broker_operator(struct copy *copy);
bool broker_is_at_rest(void);
uint32_t broker_ready(const char *queue);
/* What a client wrote: consume (prefetch > 0) or cancel; ack, nack. */
struct connection *broker_connect(struct process *process);
void broker_consume(struct connection *connection, size_t queue, uint32_t prefetch);
void broker_cancel(struct connection *connection, size_t queue);
enum settling { SETTLE_ACK, SETTLE_REQUEUE, SETTLE_REJECT };
/* The engine decides, before anything is written. */
void broker_check_settling(const struct connection *connection, const uint64_t *epoch, size_t queue,
                           uint64_t tag, enum settling how);
void broker_settle(struct connection *connection, size_t queue, uint64_t tag, enum settling how);

/* consumer.c: what the broker tells a client; each comes to its loop in order */
void consumer_consuming(struct connection *connection, size_t queue);
void consumer_cancelled(struct connection *connection, size_t queue, bool by_broker);
void consumer_delivery(struct connection *connection, size_t queue, uint64_t tag, struct copy *copy);
void consumer_cut(struct process *process, bool broker_first);
void consumer_crashed(struct process *process);

/* store.c, server.c, hiredis.c */
uint32_t store_owner(struct slice text);
int64_t store_now(void);
void store_cut(struct process *process);
/* If it tries to connect, its try ends in this turn. */
void store_hurry(struct process *process);
void store_killed(uint8_t id, const char *owner);

/* failover.c */
void failover_init(void);
/* A replica that lacks the last writes is the primary from now on. */
void store_failover(void);
/* A write that a failover may take back, about to be carried out by the server; whether it has changed
 * anything. `asked` is NULL for one that waits for no replica. */
struct asked;
void failover_begin(uint8_t id, const struct asked *asked);
void failover_end(void);

/* faults.c */
void fault_mark(struct process *process, enum sim_fault fault, int culprit);
void fault_anywhere(struct process *process);

/* services.c */
/* A service is down, or refuses the key, for a while. */
void publishers_block(void); /* by the broker, for a while */
void service_outage(void);
/* The one of the outlet to which most mails belong, from the start: they fall back. */
void service_first_outage(void);
/* A try of the effect that `text` names, "e0 of j1.0", begins. */
struct send *service_send_new(const struct process *process, const struct delivery *delivery, uint8_t outlet,
                              const char *text);

/* events.c */
#define EVENTS_EXCHANGE "sim.events"
/* A copy that a decision made, or the record, says that the job has changed. */
void events_changed(uint8_t id, uint8_t content, enum job_change change, struct job_generation generation);
/* The record says which are due, after a script. */
void events_recorded(uint8_t id);
/* The exchange has this event. */
void events_told(const struct message *message);
/* The engine says that it tells nobody of that job now. */
/* commands.c: a command is asked of the store; one that has never been, of those that have to be. */
void commands_seen(const struct slice *arguments, size_t count);
bool commands_missing(const struct tally *tally, const char **verb, const char **key);
void events_let_go(struct slice id);
void events_check_rest(void);

/* ticks.c */
#define TICK_DATA "{\"tick\": 0}"
void ticks_draw(struct config *config);
/* The words that tick.lua gets; its answer as things are now; and that told. */
struct tick_asked ticks_read(const struct slice *words);
void ticks_apply(struct tick_asked *asked);
void ticks_answer(const struct tick_asked *asked, store_strings *done, void *context);
/* The tick whose job has its record there; NULL: none has. */
struct tick *ticks_by_key(struct slice key);
void ticks_queued(struct tick *tick);
/* Of its job's record; NULL: there is none. */
const char *ticks_state(const struct tick *tick);
void ticks_published(const struct message *message);
void ticks_check_rest(void);

/* alerts.c */
struct log_fields;
void alerts_owe(struct process *process, const struct log_fields *fields);
/* A digest reaches the webhook. False: it is refused. */
bool alerts_post(struct process *process, const char *digest);
bool alerts_are_late(const struct process *process);

/* messages.c */
extern const char *const world_origins[ORIGINS_MAX];
struct message *message_original(struct arena *arena, uint8_t id, uint8_t content);
bool message_read(const struct message *message, uint8_t *id, uint8_t *content);

/* check.c */
struct call;
void check_answer(const struct call *call, const struct store_record *before);
int16_t check_run_of(uint8_t id, uint32_t owner);
void check_send(const struct process *process, uint8_t id, uint32_t owner);
/* A try of this generation failed by its own fault. */
void check_burnt(uint8_t id, struct job_generation generation);
void check_accept(struct send *send);
/* A planner is asked by the delivery `context`. */
void check_question(const struct process *process, uint8_t id, const void *context);
/* What it says is about to be told. */
void check_unplanned(const struct process *process, uint8_t id, enum planner_end end, const void *context);
/* ... of a plan, about to begin. */
void check_plan(const struct send *send);
void check_attempt(const struct send *send);
/* A try is about to begin. */
void check_one_outlet(const struct send *send);
/* ... by an outlet that is not its first choice. */
void check_fallback(const struct send *send);
void check_settling(const struct connection *connection, const struct copy *copy, uint32_t owner,
                    enum settling how);
void check_ack(const struct copy *copy, const char *check);
void check_copy(const struct copy *copy, bool dead);
/* Somebody asked to cancel it and was told whether it is. */
void check_cancel(uint8_t id, bool cancelled);
/* The answer to a claim has reached who asked for it. */
void check_heard(const struct call *call, enum claim_answer answer);
void check_decide(const struct process *process, const struct store_identity *identity,
                  const struct store_decision *decision);
void check_publish(const struct process *process, const struct message *message, const void *context);
void check_rest(void);

/* A request to the store on its way. */
struct call {
        struct process *process;
        uint32_t incarnation;
        bool reply_lost;
        int64_t sent_ms; /* the process' clock */
        struct store_request request;
        struct store_reply reply;
};

#endif
