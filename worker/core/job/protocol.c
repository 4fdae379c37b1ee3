#include "core/job/protocol_steps.h"

#include <assert.h>

#define FENCE_MARGIN_MAX_MS 500
/* Renewals of which each came back too late for a whole send: Redis is too slow for so short a lease. */
#define FENCES_MAX 3

/* Goes to the next effect that is neither done nor refused, or to the end. `recorded`: the present one needs
 * no more. */
static void next_effect(struct job *job, struct job_actions *actions)
{
        for (job->effect = 0; job->effect < job->effects_total; job->effect++)
                if (!((job->done | job->failed) & job_effect_bit(job)))
                        break;
        if (job->effect < job->effects_total) {
                job->phase = JOB_WAITING;
                job_act(actions, ACTION_WANT_PLACE);
                return;
        }
        if (job->failed) {
                job_die(job, REASON_PERMANENT_FAILURE, actions);
                return;
        }
        job->completes = -1;
        job_enter(job, JOB_COMPLETING, actions);
}

static bool all_effects_ended(const struct job *job)
{
        uint32_t all = job->effects_total >= 32 ? UINT32_MAX : ((uint32_t)1 << job->effects_total) - 1;
        return ((job->done | job->failed) & all) == all;
}

/* By how much the lease must outlive the send's time limit when the send begins. */
static int64_t fence_margin_ms(const struct job *job)
{
        int64_t half_ms = (job->lease_ms - job->send_limit_ms) / 2;
        return half_ms < FENCE_MARGIN_MAX_MS ? half_ms : FENCE_MARGIN_MAX_MS;
}

static bool fence_holds(const struct job *job, int64_t now_ms)
{
        return now_ms + job->send_limit_ms + fence_margin_ms(job) <= job->lease_until_ms;
}

/* Has a place: send now if the lease surely outlives the send, else renew first; but not for ever. */
static void send_or_fence(struct job *job, int64_t now_ms, struct job_actions *actions)
{
        if (!fence_holds(job, now_ms)) {
                if (job->fences++ < FENCES_MAX)
                        job_enter(job, JOB_FENCING, actions);
                else
                        job_decide(job, (struct job_decision){.kind = DECISION_DEFER}, actions);
                return;
        }
        job->phase = JOB_SENDING;
        job->tried = true;
        job_act_effect(actions, ACTION_SEND, job->effect);
}

static void on_claimed(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_CLAIMING)
                return;
        switch (event->claim) {
        case CLAIM_RESUMED:
        case CLAIM_MINE:
                job->generation = event->generation;
                /* fallthrough */
        case CLAIM_NEW:
                job_lease_renewed(job, event->sent_ms);
                job->claimed_ms = event->sent_ms;
                if (event->decision.kind != DECISION_NONE) {
                        job->decision = event->decision;
                        job_publish_or_fence(job, event->now_ms, actions);
                } else if (job->refused != REASON_NONE) {
                        job_die(job, job->refused, actions);
                } else {
                        job->phase = JOB_PLANNING;
                        job_act(actions, ACTION_PLAN);
                }
                return;
        case CLAIM_CRASHED:
                job->generation = event->generation;
                job_lease_renewed(job, event->sent_ms);
                job_die(job, REASON_CRASH_LOOP, actions);
                return;
        case CLAIM_DONE:
                job_finish(job, actions, ACTION_ACK, JOB_END_DUPLICATE);
                return;
        case CLAIM_STALE:
                job_finish(job, actions, ACTION_REJECT, JOB_END_STALE);
                return;
        case CLAIM_CONFLICT:
                job_die_unrecorded(job, REASON_ID_CONFLICT, actions);
                return;
        case CLAIM_BUSY:
        case CLAIM_WAITING:
                job_delay(job, event->lease_left_ms, actions);
                return;
        case CLAIM_DEAD:
                /* Without its delivery the job is somebody else's; with it, nothing but this message may
                 * remain. */
                job->death_ms = event->lease_left_ms;
                if (job->live)
                        job_enter(job, JOB_CLAIMING, actions);
                else
                        job_finish(job, actions, ACTION_RETURN, JOB_END_FORGOTTEN);
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

static void on_place(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_WAITING)
                return;
        job->fences = 0;
        if (event->now_ms - job->claimed_ms >= job->timeout_ms) {
                /* It waited too long. That burns an attempt only if the wait was for its own earlier effects.
                 */
                job_decide(job, (struct job_decision){.kind = job->tried ? DECISION_RETRY : DECISION_DEFER},
                           actions);
                return;
        }
        if ((job->park & job_effect_bit(job))) {
                job_enter(job, JOB_INTENDING, actions);
                return;
        }
        send_or_fence(job, event->now_ms, actions);
}

static void on_renewed(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        job->renewing = false;
        if (event->lease == LEASE_OK)
                job_lease_renewed(job, event->sent_ms);
        bool idle = job->phase == JOB_FENCING || job->phase == JOB_WAITING || job->publish_waiting;
        if (!idle || job->phase == JOB_DELAYING)
                return;
        if (event->lease == LEASE_LOST)
                job_delay(job, job->lease_ms, actions);
        else if (job->phase == JOB_FENCING)
                send_or_fence(job, event->now_ms, actions);
}

static void on_intended(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_INTENDING)
                return;
        if (event->lease == LEASE_LOST) {
                job_delay(job, job->lease_ms, actions);
                return;
        }
        job_lease_renewed(job, event->sent_ms);
        job->store_waiting = false;
        send_or_fence(job, event->now_ms, actions);
}

static void on_refusal(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        int64_t wait_ms = event->retry_after_ms > 0 ? event->retry_after_ms : 0;
        bool innocent = event->outage || event->throttled;
        job_decide(job,
                   (struct job_decision){.kind = innocent ? DECISION_DEFER : DECISION_RETRY,
                                         .delay_min_ms = wait_ms},
                   actions);
}

static void on_sent(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_SENDING)
                return;
        if (event->fenced) {
                job->lease_until_ms = 0;
                job_enter(job, JOB_FENCING, actions);
                return;
        }
        switch (event->outcome) {
        case SEND_DONE:
                job->done |= job_effect_bit(job);
                job->completes = job->effect;
                job_enter(job, all_effects_ended(job) && !job->failed ? JOB_COMPLETING : JOB_RECORDING,
                          actions);
                return;
        case SEND_PERMANENT:
                if (event->outage) { /* others were refused in the same words: it is the account's */
                        on_refusal(job, event, actions);
                        return;
                }
                job->failed |= job_effect_bit(job);
                if (job->park & job_effect_bit(job))
                        job_enter(job, JOB_RECORDING, actions);
                else
                        next_effect(job, actions);
                return;
        case SEND_AMBIGUOUS:
                if (job->park & job_effect_bit(job))
                        job_die(job, REASON_AMBIGUOUS_SEND, actions);
                else
                        on_refusal(job, event, actions);
                return;
        case SEND_TRANSIENT:
        case SEND_CONFIG:
                on_refusal(job, event, actions);
                return;
        }
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
        next_effect(job, actions);
}

static void on_completed(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_COMPLETING)
                return;
        if (event->lease == LEASE_LOST)
                job_delay(job, job->lease_ms, actions);
        else
                job_finish(job, actions, ACTION_ACK, JOB_END_COMPLETED);
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

static void on_planned(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_PLANNING)
                return;
        assert(event->effects_total <= JOB_EFFECTS_MAX);
        job->effects_total = event->effects_total;
        job->done = event->done;
        job->intents = event->intents;
        job->park = event->park;
        if (job->park & job->intents & ~job->done)
                /* At once: any other end of this run would forget the intent. */
                job_die(job, REASON_AMBIGUOUS_SEND, actions);
        else
                next_effect(job, actions);
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
        (void)event;
        if (job->phase == JOB_WAITING)
                job_decide(job, (struct job_decision){.kind = DECISION_DEFER}, actions);
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
                [EVENT_PLACE] = on_place,
                [EVENT_RENEWED] = on_renewed,
                [EVENT_INTENDED] = on_intended,
                [EVENT_SENT] = on_sent,
                [EVENT_RECORDED] = on_recorded,
                [EVENT_COMPLETED] = on_completed,
                [EVENT_DECIDED] = job_on_decided,
                [EVENT_PUBLISHED] = job_on_published,
                [EVENT_PUBLISH_AGAIN] = job_on_publish_again,
                [EVENT_SETTLED] = job_on_settled,
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
