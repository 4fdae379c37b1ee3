#include "core/job/protocol_steps.h"

/* One effect after the other: by which outlet it may go, the fence before each send, and what follows from
 * its end. */

#define FENCE_MARGIN_MAX_MS 500
/* Renewals of which each came back too late for a whole send: Redis is too slow for so short a lease. */
#define FENCES_MAX 3

/* Did the effect end this attempt, the last one, ambiguously? */
static bool is_spent(const struct job *job, uint8_t effect)
{
        const struct job_try *try = &job->tries[effect];
        return try->doubt == DOUBT_AMBIGUOUS && try->spent.redrives == job->generation.redrives &&
               try->spent.tries == job->generation.attempt + 1;
}

/* The first that has not ended. What ended the attempt goes before all others: if it was not accepted, the
 * attempt is over, and they are not sent in it. */
static uint8_t effect_to_do(const struct job *job)
{
        uint32_t ended = job->done | job->failed;
        uint8_t first = job->effects_total;
        for (uint8_t i = job->effects_total; i-- > 0;)
                if (!(ended >> i & 1))
                        first = i;
        for (uint8_t i = 0; i < job->effects_total; i++)
                if (!(ended >> i & 1) && is_spent(job, i))
                        return i;
        return first;
}

void job_next_effect(struct job *job, struct job_actions *actions)
{
        uint8_t before = job->effect;
        job->effect = effect_to_do(job);
        if (job->effect != before)
                job->outlet_min = 0;
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
void job_send_or_fence(struct job *job, int64_t now_ms, struct job_actions *actions)
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

/* ---- by which outlet ---- */

static struct job_try *present_try(struct job *job)
{
        return &job->tries[job->effect];
}

bool job_may_use_outlet(const struct job *job, uint8_t outlet)
{
        const struct job_try *try = &job->tries[job->effect];
        return try->doubt == DOUBT_NONE ? outlet >= job->outlet_min : outlet == try->outlet;
}

/* It is not accepted there, nor was it ever. */
static void make_certain(struct job_try *try)
{
        try->news |= try->doubt != DOUBT_NONE;
        try->doubt = DOUBT_NONE;
}

static void make_ambiguous(struct job *job, int64_t now_ms)
{
        struct job_try *try = present_try(job);
        if (try->doubt == DOUBT_NONE)
                try->from_ms = job->claimed_ms;
        try->doubt = DOUBT_AMBIGUOUS;
        try->since_ms = now_ms;
        try->redrives = job->generation.redrives;
        try->news = true;
}

/* A definite refusal. It says nothing of an earlier try that ended ambiguously, yet a worker that died is
 * taken to have sent nothing. */
static void make_refused(struct job *job, const struct job_event *event)
{
        struct job_try *try = present_try(job);
        if (try->doubt == DOUBT_CRASH)
                make_certain(try);
        if (event->fallback_after > 0 && event->outcome == SEND_TRANSIENT && !event->throttled &&
            try->refusals < UINT8_MAX) {
                try->refusals++;
                try->news = true;
        }
}

/* Is it time for the next outlet, and may it be? */
static bool moves_on(const struct job *job, const struct job_event *event)
{
        const struct job_try *try = &job->tries[job->effect];
        bool enough = event->fallback_after > 0 && try->refusals >= event->fallback_after;
        return event->others && try->doubt == DOUBT_NONE &&
               (event->outcome == SEND_CONFIG || event->outage || enough);
}

/* Sends by the outlet whose place it has, once it is recorded that it goes there. */
static void intend_or_send(struct job *job, uint8_t outlet, int64_t now_ms, struct job_actions *actions)
{
        struct job_try *try = present_try(job);
        job->moving = outlet != try->outlet;
        if (job->moving) {
                *try = (struct job_try){.outlet = outlet, .news = true};
                job->moves++;
        }
        if (job->moving || (job->park & job_effect_bit(job)))
                job_enter(job, JOB_INTENDING, actions);
        else
                job_send_or_fence(job, now_ms, actions);
}

/* ---- the look-up of what may have been sent ---- */

/* Does the service surely know the effect for a repetition when it gets it? It leaves before two leases are
 * over. */
static bool key_holds(const struct job *job, const struct job_event *event)
{
        return event->now_ms + 2 * job->lease_ms <=
               job->tries[job->effect].from_ms + event->look_limits.key_ms;
}

/* Sends by the key that the service knows it by. A refusal says nothing then of what a worker that died may
 * have sent: only a look-up could. */
static void send_by_key(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        struct job_try *try = present_try(job);
        if (try->doubt == DOUBT_CRASH) {
                try->doubt = DOUBT_AMBIGUOUS;
                try->redrives = job->generation.redrives;
                try->news = true;
        }
        intend_or_send(job, event->outlet, event->now_ms, actions);
}

/* Asked too early, the service would not know it yet. */
static void look_or_wait(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        int64_t early_ms = present_try(job)->since_ms + event->look_limits.lag_ms - event->now_ms;
        if (early_ms > 0) {
                job_decide(job, (struct job_decision){.kind = DECISION_DEFER, .delay_min_ms = early_ms},
                           actions);
                return;
        }
        job->phase = JOB_LOOKING;
        job_act_effect(actions, ACTION_LOOK, job->effect);
}

/* The last attempt is over: nothing is sent, by no key either. Nobody can be asked any more if the
 * configuration changed. */
static void look_or_die(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (event->can_look)
                look_or_wait(job, event, actions);
        else
                job_decide(job, (struct job_decision){.kind = DECISION_RETRY}, actions);
}

static void effect_is_done(struct job *job, struct job_actions *actions)
{
        job->done |= job_effect_bit(job);
        job->completes = job->effect;
        job_enter(job, all_effects_ended(job) && !job->failed ? JOB_COMPLETING : JOB_RECORDING, actions);
}

void job_on_looked(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_LOOKING)
                return;
        struct job_try *try = present_try(job);
        int64_t age_ms = event->now_ms - try->since_ms;
        bool is_kept = event->now_ms - try->from_ms <= event->look_limits.keeps_ms;
        bool redriven = job->generation.redrives > try->redrives;
        if (event->look == LOOK_FOUND) {
                effect_is_done(job, actions);
        } else if (event->look == LOOK_UNKNOWN && (redriven || age_ms < event->look_limits.give_up_ms)) {
                job_decide(job,
                           (struct job_decision){
                                   .kind = DECISION_DEFER,
                                   .delay_min_ms = event->retry_after_ms > 0 ? event->retry_after_ms : 0},
                           actions);
        } else if (event->look == LOOK_NOT_FOUND && (redriven || is_kept)) {
                bool spent = is_spent(job, job->effect);
                make_certain(try);
                if (spent) { /* that was the last attempt */
                        job_decide(job, (struct job_decision){.kind = DECISION_RETRY}, actions);
                        return;
                }
                if (event->store_down) /* nothing begins to leave now: the lease is asked for once more */
                        job->lease_until_ms = 0;
                intend_or_send(job, try->outlet, event->now_ms, actions);
        } else {
                job_die(job, REASON_AMBIGUOUS_SEND, actions);
        }
}

/* ---- steps ---- */

void job_on_place(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_WAITING)
                return;
        job->fences = 0;
        if (event->now_ms - job->claimed_ms >= job->timeout_ms)
                /* It waited too long. That burns an attempt only if the wait was for its own earlier effects.
                 */
                job_decide(job, (struct job_decision){.kind = job->tried ? DECISION_RETRY : DECISION_DEFER},
                           actions);
        else if (!job_may_use_outlet(job, event->outlet))
                job_decide(job, (struct job_decision){.kind = DECISION_DEFER}, actions);
        else if (is_spent(job, job->effect))
                look_or_die(job, event, actions);
        else if (present_try(job)->doubt != DOUBT_NONE && event->can_look && key_holds(job, event))
                send_by_key(job, event, actions);
        else if (present_try(job)->doubt != DOUBT_NONE && event->can_look)
                look_or_wait(job, event, actions);
        else
                intend_or_send(job, event->outlet, event->now_ms, actions);
}

void job_on_intended(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_INTENDING)
                return;
        if (event->lease == LEASE_LOST) {
                job_delay(job, job->lease_ms, actions);
                return;
        }
        job_lease_renewed(job, event->sent_ms);
        job->store_waiting = false;
        job_send_or_fence(job, event->now_ms, actions);
}

/* The next outlet takes it at once; what was intended here is void first. */
static void go_to_next_outlet(struct job *job, struct job_actions *actions)
{
        job->outlet_min = (uint8_t)(present_try(job)->outlet + 1);
        if (job->park & job_effect_bit(job))
                job_enter(job, JOB_RECORDING, actions);
        else
                job_next_effect(job, actions);
}

static void on_refusal(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (moves_on(job, event)) {
                go_to_next_outlet(job, actions);
                return;
        }
        int64_t wait_ms = event->retry_after_ms > 0 ? event->retry_after_ms : 0;
        bool innocent = event->outage || event->throttled;
        job_decide(job,
                   (struct job_decision){.kind = innocent ? DECISION_DEFER : DECISION_RETRY,
                                         .delay_min_ms = wait_ms},
                   actions);
}

/* Is the service to be asked before the job dies of this end? */
static bool is_last_and_can_look(const struct job *job, const struct job_event *event)
{
        bool innocent = event->outage || event->throttled;
        return event->can_look && !innocent && job->generation.attempt + 1 >= job->attempts_max;
}

static void on_ambiguous(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        make_ambiguous(job, event->now_ms);
        if (job->park & job_effect_bit(job)) {
                job_die(job, REASON_AMBIGUOUS_SEND, actions);
                return;
        }
        if (!is_last_and_can_look(job, event)) {
                on_refusal(job, event, actions);
                return;
        }
        int64_t lag_ms = event->look_limits.lag_ms;
        int64_t wait_ms = event->retry_after_ms > lag_ms ? event->retry_after_ms : lag_ms;
        present_try(job)->spent = (struct job_spent){.redrives = job->generation.redrives,
                                                     .tries = job->generation.attempt + 1};
        job_decide(job, (struct job_decision){.kind = DECISION_DEFER, .delay_min_ms = wait_ms}, actions);
}

void job_on_sent(struct job *job, const struct job_event *event, struct job_actions *actions)
{
        if (job->phase != JOB_SENDING)
                return;
        if (event->fenced) {
                job->lease_until_ms = 0;
                job_enter(job, JOB_FENCING, actions);
                return;
        }
        bool park = job->park & job_effect_bit(job);
        switch (event->outcome) {
        case SEND_DONE:
                effect_is_done(job, actions);
                return;
        case SEND_PERMANENT:
                make_refused(job, event);
                if (event->outage) { /* others were refused in the same words: it is the account's */
                        on_refusal(job, event, actions);
                        return;
                }
                job->failed |= job_effect_bit(job);
                if (park)
                        job_enter(job, JOB_RECORDING, actions);
                else
                        job_next_effect(job, actions);
                return;
        case SEND_AMBIGUOUS:
                on_ambiguous(job, event, actions);
                return;
        case SEND_TRANSIENT:
        case SEND_CONFIG:
                make_refused(job, event);
                on_refusal(job, event, actions);
                return;
        }
}
