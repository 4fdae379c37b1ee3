#ifndef LEVERET_CORE_PROTOCOL_STEPS_H
#define LEVERET_CORE_PROTOCOL_STEPS_H

#include "core/job/protocol.h"

/* Inside protocol*.c only: what the steps are made of. Each adds the actions that follow from what it does.
 */

void job_act(struct job_actions *actions, enum job_action_kind kind);
void job_act_effect(struct job_actions *actions, enum job_action_kind kind, int effect);
/* Settles the newest delivery as `how` says, if its connection still stands, and ends the job. */
void job_finish(struct job *job, struct job_actions *actions, enum job_action_kind how, enum job_end end);
enum { JOB_ANY_CHANGE = (1 << JOB_CHANGE_COUNT) - 1 };
/* The same, but if others are to be told of one of these changes (bits), or what is due may be more than
 * that, first they are. ACTION_PUBLISH_DELAY for how: keeps the message as a copy in delay_ms. */
void job_tell(struct job *job, uint32_t changes, enum job_action_kind how, enum job_end end,
              struct job_actions *actions);
/* Goes to the phase and asks the store for what it needs. */
void job_enter(struct job *job, enum job_phase phase, struct job_actions *actions);
/* The request that the present phase waits for, once more. */
void job_store_request(const struct job *job, struct job_actions *actions);
/* The lease holds from before the request was sent. */
void job_lease_renewed(struct job *job, int64_t sent_ms);
/* The bit of the present effect. */
uint32_t job_effect_bit(const struct job *job);

/* Somebody else owns the job: keeps the message as a delayed copy of the same generation. */
void job_delay(struct job *job, int64_t delay_ms, struct job_actions *actions);
/* Publishes the decision's copy, or lets the broker move the original. */
void job_publish(struct job *job, struct job_actions *actions);
/* The same under a lease that has not run out; else after a renewal. */
void job_publish_or_fence(struct job *job, int64_t now_ms, struct job_actions *actions);
void job_decide(struct job *job, struct job_decision decision, struct job_actions *actions);
void job_die(struct job *job, enum reason reason, struct job_actions *actions);
/* Dead without a record of its own: no id, or the id of another job. */
void job_die_unrecorded(struct job *job, enum reason reason, struct job_actions *actions);

/* Goes to the next effect that is neither done nor refused, or to the end. */
void job_next_effect(struct job *job, struct job_actions *actions);
/* Has a place: sends now if the lease surely outlives the send, else renews first; but not for ever. */
void job_send_or_fence(struct job *job, int64_t now_ms, struct job_actions *actions);

/* Steps of the sends. */
void job_on_place(struct job *job, const struct job_event *event, struct job_actions *actions);
void job_on_looked(struct job *job, const struct job_event *event, struct job_actions *actions);
void job_on_intended(struct job *job, const struct job_event *event, struct job_actions *actions);
void job_on_sent(struct job *job, const struct job_event *event, struct job_actions *actions);

/* Steps of the ends. */
void job_on_decided(struct job *job, const struct job_event *event, struct job_actions *actions);
void job_on_published(struct job *job, const struct job_event *event, struct job_actions *actions);
void job_on_publish_again(struct job *job, const struct job_event *event, struct job_actions *actions);
void job_on_settled(struct job *job, const struct job_event *event, struct job_actions *actions);
void job_on_told(struct job *job, const struct job_event *event, struct job_actions *actions);

#endif
