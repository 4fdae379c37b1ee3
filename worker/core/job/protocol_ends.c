#include "core/job/protocol_steps.h"

#include <assert.h>

/* The ways in which a job ends, and what all steps are made of. */

void job_act(struct job_actions *actions, enum job_action_kind kind)
{
        assert(actions->count < JOB_ACTIONS_MAX);
        actions->list[actions->count++] = (struct job_action){.kind = kind, .effect = -1};
}

void job_act_effect(struct job_actions *actions, enum job_action_kind kind, int effect)
{
        job_act(actions, kind);
        actions->list[actions->count - 1].effect = effect;
}

/* Has the store recorded this end, so that it counts whether its delivery still stands or not? */
static bool end_is_recorded(enum job_end end)
{
        return end == JOB_END_COMPLETED || end == JOB_END_RETRY || end == JOB_END_DEFER ||
               end == JOB_END_DEAD || end == JOB_END_SCHEDULED;
}

void job_finish(struct job *job, struct job_actions *actions, enum job_action_kind how, enum job_end end)
{
        if (job->live) {
                job_act(actions, how);
                actions->list[actions->count - 1].epoch = job->epoch;
                actions->list[actions->count - 1].tag = job->tag;
        }
        job->phase = JOB_ENDED;
        job_act(actions, ACTION_END);
        actions->list[actions->count - 1].end = job->live || end_is_recorded(end) ? end : JOB_END_FORGOTTEN;
}

uint32_t job_effect_bit(const struct job *job)
{
        return (uint32_t)1 << job->effect;
}

/* Sends the request of the present phase to the store; also repeats it after the store was lost. */
void job_store_request(const struct job *job, struct job_actions *actions)
{
        switch (job->phase) {
        case JOB_CLAIMING:
                job_act(actions, ACTION_CLAIM);
                return;
        case JOB_KEEPING:
                job_act(actions, ACTION_KEEP);
                return;
        case JOB_INTENDING:
                job_act_effect(actions, ACTION_INTEND, job->effect);
                return;
        case JOB_RECORDING:
                job_act_effect(actions, ACTION_RECORD, job->effect);
                return;
        case JOB_COMPLETING:
                job_act_effect(actions, ACTION_COMPLETE, job->completes);
                return;
        case JOB_DECIDING:
                job_act(actions, ACTION_DECIDE);
                return;
        case JOB_SETTLING:
                job_act(actions, ACTION_SETTLE);
                return;
        case JOB_TELLING:
                job_act(actions, ACTION_TELL);
                return;
        case JOB_FENCING:
                job_act(actions, ACTION_RENEW);
                return;
        case JOB_HELD:
        case JOB_PLANNING:
        case JOB_WAITING:
        case JOB_LOOKING:
        case JOB_SENDING:
        case JOB_PUBLISHING:
        case JOB_DELAYING:
        case JOB_ENDED:
                return;
        }
}

void job_enter(struct job *job, enum job_phase phase, struct job_actions *actions)
{
        job->phase = phase;
        job->store_waiting = false;
        if (phase == JOB_FENCING) {
                if (!job->renewing)
                        job_act(actions, ACTION_RENEW);
                job->renewing = true;
                return;
        }
        job_store_request(job, actions);
}

void job_lease_renewed(struct job *job, int64_t sent_ms)
{
        if (sent_ms + job->lease_ms > job->lease_until_ms)
                job->lease_until_ms = sent_ms + job->lease_ms;
}

/* Somebody else owns the job: keep the message as a delayed copy of the same generation. Without a live
 * delivery there is nothing to keep: the broker has the original. */
void job_delay(struct job *job, int64_t delay_ms, struct job_actions *actions)
{
        if (!job->live) {
                job_finish(job, actions, ACTION_RETURN, JOB_END_FORGOTTEN);
                return;
        }
        job->phase = JOB_DELAYING;
        job->store_waiting = false;
        job->delay_ms = delay_ms > 0 ? delay_ms : 1;
        job->publish_waiting = !job->copyable;
        job_act(actions, job->copyable ? ACTION_PUBLISH_DELAY : ACTION_PUBLISH_LATER);
}

/* No copy of it can be made, so the delivery itself was kept until now. */
static void job_claim_again(struct job *job, struct job_actions *actions)
{
        job->publish_waiting = false;
        job->tried = false;
        job->failed = 0;
        job->decision = (struct job_decision){.tier = -1};
        job_enter(job, JOB_CLAIMING, actions);
}

/* Publishes the copy, or goes straight to settling when the broker is to move the original itself. */
void job_publish(struct job *job, struct job_actions *actions)
{
        if (job->decision.kind == DECISION_DEAD && !job->copyable)
                job->decision.reject = true;
        if (job->decision.reject) {
                job_enter(job, JOB_SETTLING, actions);
                return;
        }
        job->phase = JOB_PUBLISHING;
        job->publish_waiting = false;
        job_act(actions, ACTION_PUBLISH);
}

/* A copy is published only under a lease that has not run out: else another owner may have carried out the
 * decision. */
void job_publish_or_fence(struct job *job, int64_t now_ms, struct job_actions *actions)
{
        if (!job->recorded || now_ms <= job->lease_until_ms) {
                job_publish(job, actions);
                return;
        }
        job->phase = JOB_PUBLISHING;
        job->publish_waiting = true;
        if (!job->renewing)
                job_act(actions, ACTION_RENEW);
        job->renewing = true;
        job_act(actions, ACTION_PUBLISH_LATER);
}

void job_decide(struct job *job, struct job_decision decision, struct job_actions *actions)
{
        if (decision.kind == DECISION_RETRY && job->generation.attempt + 1 >= job->attempts_max)
                decision = (struct job_decision){.kind = DECISION_DEAD, .reason = REASON_ATTEMPTS_EXHAUSTED};
        decision.tier = -1;
        job->decision = decision;
        job_enter(job, JOB_DECIDING, actions);
}

void job_die(struct job *job, enum reason reason, struct job_actions *actions)
{
        job_decide(job, (struct job_decision){.kind = DECISION_DEAD, .reason = reason}, actions);
}

/* A dead letter that has no record of its own: no id, or the id of another job. */
void job_die_unrecorded(struct job *job, enum reason reason, struct job_actions *actions)
{
        if (!job->live) {
                job_finish(job, actions, ACTION_RETURN, JOB_END_FORGOTTEN);
                return;
        }
        job->recorded = false;
        job->decision = (struct job_decision){.kind = DECISION_DEAD, .reason = reason, .tier = -1};
        job_publish(job, actions);
}

void job_on_decided(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_DECIDING)
                return;
        if (event->lease == LEASE_LOST) {
                job_delay(job, job->lease_ms, actions);
                return;
        }
        job_lease_renewed(job, event->sent_ms);
        job_publish_or_fence(job, event->now_ms, actions);
}

/* No copy of the message can be encoded: the broker has to move the original, but only once it is dead. */
static void on_unencodable(struct job *job, struct job_actions *actions)
{
        job->copyable = false;
        if (job->phase == JOB_PUBLISHING && job->decision.kind == DECISION_DEAD)
                job_publish(job, actions);
        else if (job->phase == JOB_PUBLISHING && job->decision.kind == DECISION_SCHEDULE)
                job_die(job, REASON_TOO_LARGE, actions); /* nothing can hold it until its time */
        else if (job->phase == JOB_PUBLISHING)
                job_die(job, REASON_ATTEMPTS_EXHAUSTED, actions);
        else
                job_delay(job, job->delay_ms, actions);
}

void job_on_published(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_PUBLISHING && job->phase != JOB_DELAYING)
                return;
        if (event->unencodable) {
                on_unencodable(job, actions);
                return;
        }
        if (!event->confirmed) {
                job->publish_waiting = true;
                job_act(actions, ACTION_PUBLISH_LATER);
                return;
        }
        if (job->phase == JOB_DELAYING)
                job_finish(job, actions, ACTION_ACK, JOB_END_BUSY);
        else
                job_enter(job, JOB_SETTLING, actions);
}

void job_on_publish_again(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (!job->publish_waiting)
                return;
        if (job->phase == JOB_DELAYING && !job->copyable) {
                job_claim_again(job, actions);
                return;
        }
        if (job->phase == JOB_DELAYING) {
                job->publish_waiting = false;
                job_act(actions, ACTION_PUBLISH_DELAY);
                return;
        }
        job_publish_or_fence(job, event->now_ms, actions);
}

static enum job_end decision_end(enum job_decision_kind kind)
{
        switch (kind) {
        case DECISION_RETRY:
                return JOB_END_RETRY;
        case DECISION_DEFER:
                return JOB_END_DEFER;
        case DECISION_DEAD:
                return JOB_END_DEAD;
        case DECISION_SCHEDULE:
                return JOB_END_SCHEDULED;
        case DECISION_NONE:
                break;
        }
        return JOB_END_FORGOTTEN;
}

static uint32_t decision_change(enum job_decision_kind kind)
{
        switch (kind) {
        case DECISION_RETRY:
        case DECISION_DEFER:
                return 1U << CHANGE_RETRYING;
        case DECISION_DEAD:
                return 1U << CHANGE_DEAD;
        case DECISION_SCHEDULE:
        case DECISION_NONE:
                break;
        }
        return 0;
}

/* LOST or not: the copy is confirmed (or the broker will move the original), so the delivery may go. If it is
 * lost, an earlier request may have been carried out, and what it made due is due still. */
void job_on_settled(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        (void)event;
        if (job->phase == JOB_SETTLING)
                job_tell(job, decision_change(job->decision.kind),
                         job->decision.reject ? ACTION_REJECT : ACTION_ACK, decision_end(job->decision.kind),
                         actions);
}

static void go_on(struct job *job, struct job_actions *actions)
{
        if (job->told.how == ACTION_PUBLISH_DELAY)
                job_delay(job, job->delay_ms, actions);
        else
                job_finish(job, actions, job->told.how, job->told.end);
}

void job_tell(struct job *job, uint32_t changes, enum job_action_kind how, enum job_end end,
              struct job_actions *actions)
{
        job->told.how = how;
        job->told.end = end;
        uint32_t told = job->owes ? JOB_ANY_CHANGE : changes;
        if (job->recorded && job->tells & told)
                job_enter(job, JOB_TELLING, actions);
        else
                go_on(job, actions);
}

void job_on_told(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        (void)event;
        if (job->phase == JOB_TELLING)
                go_on(job, actions);
}
