#ifndef LEVERET_CORE_PROTOCOL_H
#define LEVERET_CORE_PROTOCOL_H

#include "core/job/reason.h"
#include "core/send/send.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The protocol of one job, from delivery to acknowledgement, as a pure function: job_step(job, event,
 * actions). It asks no clock, does no I/O and allocates nothing. All times and ids arrive in events. What is
 * to be done leaves as actions, which the engine or the simulator carries out.
 *
 * A job that goes well; the phases from WAITING to RECORDING come once for each effect:
 *
 *     HELD, CLAIMING, PLANNING, [KEEPING],
 *     WAITING, [LOOKING], [INTENDING], [FENCING], SENDING, [RECORDING],
 *     COMPLETING, ack
 *
 * A job that is retried, put off or dead, which any phase from CLAIMING to RECORDING may decide:
 *
 *     DECIDING, PUBLISHING, SETTLING, ack
 *
 * A job that somebody else owns, as the claim or a later answer of the store says:
 *
 *     DELAYING, ack
 *
 * If events are wanted, TELLING stands before the ack of a job that completed, died, is retried or was
 * cancelled. It also stands before the ack of a duplicate of such a job, and of a copy that waits for
 * another: the worker that was to publish the event may have died.
 *
 * Invariants; the simulator checks each:
 *  I1  A delivery is acked only if completed or cancelled is recorded, or if a copy of this very delivery is
 *      confirmed. That another copy existed proves nothing: queues are purged. One exception: other content
 *      under a known id is acked while that job is under way, if its type says on_conflict: first.
 *  I2  Nothing is sent before a check of the lease that comes after the handler.
 *  I3  The attempt grows only with a confirmed copy of a retry. A deferral or a drain burns none.
 *  I4  A delivery of an old connection is never acked.
 *  I5  What was started is never requeued without a delay. Only held deliveries are returned.
 *  I7  An outlet sends no effect that another may have accepted. It sends none of which it is not the first
 *      choice before that is recorded.
 *  I8  Nothing is planned or sent before its time (deliver-at).
 *  I9  If a plan is to be recorded, nothing of it is sent before it is, and no other plan is carried out
 *      after that.
 *  I10 A change that has an event is told at least once, or the engine lets it go and counts it.
 *  I11 Nothing more is sent in an attempt that ended ambiguously. If it was the last one and the service can
 *      be asked, the job dies only once the service has said that it has nothing.
 *
 * Times are milliseconds of CLOCK_BOOTTIME unless a name says otherwise.
 */

/* Changes of a job that others may be told of (events.states): bits of job->tells. */
enum job_change { CHANGE_COMPLETED, CHANGE_DEAD, CHANGE_RETRYING, CHANGE_CANCELLED };
enum { JOB_CHANGE_COUNT = CHANGE_CANCELLED + 1 };
const char *job_change_word(enum job_change change); /* completed dead retrying cancelled */

enum { JOB_EFFECTS_MAX = 32, JOB_ACTIONS_MAX = 4 };

/* A lease must be longer than the send's time limit by this at least: half of what it is longer by is for the
 * way of a renewal to the store and back, the other half for the scheduler and the clock's grain. */
enum { JOB_LEASE_SPARE_MIN_MS = 200 };

/* The generation of a copy of a message, in this order of weight. Of two copies the lesser waits for the
 * greater. */
struct job_generation {
        uint32_t redrives, attempt, deferrals;
};

/* -1, 0 or 1 as `a` is older than, the same as or newer than `b`. */
int job_generation_compare(struct job_generation a, struct job_generation b);

/* What the claim script answers (words: new resumed mine done cancelled stale conflict first busy waiting
 * dead suspect crashed). */
enum claim_answer {
        CLAIM_NEW,       /* first ever, or the record was dropped: ours now */
        CLAIM_RESUMED,   /* a retry, a redrive, the lease of an earlier owner ran out, or the copy that was
                            waited for did not come: ours now, as the generation of the answer */
        CLAIM_MINE,      /* the identical token holds it: a reply was lost; ours, lease renewed */
        CLAIM_DONE,      /* completed */
        CLAIM_CANCELLED, /* somebody did not want it done, before anybody began */
        CLAIM_STALE,     /* dead, and the broker is to move this very message: it has not */
        CLAIM_CONFLICT,  /* the same id with another fingerprint */
        CLAIM_FIRST,   /* the same, and on_conflict says that what came first counts: nothing is to be done */
        CLAIM_BUSY,    /* another owner's lease runs */
        CLAIM_WAITING, /* a greater copy may exist: to be claimed again when that must have come */
        CLAIM_DEAD,    /* to be claimed again, naming this death */
        CLAIM_SUSPECT, /* an earlier start had no end: to be claimed again with nothing else beside it */
        CLAIM_CRASHED, /* max_crashes starts had no end: ours now, to be dead-lettered */
};
enum { CLAIM_ANSWER_COUNT = CLAIM_CRASHED + 1 };
const char *claim_answer_word(enum claim_answer answer);

/* What every later script answers. */
enum lease_answer { LEASE_OK, LEASE_LOST };

/* How a job ends if it is not completed. */
enum job_decision_kind {
        DECISION_NONE,
        DECISION_RETRY,    /* copy to a delay tier with attempt + 1 */
        DECISION_DEFER,    /* copy to a delay tier with deferrals + 1, the attempt unchanged */
        DECISION_DEAD,     /* copy to the dead-letter exchange */
        DECISION_SCHEDULE, /* too early: copy to the ladder until its time, with deferrals + 1 */
};
const char *job_decision_word(enum job_decision_kind kind); /* "" retry defer dead schedule */

struct job_decision {
        enum job_decision_kind kind;
        enum reason reason;   /* DECISION_DEAD */
        int64_t delay_min_ms; /* RETRY, DEFER: the tier must be at least so long (0: any), capped at the
                                 longest */
        int tier;             /* index; chosen by the engine when it carries out ACTION_DECIDE, -1 before */
        bool reject;          /* no copy can be made: the broker is to move the original itself */
};

enum job_phase {
        JOB_HELD,       /* received, nothing started; the only phase that may be returned to the broker */
        JOB_CLAIMING,   /* claim sent */
        JOB_PLANNING,   /* ours; the engine runs the handler, or waits for a planner's answer */
        JOB_KEEPING,    /* the plan that a planner made is being recorded */
        JOB_WAITING,    /* for a free place at the mail transport */
        JOB_LOOKING,    /* has a place; the service is being asked whether it has the effect already */
        JOB_INTENDING,  /* has a place; what is about to be done is being recorded: an intent (on_ambiguous:
                           park), or by which outlet it goes from now on */
        JOB_FENCING,    /* has a place; the lease is being renewed */
        JOB_SENDING,    /* has a place; the mail is on its way */
        JOB_RECORDING,  /* an effect's end is being recorded */
        JOB_COMPLETING, /* the last effect and `completed` are being recorded */
        JOB_DECIDING,   /* the decision is being recorded */
        JOB_PUBLISHING, /* the copy is being published, or waits to be tried again */
        JOB_SETTLING,   /* that the copy is confirmed is being recorded */
        JOB_DELAYING,   /* somebody else owns the job: a copy of the same generation is being published, or if
                           none can be made the delivery is kept, to be claimed again */
        JOB_TELLING, /* its record is as it is to be; others are being told of what is due, before it ends */
        JOB_ENDED,   /* over: nothing refers to it any more */
};
enum { JOB_PHASE_COUNT = JOB_ENDED + 1 };
const char *job_phase_word(enum job_phase phase);

/* May an effect have been accepted by the outlet where it was tried last? As long as it may, no other outlet
 * gets it. */
enum job_doubt {
        DOUBT_NONE,
        DOUBT_CRASH, /* a run had no end: its worker may have sent it. A definite answer there ends the doubt.
                      */
        DOUBT_AMBIGUOUS, /* a try ended ambiguously. Only a look-up ends the doubt. */
};

/* The last attempt of a life, if it ended ambiguously at a service that can be asked. Nothing more is sent in
 * it, but the job is not dead before the service has said that it has nothing. */
struct job_spent {
        uint32_t redrives;
        uint32_t tries; /* that the job had in that life, this one included; 0: there is no such attempt */
};

/* What is known of an effect's tries. Outlets are known by their position: 0 is the effect's first choice,
 * then come those that this one falls back to. */
struct job_try {
        uint8_t outlet;   /* where it was tried last, as recorded; 0 if nothing is */
        uint8_t refusals; /* by that outlet, for now, in a row */
        enum job_doubt doubt;
        uint32_t redrives; /* a run of more of them was ordered by somebody who knew of the doubt */
        int64_t from_ms;   /* the earliest possible acceptance that is in doubt */
        int64_t since_ms;  /* the latest possible end of a send that is in doubt */
        struct job_spent spent;
        bool news; /* the next decision has to record it */
};

/* How far an answer can be relied on. */
struct job_look_limits {
        int64_t lag_ms;   /* so long after `since_ms` the service finds what it has */
        int64_t keeps_ms; /* until so long after `from_ms` it does */
        int64_t key_ms;   /* until so long after `from_ms` it knows a repetition by itself: 0: it does not */
        int64_t give_up_ms; /* so long after `since_ms` nobody waits for an answer any more: the job is parked
                             */
};

enum job_action_kind {
        ACTION_CLAIM, /* run the claim script (job->alone) */
        ACTION_PLAN,  /* decode the payload and run the handler; answer PLANNED or REFUSED. Of a type with a
                         planner: ask it, unless its answer is recorded; the answer may also be UNPLANNED */
        ACTION_KEEP,  /* record the plan */
        ACTION_WANT_PLACE, /* queue for an outlet that job_may_use_outlet() allows; answer PLACE */
        ACTION_LOOK,       /* ask the service whether it has job->effect; answer LOOKED */
        ACTION_RENEW,      /* extend the lease */
        ACTION_INTEND,     /* record the intent of job->effect if it parks, and if job->moving its outlet */
        ACTION_SEND,       /* send job->effect now */
        ACTION_RECORD,     /* record job->effect as done, or clear its intent if it failed */
        ACTION_COMPLETE,   /* record job->effect if `effect` says so, and the completion */
        ACTION_DECIDE,     /* choose the tier, record job->decision, and of each try what is news */
        ACTION_PUBLISH,    /* publish the copy of job->decision */
        ACTION_PUBLISH_DELAY, /* publish a copy of the same generation to the tier of job->delay_ms */
        ACTION_PUBLISH_LATER, /* wait, then EVENT_PUBLISH_AGAIN (or, if no copy can be made, to claim again)
                               */
        ACTION_SETTLE,        /* record that the copy is confirmed; dead letters also enter the index */
        ACTION_TELL,          /* tell others of all changes that the record says are due; answer TOLD */
        ACTION_HOLD_SUSPECT,  /* keep it until it can be started alone */
        ACTION_ACK,           /* (epoch, tag) */
        ACTION_REJECT,        /* nack without requeue: the broker dead-letters the original */
        ACTION_RETURN,        /* nack with requeue: nothing was started */
        ACTION_END,           /* forget the job; always the last */
};

/* Why a job is over. */
enum job_end {
        JOB_END_COMPLETED, /* all is recorded */
        JOB_END_DUPLICATE, /* was completed before, or is superfluous by on_conflict: first */
        JOB_END_CANCELLED, /* was cancelled before */
        JOB_END_STALE,     /* a copy that another one made superfluous */
        JOB_END_RETRY,     /* the decision is carried out: a copy of it is confirmed */
        JOB_END_DEFER,
        JOB_END_DEAD,
        JOB_END_SCHEDULED, /* waits on the ladder until its time */
        JOB_END_BUSY,      /* a copy of the same generation waits until it may be claimed */
        JOB_END_RETURNED,  /* was not started: the broker has it again */
        JOB_END_FORGOTTEN, /* its delivery went with its connection: the broker delivers it again */
};

struct job {
        enum job_phase phase;
        /* the newest delivery that carries this job */
        uint64_t epoch, tag;
        bool live; /* its connection still stands */

        /* set by job_init, constant */
        bool recorded;       /* has a record in the store; not without a usable id, nor on a conflict */
        bool copyable;       /* a copy of the message can be made */
        enum reason refused; /* the envelope was refused: dead-letter once claimed */
        struct job_generation came; /* as the message says; `generation` is what the store made of it */
        uint32_t attempts_max;      /* all tries, the first included; at least 1 */
        int64_t lease_ms, send_limit_ms, timeout_ms;
        uint32_t plan_deaths_max; /* planners that may die of it before it is a crash loop */
        uint32_t tells;           /* bit per enum job_change: of these others are told */

        /* progress */
        struct job_generation generation;
        int64_t lease_until_ms; /* the lease surely holds until then, counted from before its request was sent
                                 */
        int64_t claimed_ms;     /* when the claim was sent: start of timeout_ms */
        int64_t death_ms;       /* the death that the next claim is about, as the store told; 0: none */
        bool alone;             /* started as a suspect: nothing may be claimed beside it */
        bool renewing;          /* a renewal is under way */
        bool store_waiting;     /* the reply of the store was lost: repeat the request when it is back */
        bool publish_waiting;   /* the copy was not confirmed: repeat when told */
        uint32_t plan_deaths;   /* planners that died of it since it was redriven, this run's included */
        bool owes;              /* an earlier run may have left something of which others are to be told */
        bool tried;             /* at least one send was begun in this run */
        uint8_t fences;         /* renewals that the present send has waited for */
        bool moving;            /* JOB_INTENDING: it goes by another outlet than is recorded */
        uint16_t moves;         /* to another outlet, in all */
        uint8_t outlet_min; /* the present effect goes by this outlet or a later one: earlier ones refused it
                             */
        uint8_t effects_total, effect;        /* the present one */
        uint32_t done, failed, park, intents; /* bit per effect; `intents`: recorded by an earlier run */
        struct job_decision decision;
        int completes;    /* JOB_COMPLETING: the effect that is recorded with the completion, or -1 */
        int64_t delay_ms; /* JOB_DELAYING: the least delay of the copy */
        struct {
                enum job_action_kind how; /* as job_finish; or ACTION_PUBLISH_DELAY, in delay_ms */
                enum job_end end;
        } told; /* JOB_TELLING: what follows */
        struct job_try tries[JOB_EFFECTS_MAX];
};

enum job_event_kind {
        EVENT_START,     /* may begin: claim (`alone`: nothing else is claimed beside it) */
        EVENT_CLAIMED,   /* claim_answer, sent_ms, now_ms, lease_left_ms, decision, generation,
                            early_ms, grace_ms, plan_deaths */
        EVENT_PLANNED,   /* effects_total, done, intents, park, tries, letter, keep */
        EVENT_UNPLANNED, /* the planner gave no answer: died, outage, retry_after_ms */
        EVENT_KEPT,      /* lease_answer, sent_ms */
        EVENT_REFUSED,   /* the payload or the plan is bad: reason */
        EVENT_PLACE,     /* a place at `outlet` is yours: now_ms, can_look, look_limits */
        EVENT_LOOKED,    /* look, look_limits, retry_after_ms, now_ms, store_down */
        EVENT_RENEWED,   /* lease_answer, sent_ms, now_ms */
        EVENT_INTENDED,  /* lease_answer, sent_ms, now_ms */
        EVENT_SENT, /* outcome, fenced, throttled, outage, retry_after_ms, others, fallback_after, now_ms; if
                       ambiguous: can_look, look_limits */
        EVENT_RECORDED,      /* lease_answer, sent_ms */
        EVENT_COMPLETED,     /* lease_answer */
        EVENT_DECIDED,       /* lease_answer, sent_ms, now_ms */
        EVENT_PUBLISHED,     /* confirmed, unencodable */
        EVENT_PUBLISH_AGAIN, /* time to try the unconfirmed copy once more: now_ms */
        EVENT_SETTLED,       /* lease_answer */
        EVENT_TOLD,          /* what was due is confirmed, or let go */
        EVENT_STORE_LOST,    /* the request under way has no reply: unknown whether it was carried out */
        EVENT_STORE_BACK,    /* the store answers again */
        EVENT_RENEW_DUE,     /* a third of the lease has passed */
        EVENT_DEFER, /* the breaker opened, a drain ends, a domain has no place: what has not begun to send is
                    put off, for retry_after_ms at least */
        EVENT_DISCONNECTED, /* the delivery's connection is gone */
        EVENT_ATTACHED,     /* the broker delivered the message again to this process: epoch, tag */
        EVENT_RETURN,       /* give it back if it has not started */
};

struct job_event {
        enum job_event_kind kind;
        int64_t now_ms, sent_ms;
        bool alone;
        enum claim_answer claim;
        enum lease_answer lease;
        int64_t lease_left_ms; /* BUSY, WAITING: until it is worth claiming again; DEAD: when it died, by the
                       store's clock */
        int64_t early_ms;      /* EVENT_CLAIMED: how long until it may be done; 0 or less: now */
        struct job_generation generation; /* EVENT_CLAIMED: of the job, if it is ours but not new */
        struct job_decision decision;     /* EVENT_CLAIMED: found in the record, else kind NONE */
        uint32_t plan_deaths;             /* EVENT_CLAIMED: as recorded, 0 after a redrive */
        bool keep;                        /* EVENT_PLANNED: it is to be recorded first */
        bool died;                        /* EVENT_UNPLANNED: the planner died of it */
        int64_t grace_ms; /* EVENT_CLAIMED: what was refused is put off for so long; 0: it dies of that */
        uint8_t effects_total;
        uint32_t done, intents, park;
        const struct job_try
                *tries; /* EVENT_PLANNED: what is recorded of each effect; NULL: nothing of any */
        bool letter;    /* EVENT_PLANNED: the message is the job's own dead letter, moved by somebody */
        uint8_t outlet;
        bool can_look; /* the outlet's service can be asked what it has */
        struct job_look_limits look_limits;
        enum look_answer look;
        bool store_down;        /* the store is known to be down: nothing may begin to leave */
        bool others;            /* EVENT_SENT: a later outlet can take it now */
        uint8_t fallback_after; /* EVENT_SENT: refusals for now in a row after which a later outlet takes it;
                                   0: none would */
        enum reason reason;
        enum send_outcome outcome;
        bool fenced;            /* EVENT_SENT: the fence passed before it began; nothing was sent */
        bool throttled;         /* EVENT_SENT: asked to slow down: defer */
        bool outage;            /* EVENT_SENT: the breaker says that the message is innocent of the failure */
        int64_t retry_after_ms; /* -1: none */
        bool confirmed, unencodable;
        uint64_t epoch, tag;
};

struct job_action {
        enum job_action_kind kind;
        enum job_end end;    /* END */
        int effect;          /* RECORD, SEND, INTEND, COMPLETE: index, or -1 for none */
        uint64_t epoch, tag; /* ACK, REJECT, RETURN */
};

struct job_actions {
        size_t count;
        struct job_action list[JOB_ACTIONS_MAX];
};

/* A job in JOB_HELD. The constant fields are taken from `constants`, all else is reset. */
void job_init(struct job *job, const struct job *constants);

/* One step. `actions` is overwritten. An event that has no meaning in the present phase (a late reply)
 * changes nothing. */
void job_step(struct job *job, const struct job_event *event, struct job_actions *actions);

/* May the present effect be sent by the outlet? One that it may be accepted at is the only one, and no outlet
 * that refused it in this run is asked again. */
bool job_may_use_outlet(const struct job *job, uint8_t outlet);
/* Does the job hold a place at the transport? */
bool job_has_place(const struct job *job);
/* Has anything been started, so that it must not be returned to the broker? */
bool job_started(const struct job *job);
/* Does the job hold a lease that the loop must renew? */
bool job_leased(const struct job *job);
/* The generation of the copy that the decision publishes. */
struct job_generation job_decision_generation(const struct job *job);

#endif
