#include "core/protocol.h"

#include <assert.h>
#include <string.h>

/* The lease must outlive the send's time limit by this, for the scheduler and the clock's grain. */
#define FENCE_MARGIN_MS 500

static const char *const claim_words[CLAIM_ANSWER_COUNT] = {
        [CLAIM_NEW] = "new",   [CLAIM_RESUMED] = "resumed", [CLAIM_MINE] = "mine",
        [CLAIM_DONE] = "done", [CLAIM_STALE] = "stale",     [CLAIM_CONFLICT] = "conflict",
        [CLAIM_BUSY] = "busy", [CLAIM_SUSPECT] = "suspect", [CLAIM_CRASHED] = "crashed",
};

static const char *const phase_words[JOB_PHASE_COUNT] = {
        [JOB_HELD] = "held",         [JOB_CLAIMING] = "claiming",     [JOB_PLANNING] = "planning",
        [JOB_WAITING] = "waiting",   [JOB_INTENDING] = "intending",   [JOB_FENCING] = "fencing",
        [JOB_SENDING] = "sending",   [JOB_RECORDING] = "recording",   [JOB_COMPLETING] = "completing",
        [JOB_DECIDING] = "deciding", [JOB_PUBLISHING] = "publishing", [JOB_SETTLING] = "settling",
        [JOB_DELAYING] = "delaying", [JOB_ENDED] = "ended",
};

const char *claim_answer_word(enum claim_answer answer)
{
        return claim_words[answer];
}

const char *job_phase_word(enum job_phase phase)
{
        return phase_words[phase];
}

const char *job_decision_word(enum job_decision_kind kind)
{
        static const char *const words[] = {"", "retry", "defer", "dead"};
        return words[kind];
}

static int compare(uint32_t a, uint32_t b)
{
        return a < b ? -1 : a > b;
}

int job_generation_compare(struct job_generation a, struct job_generation b)
{
        int order = compare(a.redrives, b.redrives);
        if (order == 0)
                order = compare(a.attempt, b.attempt);
        return order ? order : compare(a.deferrals, b.deferrals);
}

void job_init(struct job *job, const struct job *constants)
{
        *job = (struct job){
                .phase = JOB_HELD,
                .epoch = constants->epoch,
                .tag = constants->tag,
                .live = true,
                .recorded = constants->recorded,
                .copyable = constants->copyable,
                .refused = constants->refused,
                .generation = constants->generation,
                .attempts_max = constants->attempts_max,
                .lease_ms = constants->lease_ms,
                .send_limit_ms = constants->send_limit_ms,
                .timeout_ms = constants->timeout_ms,
                .decision = {.tier = -1},
        };
}

bool job_has_place(const struct job *job)
{
        return job->phase == JOB_INTENDING || job->phase == JOB_FENCING || job->phase == JOB_SENDING;
}

bool job_started(const struct job *job)
{
        return job->phase != JOB_HELD;
}

bool job_leased(const struct job *job)
{
        return job->recorded && job->phase > JOB_CLAIMING && job->phase < JOB_SETTLING;
}

struct job_generation job_decision_generation(const struct job *job)
{
        struct job_generation generation = job->generation;
        if (job->decision.kind == DECISION_RETRY) {
                generation.attempt++;
                generation.deferrals = 0;
        } else if (job->decision.kind == DECISION_DEFER) {
                generation.deferrals++;
        }
        return generation;
}

static void act(struct job_actions *actions, enum job_action_kind kind)
{
        assert(actions->count < JOB_ACTIONS_MAX);
        actions->list[actions->count++] = (struct job_action){.kind = kind, .effect = -1};
}

static void act_effect(struct job_actions *actions, enum job_action_kind kind, int effect)
{
        act(actions, kind);
        actions->list[actions->count - 1].effect = effect;
}

/* Settles the newest delivery, if its connection still stands, and ends the job. */
static void finish(struct job *job, struct job_actions *actions, enum job_action_kind how)
{
        if (job->live) {
                act(actions, how);
                actions->list[actions->count - 1].epoch = job->epoch;
                actions->list[actions->count - 1].tag = job->tag;
        }
        job->phase = JOB_ENDED;
        act(actions, ACTION_END);
}

static uint32_t effect_bit(const struct job *job)
{
        return (uint32_t)1 << job->effect;
}

/* Sends the request of the present phase to the store; also repeats it after the store was lost. */
static void store_request(const struct job *job, struct job_actions *actions)
{
        switch (job->phase) {
        case JOB_CLAIMING:
                act(actions, ACTION_CLAIM);
                return;
        case JOB_INTENDING:
                act_effect(actions, ACTION_INTEND, job->effect);
                return;
        case JOB_RECORDING:
                act_effect(actions, ACTION_RECORD, job->effect);
                return;
        case JOB_COMPLETING:
                act_effect(actions, ACTION_COMPLETE, job->completes);
                return;
        case JOB_DECIDING:
                act(actions, ACTION_DECIDE);
                return;
        case JOB_SETTLING:
                act(actions, ACTION_SETTLE);
                return;
        case JOB_FENCING:
                act(actions, ACTION_RENEW);
                return;
        case JOB_HELD:
        case JOB_PLANNING:
        case JOB_WAITING:
        case JOB_SENDING:
        case JOB_PUBLISHING:
        case JOB_DELAYING:
        case JOB_ENDED:
                return;
        }
}

static void enter(struct job *job, enum job_phase phase, struct job_actions *actions)
{
        job->phase = phase;
        job->store_waiting = false;
        if (phase == JOB_FENCING) {
                if (!job->renewing)
                        act(actions, ACTION_RENEW);
                job->renewing = true;
                return;
        }
        store_request(job, actions);
}

/* Somebody else owns the job: keep the message as a delayed copy of the same generation. Without a live
 * delivery there is nothing to keep: the broker has the original. */
static void delay(struct job *job, int64_t delay_ms, struct job_actions *actions)
{
        if (!job->live) {
                finish(job, actions, ACTION_RETURN);
                return;
        }
        job->phase = JOB_DELAYING;
        job->store_waiting = false;
        job->delay_ms = delay_ms > 0 ? delay_ms : 1;
        job->publish_waiting = !job->copyable;
        act(actions, job->copyable ? ACTION_PUBLISH_DELAY : ACTION_PUBLISH_LATER);
}

/* No copy of it can be made, so the delivery itself was kept until now. */
static void claim_again(struct job *job, struct job_actions *actions)
{
        job->publish_waiting = false;
        job->tried = false;
        job->failed = 0;
        job->decision = (struct job_decision){.tier = -1};
        enter(job, JOB_CLAIMING, actions);
}

/* Publishes the copy, or goes straight to settling when the broker is to move the original itself. */
static void publish(struct job *job, struct job_actions *actions)
{
        if (job->decision.kind == DECISION_DEAD && !job->copyable)
                job->decision.reject = true;
        if (job->decision.reject) {
                enter(job, JOB_SETTLING, actions);
                return;
        }
        job->phase = JOB_PUBLISHING;
        job->publish_waiting = false;
        act(actions, ACTION_PUBLISH);
}

/* A copy is published only under a lease that has not run out: else another owner may have carried out the
 * decision. */
static void publish_or_fence(struct job *job, int64_t now_ms, struct job_actions *actions)
{
        if (!job->recorded || now_ms <= job->lease_until_ms) {
                publish(job, actions);
                return;
        }
        job->phase = JOB_PUBLISHING;
        job->publish_waiting = true;
        if (!job->renewing)
                act(actions, ACTION_RENEW);
        job->renewing = true;
        act(actions, ACTION_PUBLISH_LATER);
}

static void decide(struct job *job, struct job_decision decision, struct job_actions *actions)
{
        if (decision.kind == DECISION_RETRY && job->generation.attempt + 1 >= job->attempts_max)
                decision = (struct job_decision){.kind = DECISION_DEAD, .reason = REASON_ATTEMPTS_EXHAUSTED};
        decision.tier = -1;
        job->decision = decision;
        enter(job, JOB_DECIDING, actions);
}

static void die(struct job *job, enum reason reason, struct job_actions *actions)
{
        decide(job, (struct job_decision){.kind = DECISION_DEAD, .reason = reason}, actions);
}

/* A dead letter that has no record of its own: no id, or the id of another job. */
static void die_unrecorded(struct job *job, enum reason reason, struct job_actions *actions)
{
        if (!job->live) {
                finish(job, actions, ACTION_RETURN);
                return;
        }
        job->recorded = false;
        job->decision = (struct job_decision){.kind = DECISION_DEAD, .reason = reason, .tier = -1};
        publish(job, actions);
}

/* Goes to the next effect that is neither done nor refused, or to the end. `recorded`: the present one needs
 * no more. */
static void next_effect(struct job *job, struct job_actions *actions)
{
        for (job->effect = 0; job->effect < job->effects_total; job->effect++)
                if (!((job->done | job->failed) & effect_bit(job)))
                        break;
        if (job->effect < job->effects_total) {
                job->phase = JOB_WAITING;
                act(actions, ACTION_WANT_PLACE);
                return;
        }
        if (job->failed) {
                die(job, REASON_PERMANENT_FAILURE, actions);
                return;
        }
        job->completes = -1;
        enter(job, JOB_COMPLETING, actions);
}

static bool all_effects_ended(const struct job *job)
{
        uint32_t all = job->effects_total >= 32 ? UINT32_MAX : ((uint32_t)1 << job->effects_total) - 1;
        return ((job->done | job->failed) & all) == all;
}

static bool fence_holds(const struct job *job, int64_t now_ms)
{
        return now_ms + job->send_limit_ms + FENCE_MARGIN_MS <= job->lease_until_ms;
}

static void lease_renewed(struct job *job, int64_t sent_ms)
{
        if (sent_ms + job->lease_ms > job->lease_until_ms)
                job->lease_until_ms = sent_ms + job->lease_ms;
}

/* Has a place: send now if the lease surely outlives the send, else renew first. */
static void send_or_fence(struct job *job, int64_t now_ms, struct job_actions *actions)
{
        if (!fence_holds(job, now_ms)) {
                enter(job, JOB_FENCING, actions);
                return;
        }
        job->phase = JOB_SENDING;
        job->tried = true;
        act_effect(actions, ACTION_SEND, job->effect);
}

static void on_claimed(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_CLAIMING)
                return;
        switch (event->claim) {
        case CLAIM_NEW:
        case CLAIM_RESUMED:
        case CLAIM_MINE:
                lease_renewed(job, event->sent_ms);
                job->claimed_ms = event->sent_ms;
                if (event->decision.kind != DECISION_NONE) {
                        job->decision = event->decision;
                        publish_or_fence(job, event->now_ms, actions);
                } else if (job->refused != REASON_NONE) {
                        die(job, job->refused, actions);
                } else {
                        job->phase = JOB_PLANNING;
                        act(actions, ACTION_PLAN);
                }
                return;
        case CLAIM_CRASHED:
                lease_renewed(job, event->sent_ms);
                die(job, REASON_CRASH_LOOP, actions);
                return;
        case CLAIM_DONE:
                finish(job, actions, ACTION_ACK);
                return;
        case CLAIM_STALE:
                /* A dead record with a decision: the broker was to move this original, and has not. */
                finish(job, actions, event->decision.kind == DECISION_DEAD ? ACTION_REJECT : ACTION_ACK);
                return;
        case CLAIM_CONFLICT:
                die_unrecorded(job, REASON_ID_CONFLICT, actions);
                return;
        case CLAIM_BUSY:
                delay(job, event->lease_left_ms, actions);
                return;
        case CLAIM_SUSPECT:
                job->phase = JOB_HELD;
                if (job->live)
                        act(actions, ACTION_HOLD_SUSPECT);
                else
                        finish(job, actions, ACTION_RETURN);
                return;
        }
}

static void on_place(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_WAITING)
                return;
        if (event->now_ms - job->claimed_ms >= job->timeout_ms) {
                /* It waited too long. That burns an attempt only if the wait was for its own earlier effects.
                 */
                decide(job, (struct job_decision){.kind = job->tried ? DECISION_RETRY : DECISION_DEFER},
                       actions);
                return;
        }
        if ((job->park & effect_bit(job))) {
                enter(job, JOB_INTENDING, actions);
                return;
        }
        send_or_fence(job, event->now_ms, actions);
}

static void on_renewed(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        job->renewing = false;
        if (event->lease == LEASE_OK)
                lease_renewed(job, event->sent_ms);
        bool idle = job->phase == JOB_FENCING || job->phase == JOB_WAITING || job->publish_waiting;
        if (!idle || job->phase == JOB_DELAYING)
                return;
        if (event->lease == LEASE_LOST)
                delay(job, job->lease_ms, actions);
        else if (job->phase == JOB_FENCING)
                send_or_fence(job, event->now_ms, actions);
}

static void on_intended(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_INTENDING)
                return;
        if (event->lease == LEASE_LOST) {
                delay(job, job->lease_ms, actions);
                return;
        }
        lease_renewed(job, event->sent_ms);
        job->store_waiting = false;
        send_or_fence(job, event->now_ms, actions);
}

static void on_refusal(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        int64_t wait_ms = event->retry_after_ms > 0 ? event->retry_after_ms : 0;
        bool innocent = event->outage || event->throttled || event->outcome == MAIL_CONFIG;
        decide(job,
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
                enter(job, JOB_FENCING, actions);
                return;
        }
        switch (event->outcome) {
        case MAIL_SENT:
                job->done |= effect_bit(job);
                job->completes = job->effect;
                enter(job, all_effects_ended(job) && !job->failed ? JOB_COMPLETING : JOB_RECORDING, actions);
                return;
        case MAIL_PERMANENT:
                job->failed |= effect_bit(job);
                if (job->park & effect_bit(job))
                        enter(job, JOB_RECORDING, actions);
                else
                        next_effect(job, actions);
                return;
        case MAIL_AMBIGUOUS:
                if (job->park & effect_bit(job))
                        die(job, REASON_AMBIGUOUS_SEND, actions);
                else
                        on_refusal(job, event, actions);
                return;
        case MAIL_TRANSIENT:
        case MAIL_CONFIG:
                on_refusal(job, event, actions);
                return;
        }
}

static void on_recorded(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_RECORDING)
                return;
        if (event->lease == LEASE_LOST) {
                delay(job, job->lease_ms, actions);
                return;
        }
        lease_renewed(job, event->sent_ms);
        next_effect(job, actions);
}

static void on_completed(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_COMPLETING)
                return;
        if (event->lease == LEASE_LOST)
                delay(job, job->lease_ms, actions);
        else
                finish(job, actions, ACTION_ACK);
}

static void on_decided(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_DECIDING)
                return;
        if (event->lease == LEASE_LOST) {
                delay(job, job->lease_ms, actions);
                return;
        }
        lease_renewed(job, event->sent_ms);
        publish_or_fence(job, event->now_ms, actions);
}

/* No copy of the message can be encoded: the broker has to move the original, but only once it is dead. */
static void on_unencodable(struct job *job, struct job_actions *actions)
{
        job->copyable = false;
        if (job->phase == JOB_PUBLISHING && job->decision.kind == DECISION_DEAD)
                publish(job, actions);
        else if (job->phase == JOB_PUBLISHING)
                die(job, REASON_ATTEMPTS_EXHAUSTED, actions);
        else
                delay(job, job->delay_ms, actions);
}

static void on_published(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_PUBLISHING && job->phase != JOB_DELAYING)
                return;
        if (event->unencodable) {
                on_unencodable(job, actions);
                return;
        }
        if (!event->confirmed) {
                job->publish_waiting = true;
                act(actions, ACTION_PUBLISH_LATER);
                return;
        }
        if (job->phase == JOB_DELAYING)
                finish(job, actions, ACTION_ACK);
        else
                enter(job, JOB_SETTLING, actions);
}

static void on_publish_again(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (!job->publish_waiting)
                return;
        if (job->phase == JOB_DELAYING && !job->copyable) {
                claim_again(job, actions);
                return;
        }
        if (job->phase == JOB_DELAYING) {
                job->publish_waiting = false;
                act(actions, ACTION_PUBLISH_DELAY);
                return;
        }
        publish_or_fence(job, event->now_ms, actions);
}

/* LOST or not: the copy is confirmed (or the broker will move the original), so the delivery may go. */
static void on_settled(struct job *job, struct job_actions *actions)
{
        if (job->phase == JOB_SETTLING)
                finish(job, actions, job->decision.reject ? ACTION_REJECT : ACTION_ACK);
}

static void on_store_back(struct job *job, struct job_actions *actions)
{
        if (!job->store_waiting)
                return;
        job->store_waiting = false;
        if (job->phase == JOB_FENCING)
                job->renewing = true;
        store_request(job, actions);
}

static void on_disconnected(struct job *job, struct job_actions *actions)
{
        job->live = false;
        if (job->phase == JOB_HELD)
                finish(job, actions, ACTION_RETURN);
}

static void on_start(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_HELD)
                return;
        job->alone = event->alone;
        if (job->recorded)
                enter(job, JOB_CLAIMING, actions);
        else
                die_unrecorded(job, job->refused, actions);
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
                die(job, REASON_AMBIGUOUS_SEND, actions);
        else
                next_effect(job, actions);
}

static void on_renew_due(struct job *job, struct job_actions *actions)
{
        if (!job_leased(job) || job->renewing || job->store_waiting)
                return;
        job->renewing = true;
        act(actions, ACTION_RENEW);
}

static void on_store_lost(struct job *job)
{
        job->renewing = false;
        job->store_waiting = true;
}

void job_step(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        actions->count = 0;
        switch (event->kind) {
        case EVENT_START:
                on_start(job, event, actions);
                return;
        case EVENT_CLAIMED:
                on_claimed(job, event, actions);
                return;
        case EVENT_PLANNED:
                on_planned(job, event, actions);
                return;
        case EVENT_REFUSED:
                if (job->phase == JOB_PLANNING)
                        die(job, event->reason, actions);
                return;
        case EVENT_PLACE:
                on_place(job, event, actions);
                return;
        case EVENT_RENEWED:
                on_renewed(job, event, actions);
                return;
        case EVENT_INTENDED:
                on_intended(job, event, actions);
                return;
        case EVENT_SENT:
                on_sent(job, event, actions);
                return;
        case EVENT_RECORDED:
                on_recorded(job, event, actions);
                return;
        case EVENT_COMPLETED:
                on_completed(job, event, actions);
                return;
        case EVENT_DECIDED:
                on_decided(job, event, actions);
                return;
        case EVENT_PUBLISHED:
                on_published(job, event, actions);
                return;
        case EVENT_PUBLISH_AGAIN:
                on_publish_again(job, event, actions);
                return;
        case EVENT_SETTLED:
                on_settled(job, actions);
                return;
        case EVENT_STORE_LOST:
                on_store_lost(job);
                return;
        case EVENT_STORE_BACK:
                on_store_back(job, actions);
                return;
        case EVENT_RENEW_DUE:
                on_renew_due(job, actions);
                return;
        case EVENT_DEFER:
                if (job->phase == JOB_WAITING)
                        decide(job, (struct job_decision){.kind = DECISION_DEFER}, actions);
                return;
        case EVENT_DISCONNECTED:
                on_disconnected(job, actions);
                return;
        case EVENT_ATTACHED:
                job->epoch = event->epoch;
                job->tag = event->tag;
                job->live = true;
                return;
        case EVENT_RETURN:
                if (job->phase == JOB_HELD)
                        finish(job, actions, ACTION_RETURN);
                return;
        }
}
