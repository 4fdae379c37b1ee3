#include "core/job/protocol_steps.h"

#include <assert.h>

/* It is ours, and nothing is decided yet. */
static void begin(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->refused != REASON_NONE && event->grace_ms > 0) {
                job_decide(job,
                           (struct job_decision){.kind = DECISION_DEFER, .delay_min_ms = event->grace_ms},
                           actions);
        } else if (job->refused != REASON_NONE) {
                job_die(job, job->refused, actions);
        } else if (event->early_ms > 0) {
                job_decide(job, (struct job_decision){.kind = DECISION_SCHEDULE}, actions);
        } else {
                job->phase = JOB_PLANNING;
                job_act(actions, ACTION_PLAN);
        }
}

/* Without its delivery the job is somebody else's; with it, nothing but this message may remain. */
static void claim_naming_death(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        job->death_ms = event->lease_left_ms;
        if (job->live)
                job_enter(job, JOB_CLAIMING, actions);
        else
                job_finish(job, actions, ACTION_RETURN, JOB_END_FORGOTTEN);
}

static void on_claimed(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_CLAIMING)
                return;
        job->owes = event->claim != CLAIM_NEW;
        switch (event->claim) {
        case CLAIM_RESUMED:
        case CLAIM_MINE:
                job->generation = event->generation;
                __attribute__((fallthrough));
        case CLAIM_NEW:
                job_lease_renewed(job, event->sent_ms);
                job->claimed_ms = event->sent_ms;
                job->plan_deaths = event->plan_deaths;
                if (event->decision.kind != DECISION_NONE) {
                        job->decision = event->decision;
                        job_publish_or_fence(job, event->now_ms, actions);
                } else {
                        begin(job, event, actions);
                }
                return;
        case CLAIM_CRASHED:
                job->generation = event->generation;
                job_lease_renewed(job, event->sent_ms);
                job_die(job, REASON_CRASH_LOOP, actions);
                return;
        case CLAIM_DONE:
                job_tell(job, JOB_ANY_CHANGE, ACTION_ACK, JOB_END_DUPLICATE, actions);
                return;
        case CLAIM_FIRST:
                job_finish(job, actions, ACTION_ACK, JOB_END_DUPLICATE);
                return;
        case CLAIM_CANCELLED:
                job_tell(job, JOB_ANY_CHANGE, ACTION_ACK, JOB_END_CANCELLED, actions);
                return;
        case CLAIM_STALE:
                job_tell(job, JOB_ANY_CHANGE, ACTION_REJECT, JOB_END_STALE, actions);
                return;
        case CLAIM_CONFLICT:
                job_die_unrecorded(job, REASON_ID_CONFLICT, actions);
                return;
        case CLAIM_BUSY:
                job_delay(job, event->lease_left_ms, actions);
                return;
        case CLAIM_WAITING:
                job->delay_ms = event->lease_left_ms;
                job_tell(job, JOB_ANY_CHANGE, ACTION_PUBLISH_DELAY, JOB_END_BUSY, actions);
                return;
        case CLAIM_DEAD:
                claim_naming_death(job, event, actions);
                return;
        case CLAIM_SUSPECT:
                job->phase = JOB_HELD;
                if (job->live)
                        job_act(actions, ACTION_HOLD_SUSPECT);
                else
                        job_finish(job, actions, ACTION_RETURN, JOB_END_FORGOTTEN);
                return;
        }
}

static void on_renewed(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        job->renewing = false;
        if (event->lease == LEASE_OK)
                job_lease_renewed(job, event->sent_ms);
        bool idle = job->phase == JOB_FENCING || job->phase == JOB_WAITING || job->phase == JOB_PLANNING ||
                    job->publish_waiting;
        if (!idle || job->phase == JOB_DELAYING)
                return;
        if (event->lease == LEASE_LOST)
                job_delay(job, job->lease_ms, actions);
        else if (job->phase == JOB_FENCING)
                job_send_or_fence(job, event->now_ms, actions);
}

static void on_recorded(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_RECORDING)
                return;
        if (event->lease == LEASE_LOST) {
                job_delay(job, job->lease_ms, actions);
                return;
        }
        job_lease_renewed(job, event->sent_ms);
        job_next_effect(job, actions);
}

static void on_completed(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_COMPLETING)
                return;
        if (event->lease == LEASE_LOST)
                job_delay(job, job->lease_ms, actions);
        else
                job_tell(job, 1U << CHANGE_COMPLETED, ACTION_ACK, JOB_END_COMPLETED, actions);
}

static void on_store_back(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        (void)event;
        if (!job->store_waiting)
                return;
        job->store_waiting = false;
        if (job->phase == JOB_FENCING)
                job->renewing = true;
        job_store_request(job, actions);
}

static void on_disconnected(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        (void)event;
        job->live = false;
        if (job->phase == JOB_HELD)
                job_finish(job, actions, ACTION_RETURN, JOB_END_FORGOTTEN);
}

static void on_start(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_HELD)
                return;
        job->alone = event->alone;
        if (job->recorded)
                job_enter(job, JOB_CLAIMING, actions);
        else
                job_die_unrecorded(job, job->refused, actions);
}

/* A message that was sent again after its job died is nobody's decision about what may have been sent: a
 * letter that was moved is, as is a redrive. */
static void remember_tries(struct job *job, const struct job_event *event)
{
        bool sent_again = job->came.redrives < job->generation.redrives && !event->letter;
        job->outlet_min = 0;
        for (uint8_t i = 0; i < job->effects_total; i++) {
                struct job_try *try = &job->tries[i];
                *try = event->tries ? event->tries[i] : (struct job_try){0};
                if (sent_again && try->doubt != DOUBT_NONE) {
                        try->redrives = job->generation.redrives;
                        try->news = true;
                }
        }
}

static void begin_effects(struct job *job, struct job_actions *actions)
{
        if (job->park & job->intents & ~job->done)
                /* At once: any other end of this run would forget the intent. */
                job_die(job, REASON_AMBIGUOUS_SEND, actions);
        else
                job_next_effect(job, actions);
}

static void on_planned(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_PLANNING)
                return;
        assert(event->effects_total <= JOB_EFFECTS_MAX);
        job->effects_total = event->effects_total;
        job->done = event->done;
        job->intents = event->intents;
        job->park = event->park;
        remember_tries(job, event);
        if (event->keep)
                job_enter(job, JOB_KEEPING, actions);
        else
                begin_effects(job, actions);
}

static void on_kept(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_KEEPING)
                return;
        if (event->lease == LEASE_LOST) {
                job_delay(job, job->lease_ms, actions);
                return;
        }
        job_lease_renewed(job, event->sent_ms);
        begin_effects(job, actions);
}

/* No plan came. A planner that is down is no job's fault; one that died may have died of this one. */
static void on_unplanned(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_PLANNING)
                return;
        bool blamed = event->died && !event->outage;
        if (blamed && ++job->plan_deaths >= job->plan_deaths_max) {
                job_die(job, REASON_CRASH_LOOP, actions);
                return;
        }
        job_decide(
                job,
                (struct job_decision){.kind = event->outage || event->died ? DECISION_DEFER : DECISION_RETRY,
                                      .delay_min_ms = event->retry_after_ms > 0 ? event->retry_after_ms : 0},
                actions);
}

static void on_renew_due(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        (void)event;
        if (!job_leased(job) || job->renewing || job->store_waiting)
                return;
        job->renewing = true;
        job_act(actions, ACTION_RENEW);
}

static void on_store_lost(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        (void)event;
        (void)actions;
        job->renewing = false;
        job->store_waiting = true;
}

static void on_refused(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase == JOB_PLANNING)
                job_die(job, event->reason, actions);
}

static void on_defer(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        int64_t least_ms = event->retry_after_ms > 0 ? event->retry_after_ms : 0;
        if (job->phase == JOB_WAITING || job->phase == JOB_PLANNING)
                job_decide(job, (struct job_decision){.kind = DECISION_DEFER, .delay_min_ms = least_ms},
                           actions);
}

static void on_attached(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        (void)actions;
        job->epoch = event->epoch;
        job->tag = event->tag;
        job->live = true;
}

static void on_return(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        (void)event;
        if (job->phase == JOB_HELD)
                job_finish(job, actions, ACTION_RETURN, JOB_END_RETURNED);
}

void job_step(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        static void (*const steps[])(struct job *, const struct job_event *, struct job_actions *) = {
                [EVENT_START] = on_start,
                [EVENT_CLAIMED] = on_claimed,
                [EVENT_PLANNED] = on_planned,
                [EVENT_REFUSED] = on_refused,
                [EVENT_UNPLANNED] = on_unplanned,
                [EVENT_KEPT] = on_kept,
                [EVENT_PLACE] = job_on_place,
                [EVENT_RENEWED] = on_renewed,
                [EVENT_INTENDED] = job_on_intended,
                [EVENT_SENT] = job_on_sent,
                [EVENT_LOOKED] = job_on_looked,
                [EVENT_RECORDED] = on_recorded,
                [EVENT_COMPLETED] = on_completed,
                [EVENT_DECIDED] = job_on_decided,
                [EVENT_PUBLISHED] = job_on_published,
                [EVENT_PUBLISH_AGAIN] = job_on_publish_again,
                [EVENT_SETTLED] = job_on_settled,
                [EVENT_TOLD] = job_on_told,
                [EVENT_STORE_LOST] = on_store_lost,
                [EVENT_STORE_BACK] = on_store_back,
                [EVENT_RENEW_DUE] = on_renew_due,
                [EVENT_DEFER] = on_defer,
                [EVENT_DISCONNECTED] = on_disconnected,
                [EVENT_ATTACHED] = on_attached,
                [EVENT_RETURN] = on_return,
        };
        actions->count = 0;
        assert((size_t)event->kind < sizeof(steps) / sizeof(*steps));
        steps[event->kind](job, event, actions);
}
