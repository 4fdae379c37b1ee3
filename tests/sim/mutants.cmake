# Planted bugs: each is one change in a copy of the protocol, of the store's model or of the engine's, and the simulator has
# to find each. The build fails when a text is not there any more: then the bug is to be planted anew.
set(protocol ${CMAKE_SOURCE_DIR}/worker/core/job/protocol.c ${CMAKE_SOURCE_DIR}/worker/core/job/protocol_ends.c
    ${CMAKE_SOURCE_DIR}/worker/core/job/protocol_sends.c ${CMAKE_SOURCE_DIR}/worker/core/job/protocol_state.c)

sim_mutant(ack_before_send "${protocol}"
  [[                job->phase = JOB_WAITING;
                job_act(actions, ACTION_WANT_PLACE);]]
  [[                job_finish(job, actions, ACTION_ACK, JOB_END_COMPLETED);]])
sim_mutant(ack_before_record "${protocol}"
  [[job_enter(job, all_effects_ended(job) && !job->failed ? JOB_COMPLETING : JOB_RECORDING, actions);]]
  [[if (all_effects_ended(job) && !job->failed) job_finish(job, actions, ACTION_ACK, JOB_END_COMPLETED); else job_enter(job, JOB_RECORDING, actions);]])
sim_mutant(complete_lost_is_acked "${protocol}"
  [[        if (event->lease == LEASE_LOST)
                job_delay(job, job->lease_ms, actions);
        else
                job_tell(job, 1U]]
  [[        if (0)
                ;
        else
                job_tell(job, 1U]])
sim_mutant(no_fence "${protocol}"
  [[if (!fence_holds(job, now_ms)) {]]
  [[if (0) {]])
sim_mutant(fence_forgets_the_send_limit "${protocol}"
  [[now_ms + job->send_limit_ms + fence_margin_ms(job) <=]]
  [[now_ms <=]])
sim_mutant(lease_counted_from_the_reply "${protocol}"
  [[        if (event->lease == LEASE_OK)
                job_lease_renewed(job, event->sent_ms);]]
  [[        if (event->lease == LEASE_OK)
                job_lease_renewed(job, event->now_ms + 1000);]])
sim_mutant(record_lost_is_ignored "${protocol}"
  [[        if (event->lease == LEASE_LOST) {
                job_delay(job, job->lease_ms, actions);
                return;
        }
        job_lease_renewed(job, event->sent_ms);
        job_next_effect]]
  [[        job_lease_renewed(job, event->sent_ms);
        job_next_effect]])
sim_mutant(unfenced_record fake_store.c
  [[return record->owner == request->owner;]]
  [[return request->script == STORE_RECORD || record->owner == request->owner;]])
sim_mutant(unfenced_decide fake_store.c
  [[return record->owner == request->owner;]]
  [[return request->script == STORE_DECIDE || record->owner == request->owner;]])
sim_mutant(unfenced_renew fake_store.c
  [[return record->owner == request->owner;]]
  [[return request->script == STORE_RENEW || record->owner == request->owner;]])
sim_mutant(unfenced_settle fake_store.c
  [[return record->owner == request->owner;]]
  [[return request->script == STORE_SETTLE || record->owner == request->owner;]])
sim_mutant(no_staleness fake_store.c
  [[        if (age < 0)
                return claim_lesser]]
  [[        if (0)
                return claim_lesser]])
sim_mutant(no_lease fake_store.c
  [[if (record->owner && lease_left_ms > 0) {]]
  [[if (0) {]])
sim_mutant(lesser_is_acked_because_a_greater_was_seen "${protocol}"
  [[job_tell(job, JOB_ANY_CHANGE, ACTION_PUBLISH_DELAY, JOB_END_BUSY, actions);]]
  [[job_finish(job, actions, ACTION_ACK, JOB_END_STALE);]])
sim_mutant(lesser_takes_over_though_the_greater_waits fake_store.c
  [[if (due_ms + STORE_LATE_MS > store->now_ms) {]]
  [[if (0) {]])
sim_mutant(lesser_takes_over_under_a_lease fake_store.c
  [[int64_t due_ms = record->lease_until_ms;]]
  [[int64_t due_ms = -STORE_LATE_MS;]])
sim_mutant(waiting_begins_anew_each_time fake_store.c
  [[if (record->due_ms == 0 || record->due_ms > store->now_ms + most_ms)]]
  [[if (1)]])
sim_mutant(taking_over_forgets_what_may_have_been_sent fake_store.c
  [[        as.generation = known;
        return claim_again]]
  [[        as.generation = known;
        record->intents = 0;
        return claim_again]] --schedules 3000000 --faults purge,crash,park,reply-lost,transient --ids 1)
sim_mutant(store_s_generation_is_not_taken "${protocol}"
  [[                job->generation = event->generation;
                __attribute__((fallthrough));]]
  [[                __attribute__((fallthrough));]])
sim_mutant(moved_letter_is_acked "${protocol}"
  [[                if (event->decision.kind != DECISION_NONE) {]]
  [[                if (job->generation.redrives > job->came.redrives) {
                        job_finish(job, actions, ACTION_ACK, JOB_END_STALE);
                } else if (event->decision.kind != DECISION_NONE) {]])
sim_mutant(moved_letter_is_only_a_letter_again fake_store.c
  [[if (is_letter || (request->outside && !maybe_sent)) {]]
  [[if (request->outside && !maybe_sent) {]])
sim_mutant(message_sent_again_is_only_a_letter_again fake_store.c
  [[if (is_letter || (request->outside && !maybe_sent)) {]]
  [[if (is_letter) {]])
sim_mutant(duplicate_of_a_parked_mail_is_sent fake_store.c
  [[bool maybe_sent = record->reason == REASON_AMBIGUOUS_SEND || record->intents != 0;]]
  [[bool maybe_sent = false;]])
sim_mutant(duplicate_of_a_crashed_mail_is_sent fake_store.c
  [[bool maybe_sent = record->reason == REASON_AMBIGUOUS_SEND || record->intents != 0;]]
  [[bool maybe_sent = record->reason == REASON_AMBIGUOUS_SEND;]]
  --schedules 1000000 --faults park,crash,duplicate,move --every --ids 1 --effects 1)
sim_mutant(dead_job_believes_that_its_letter_exists fake_store.c
  [[        record->decision = record->death;
        return take_as(store, record, request, known, 0);]]
  [[        return answer(store, record, request, CLAIM_DONE);]])
sim_mutant(cancelled_is_forgotten_by_the_claim fake_store.c
  [[if (record->state == STATE_CANCELLED)]]
  [[if (0)]])
sim_mutant(cancelled_while_it_runs fake_store.c
  [[if (record->state != STATE_QUEUED && record->state != STATE_RETRYING &&]]
  [[if (record->state != STATE_QUEUED && record->state != STATE_RETRYING && record->state != STATE_RUNNING &&]])
sim_mutant(done_before_its_time "${protocol}"
  [[} else if (event->early_ms > 0) {]]
  [[} else if (0) {]])
sim_mutant(scheduled_is_called_lost_while_it_waits fake_store.c
  [[record->state == STATE_SCHEDULED ? STORE_SCHEDULE_MS : request->tier_ms;]]
  [[request->tier_ms;]] --faults schedule,duplicate --every)
sim_mutant(scheduled_without_a_copy "${protocol}"
  [[job_decide(job, (struct job_decision){.kind = DECISION_SCHEDULE}, actions);]]
  [[job_finish(job, actions, ACTION_ACK, JOB_END_SCHEDULED);]])
sim_mutant(cancelled_is_delayed_like_any_other "${protocol}"
  [[        case CLAIM_CANCELLED:
                job_tell(job, JOB_ANY_CHANGE, ACTION_ACK, JOB_END_CANCELLED, actions);
                return;]]
  [[        case CLAIM_CANCELLED:
                job_delay(job, job->lease_ms, actions);
                return;]])
sim_mutant(lost_renewal_is_ignored_while_waiting "${protocol}"
  [[bool idle = job->phase == JOB_FENCING || job->phase == JOB_WAITING ||]]
  [[bool idle = job->phase == JOB_FENCING ||]])
sim_mutant(published_after_its_end "${protocol}"
  [[                job_finish(job, actions, ACTION_RETURN, JOB_END_FORGOTTEN);
                return;
        }
        job->recorded = false;]]
  [[                job_finish(job, actions, ACTION_RETURN, JOB_END_FORGOTTEN);
        }
        job->recorded = false;]])
sim_mutant(ack_before_confirm "${protocol}"
  [[if (!event->confirmed) {]]
  [[if (0) {]])
sim_mutant(publish_under_an_ended_lease "${protocol}"
  [[if (!job->recorded || now_ms <= job->lease_until_ms) {]]
  [[if (1) {]])
sim_mutant(found_decision_is_not_fenced "${protocol}"
  [[                        job_publish_or_fence(job, event->now_ms, actions);
                } else]]
  [[                        job_publish(job, actions);
                } else]])
sim_mutant(stale_tag_ack "${protocol}"
  [[        if (job->live) {
                job_act(actions, how);]]
  [[        if (1) {
                job_act(actions, how);]])
sim_mutant(owner_is_only_the_worker engine.c
  [[return (uint64_t)worker->incarnation << 32 | epoch << 16 | tag;]]
  [[return (uint64_t)worker->incarnation << 32;]])
sim_mutant(owner_forgets_the_epoch engine.c
  [[return (uint64_t)worker->incarnation << 32 | epoch << 16 | tag;]]
  [[return (uint64_t)worker->incarnation << 32 | tag;]])
sim_mutant(decision_is_not_recorded "${protocol}"
  [[        job->decision = decision;
        job_enter(job, JOB_DECIDING, actions);]]
  [[        job->decision = decision;
        job_publish(job, actions);]])
sim_mutant(redrive_is_stale fake_store.c
  [[if (request->generation.redrives > known.redrives) {]]
  [[if (0) {]])
sim_mutant(attempt_counted_without_a_confirm "${protocol}"
  [[        job->phase = JOB_PUBLISHING;
        job->publish_waiting = false;
        job_act(actions, ACTION_PUBLISH);]]
  [[        job_enter(job, JOB_SETTLING, actions);]])
sim_mutant(busy_is_requeued "${protocol}"
  [[job_delay(job, event->lease_left_ms, actions);]]
  [[job_finish(job, actions, ACTION_RETURN, JOB_END_RETURNED);]])
sim_mutant(busy_is_acked "${protocol}"
  [[job_delay(job, event->lease_left_ms, actions);]]
  [[job_finish(job, actions, ACTION_ACK, JOB_END_BUSY);]])
sim_mutant(delay_without_a_delay "${protocol}"
  [[job->delay_ms = delay_ms > 0 ? delay_ms : 1;]]
  [[(void)delay_ms; job->delay_ms = -900;]])
sim_mutant(duplicate_is_new fake_store.c
  [[return answer(store, record, request, CLAIM_DONE);]]
  [[return take(store, record, request, CLAIM_NEW, 1);]])
sim_mutant(crash_is_not_counted fake_store.c
  [[return take(store, record, request, CLAIM_RESUMED, record->starts + 1);]]
  [[return take(store, record, request, CLAIM_RESUMED, record->starts);]])
sim_mutant(suspect_is_not_suspected fake_store.c
  [[if (record->starts > 0 && !request->alone)]]
  [[if (0)]])
sim_mutant(suspect_runs_beside_others engine.c
  [[(beside.suspects && beside.any)]]
  [[0]])
sim_mutant(others_run_beside_a_suspect engine.c
  [[beside.alone || (beside.suspects && beside.any)]]
  [[(beside.suspects && beside.any)]])
sim_mutant(suspect_is_returned "${protocol}"
  [[                        job_act(actions, ACTION_HOLD_SUSPECT);]]
  [[                        job_finish(job, actions, ACTION_RETURN, JOB_END_RETURNED);]])
sim_mutant(crashed_asked_again_is_run fake_store.c
  [[bool crashed = record->decision == 0 && record->starts > request->max_crashes;]]
  [[bool crashed = false;]])
sim_mutant(innocent_burns_an_attempt "${protocol}"
  [[.kind = innocent ? DECISION_DEFER : DECISION_RETRY,]]
  [[.kind = DECISION_RETRY,]])
sim_mutant(refused_account_kills_its_mails "${protocol}"
  [[                if (event->outage) {]]
  [[                if (0) {]])
sim_mutant(deferral_burns_an_attempt "${protocol}"
  [[generation.deferrals++;]]
  [[generation.attempt++;]])
sim_mutant(waiting_burns_an_attempt "${protocol}"
  [[.kind = job->tried ? DECISION_RETRY : DECISION_DEFER]]
  [[.kind = DECISION_RETRY]])
sim_mutant(one_attempt_too_many "${protocol}"
  [[job->generation.attempt + 1 >= job->attempts_max]]
  [[job->generation.attempt >= job->attempts_max]])
sim_mutant(one_attempt_too_few "${protocol}"
  [[job->generation.attempt + 1 >= job->attempts_max]]
  [[job->generation.attempt + 2 >= job->attempts_max]])
sim_mutant(attached_to_another_generation engine.c
  [[                    !same_generation(slot->job.came, delivery->copy.generation) ||
]]
  [[                    (0 && !same_generation(slot->job.came, delivery->copy.generation)) ||
]] --schedules 1000000 --faults disconnect,redrive,store-cut,reply-lost,permanent --ids 1 --effects 1)
sim_mutant(attached_though_live engine.c
  [[if (!slot->used || slot->job.live ||]]
  [[if (!slot->used || !job_started(&slot->job) ||]])
sim_mutant(attached_to_another_content engine.c
  [[                    slot->content != delivery->copy.content ||
]]
  [[]])
sim_mutant(no_intent "${protocol}"
  [[if (job->moving || (job->park & job_effect_bit(job)))]]
  [[if (job->moving)]])
sim_mutant(intent_is_not_looked_at "${protocol}"
  [[if (job->park & job->intents & ~job->done)]]
  [[if (0)]])
sim_mutant(intent_is_cleared_by_an_ambiguous_end "${protocol}"
  [[make_ambiguous(job, event->now_ms); if (job->park & job_effect_bit(job)) {]]
  [[make_ambiguous(job, event->now_ms); if (0) {]])
sim_mutant(lost_reject_is_stale "${protocol}"
  [[job_tell(job, JOB_ANY_CHANGE, ACTION_REJECT, JOB_END_STALE, actions);]]
  [[job_finish(job, actions, ACTION_ACK, JOB_END_STALE);]])
sim_mutant(uncopyable_dies_of_busy "${protocol}"
  [[                job_delay(job, job->delay_ms, actions);
}]]
  [[                job_finish(job, actions, ACTION_REJECT, JOB_END_DEAD);
}]])
sim_mutant(complete_of_another_content fake_store.c
  [[            record->fingerprint == request->fingerprint)]]
  [[            1)]]
  --schedules 2000000)
sim_mutant(conflict_is_not_seen fake_store.c
  [[if (record->fingerprint != request->fingerprint)]]
  [[if (0)]])
sim_mutant(second_beside_a_dead_first_is_acked fake_store.c
  [[request->first && record->state != STATE_DEAD && record->state != STATE_CANCELLED &&]]
  [[request->first &&]])
sim_mutant(second_of_another_type_is_acked fake_store.c
  [[record->state != STATE_CANCELLED && record->type == request->type;]]
  [[record->state != STATE_CANCELLED;]])
sim_mutant(first_is_a_conflict "${protocol}"
  [[        case CLAIM_FIRST:
                job_finish(job, actions, ACTION_ACK, JOB_END_DUPLICATE);]]
  [[                job_finish(job, actions, ACTION_ACK, JOB_END_DUPLICATE);
                return;
        case CLAIM_FIRST:
                job_die_unrecorded(job, REASON_ID_CONFLICT, actions);]])
sim_mutant(unknown_type_has_no_grace "${protocol}"
  [[job->refused != REASON_NONE && event->grace_ms > 0]]
  [[job->refused != REASON_NONE && 0]])
sim_mutant(grace_burns_attempts "${protocol}"
  [[(struct job_decision){.kind = DECISION_DEFER,
                                                         .delay_min_ms = event->grace_ms},]]
  [[(struct job_decision){.kind = DECISION_RETRY,
                                                         .delay_min_ms = event->grace_ms},]])
sim_mutant(store_back_repeats_nothing "${protocol}"
  [[        if (!job->store_waiting)
                return;]]
  [[        if (1)
                return;]])
sim_mutant(done_effects_are_forgotten "${protocol}"
  [[job->done = event->done;]]
  [[job->done = 0;]])
sim_mutant(refused_effect_is_completed "${protocol}"
  [[        if (job->failed) {]]
  [[        if (0) {]])
sim_mutant(retry_keeps_its_attempt "${protocol}"
  [[                generation.attempt++;
                generation.deferrals = 0;]]
  [[                generation.deferrals++;]])
sim_mutant(older_run_is_not_forgotten fake_store.c
  [[                forget_run(record);
                return take(store, record, request, CLAIM_RESUMED, 1);
        }
        int64_t lease_left_ms]]
  [[                return take(store, record, request, CLAIM_RESUMED, 1);
        }
        int64_t lease_left_ms]])
sim_mutant(unconfirmed_copy_is_not_repeated "${protocol}"
  [[                job->publish_waiting = true;
                job_act(actions, ACTION_PUBLISH_LATER);
                return;
        }
        if (job->phase == JOB_DELAYING)]]
  [[                return;
        }
        if (job->phase == JOB_DELAYING)]])
sim_mutant(late_record_clears_another_intent fake_store.c
  [[        record->intents &= ~(1U << (request->effect - 1));]]
  [[        record->intents = 0;]] --schedules 3000000 --faults park,reply-lost,freeze,crash)
sim_mutant(one_intent_for_all_effects fake_store.c
  [[                record->intents |= 1U << (request->effect - 1);]]
  [[                record->intents = 1U << (request->effect - 1);]]
  --seed 5300000 --schedules 3000000 --faults park,permanent,reply-lost,crash --every --effects 2 --ids 1 --workers 1)

# Of the breaker, found by account.c.
set(breaker ${CMAKE_SOURCE_DIR}/worker/core/job/breaker.c)
account_mutant(refused_mail_is_always_innocent ${breaker}
  [[return note_failure(breaker, job, now_ms) || !alone;]]
  [[note_failure(breaker, job, now_ms); return true;]])
account_mutant(refused_mail_is_never_innocent ${breaker}
  [[return note_failure(breaker, job, now_ms) || !alone;]]
  [[return note_failure(breaker, job, now_ms);]])
account_mutant(one_refused_mail_opens_every_time ${breaker}
  [[if (!result->doubtful || !breaker->trusted) {]]
  [[if (1) {]])
account_mutant(refused_account_never_opens ${breaker}
  [[return note_failure(breaker, job, now_ms) || !alone;]]
  [[return !alone;]])
account_mutant(success_proves_nothing ${breaker}
  [[suspect->successes < breaker->successes;]]
  [[0;]])
account_mutant(any_second_refusal_burns ${breaker}
  [[suspect->job == job && suspect->successes < breaker->successes;]]
  [[suspect->job == job;]])
account_mutant(alike_refusals_never_open ${breaker}
  [[if (breaker->alike < max) return false;]]
  [[if (1) return false;]])
account_mutant(alike_refusals_kill_one_too_many ${breaker}
  [[if (breaker->alike < max) return false; open_now(breaker, now_ms); return true;]]
  [[if (breaker->alike < max) return false; open_now(breaker, now_ms); return false;]])
account_mutant(what_was_under_way_dies_of_the_account ${breaker}
  [[result->crowded || alike;]]
  [[result->crowded;]])
account_mutant(a_success_forgets_no_refusals ${breaker}
  [[breaker->trusted = true; breaker->failures = 0; breaker->likeness = 0; breaker->alike = 0;]]
  [[breaker->trusted = true; breaker->failures = 0;]])
account_mutant(refused_mail_is_the_probe_for_ever ${breaker}
  [[breaker->alike >= alike_max(breaker)]]
  [[breaker->alike >= 0]])
account_mutant(protocol_defers_every_refusal ${CMAKE_SOURCE_DIR}/worker/core/job/protocol_sends.c
  [[bool innocent = event->outage || event->throttled;]]
  [[bool innocent = event->outage || event->throttled || event->outcome == SEND_CONFIG;]])

# Outlets: one gets what another may have accepted, or nobody knows by which it went.
sim_mutant(falls_back_after_an_ambiguous_end "${protocol}"
  [[return event->others && try->doubt == DOUBT_NONE &&]]
  [[return event->others &&]]
  --schedules 600000 --faults outlets,ambiguous,transient,account,refused-alone,crash,lookup --workers 2 --ids 2 --effects 1)
sim_mutant(ambiguous_end_raises_no_doubt "${protocol}"
  [[try->doubt = DOUBT_AMBIGUOUS;]]
  [[try->doubt = DOUBT_NONE;]])
sim_mutant(doubt_is_not_recorded "${protocol}"
  [[        try->since_ms = now_ms;
        try->redrives = job->generation.redrives;
        try->news = true;]]
  [[        try->since_ms = now_ms;
        try->redrives = job->generation.redrives;]] --faults outlets,ambiguous,transient,innocent)
sim_mutant(definite_answer_ends_an_ambiguous_doubt "${protocol}"
  [[if (try->doubt == DOUBT_CRASH)]]
  [[if (1)]])
sim_mutant(outlet_is_not_recorded_before_its_first_send "${protocol}"
  [[if (job->moving || (job->park & job_effect_bit(job)))]]
  [[if (job->park & job_effect_bit(job))]])
sim_mutant(any_outlet_takes_what_another_may_have "${protocol}"
  [[return try->doubt == DOUBT_NONE ? outlet >= job->outlet_min : outlet == try->outlet;]]
  [[(void)try; return outlet >= job->outlet_min;]])
sim_mutant(record_of_the_outlet_is_overwritten_late fake_store.c
  [[(record->moved_by == request->owner && record->moves > request->moves))]]
  [[0)]] --schedules 3000000 --faults outlets,reply-lost,refused-alone,crash --every --effects 1 --ids 1)
sim_mutant(start_without_an_end_raises_no_doubt fake_store.c
  [[if (record->starts > 0 && (request->alone || record->starts >= request->max_crashes))]]
  [[if (0)]])

# Look-ups: asked too early, or more is read out of an answer than it says.
sim_mutant(asks_too_early "${protocol}"
  [[if (early_ms > 0) {]]
  [[if (0) {]])
sim_mutant(unreachable_is_taken_for_not_found "${protocol}"
  [[} else if (event->look == LOOK_NOT_FOUND &&]]
  [[} else if (event->look != LOOK_FOUND &&]]
  --schedules 1000000 --faults lookup,ambiguous,park,crash,freeze --workers 2 --ids 1 --effects 1)
sim_mutant(unreachable_sends_at_once "${protocol}"
  [[if (event->look == LOOK_UNKNOWN && (redriven || age_ms < event->look_limits.give_up_ms)) {]]
  [[if (event->look == LOOK_UNKNOWN) { intend_or_send(job, try->outlet, event->now_ms, actions); } else if (0) {]])
sim_mutant(what_the_service_forgot_is_taken_for_not_sent "${protocol}"
  [[(redriven || is_kept)]]
  [[1]] --faults lookup,poison --workers 1 --ids 2 --effects 1)
sim_mutant(nobody_asks_before_the_second_try "${protocol}"
  [[else if (present_try(job)->doubt != DOUBT_NONE && event->can_look) look_or_wait]]
  [[else if (0) look_or_wait]])
sim_mutant(a_refusal_clears_what_was_sent_by_key "${protocol}"
  [[if (try->doubt == DOUBT_CRASH) { try->doubt = DOUBT_AMBIGUOUS;]]
  [[if (0) { try->doubt = DOUBT_AMBIGUOUS;]]
  --schedules 600000 --faults lookup,crash,transient --every --workers 2 --ids 1 --effects 1)
sim_mutant(a_key_past_its_lifetime_is_trusted "${protocol}"
  [[return event->now_ms + 2 * job->lease_ms <=
               job->tries[job->effect].from_ms + event->look_limits.key_ms;]]
  [[return event->look_limits.key_ms > 0;]])
sim_mutant(the_lifetime_of_a_key_counts_from_the_last_try "${protocol}"
  [[job->tries[job->effect].from_ms + event->look_limits.key_ms;]]
  [[job->claimed_ms + event->look_limits.key_ms;]])
sim_mutant(what_was_found_is_sent_again "${protocol}"
  [[if (event->look == LOOK_FOUND) {]]
  [[if (0) {]])
sim_mutant(retention_counts_from_the_last_crash "${protocol}"
  [[event->now_ms - try->from_ms <= event->look_limits.keeps_ms]]
  [[age_ms <= event->look_limits.keeps_ms]])

# The last attempt that ended ambiguously: the job dies of it unasked, or it is sent once more in it.
set(last_attempts --faults lookup,ambiguous,transient,permanent,crash --workers 2 --ids 2 --effects 2)
sim_mutant(dies_of_the_last_attempt_unasked "${protocol}"
  [[return event->can_look && !innocent &&]]
  [[return 0 && event->can_look && !innocent &&]] ${last_attempts})
sim_mutant(the_last_attempt_is_not_remembered "${protocol}"
  [[present_try(job)->spent = (struct job_spent){.redrives = job->generation.redrives,]]
  [[present_try(job)->spent = (struct job_spent){.redrives = job->generation.redrives + 1,]] ${last_attempts})
sim_mutant(the_last_attempt_is_sent_again "${protocol}"
  [[if (spent) {]]
  [[if (0) {]] ${last_attempts})
sim_mutant(the_last_attempt_is_sent_again_by_key "${protocol}"
  [[else if (is_spent(job, job->effect)) look_or_die(job, event, actions);]]
  [[]] ${last_attempts})
sim_mutant(the_attempt_is_over_for_every_doubt "${protocol}"
  [[bool spent = is_spent(job, job->effect);]]
  [[bool spent = true;]] ${last_attempts})

# Planners: whose answers differ each time, who come late, or die.
set(planner_options --faults planner,planner-late,planner-dead,planner-down,crash,reply-lost,transient --ids 2)
set(planner_freezes --faults planner,planner-late,planner-dead,crash,freeze,duplicate,disconnect,transient --ids 2)
sim_mutant(plan_is_sent_before_it_is_recorded "${protocol}"
  [[if (event->keep)]]
  [[if (0)]] ${planner_options})
sim_mutant(recorded_plan_is_asked_for_again engine.c
  [[else if (!spec->planner || slot->plan)]]
  [[else if (!spec->planner)]] ${planner_options})
sim_mutant(lost_keep_is_ignored "${protocol}"
  [[        if (event->lease == LEASE_LOST) {
                job_delay(job, job->lease_ms, actions);
                return;
        }
        job_lease_renewed(job, event->sent_ms);
        begin_effects]]
  [[        job_lease_renewed(job, event->sent_ms);
        begin_effects]] --schedules 1000000 ${planner_freezes})
sim_mutant(unfenced_keep fake_store.c
  [[return record->owner == request->owner;]]
  [[return request->script == STORE_KEEP || record->owner == request->owner;]] ${planner_options})
sim_mutant(plan_is_forgotten_by_a_retry fake_store.c
  [[        record->due_ms = now_ms + request->delay_ms;]]
  [[        record->due_ms = now_ms + request->delay_ms, record->plan = 0;]] ${planner_options})
sim_mutant(deadly_job_is_tried_for_ever "${protocol}"
  [[if (blamed && ++job->plan_deaths >= job->plan_deaths_max) {]]
  [[if (blamed && 0) {]] ${planner_options})
sim_mutant(deaths_of_planners_are_not_remembered fake_store.c
  [[        if (request->plan_deaths) {]]
  [[        if (0) {]] ${planner_options})
sim_mutant(every_death_is_a_crash_loop "${protocol}"
  [[if (blamed && ++job->plan_deaths >= job->plan_deaths_max) {]]
  [[if (blamed) {]] ${planner_options})
sim_mutant(planner_s_outage_burns_an_attempt "${protocol}"
  [[.kind = event->outage || event->died ? DECISION_DEFER : DECISION_RETRY,]]
  [[.kind = event->died ? DECISION_DEFER : DECISION_RETRY,]] ${planner_options})
sim_mutant(planner_s_answer_is_taken_after_the_lease "${protocol}"
  [[|| job->phase == JOB_PLANNING || job->publish_waiting;]]
  [[|| job->publish_waiting;]] --schedules 1000000 ${planner_freezes})

# Settling what somebody else has by now.
sim_mutant(what_a_dead_owner_carried_out_is_not_settled fake_store.c
  [[!owned(store, record, request) && !is_carried_out(record, request)]]
  [[!owned(store, record, request)]]
  --workers 2 --ids 1 --effects 1 --faults crash,freeze,disconnect,store-cut,permanent --every)
sim_mutant(another_decision_is_settled fake_store.c
  [[record->decision == request->decision && record->fingerprint]]
  [[record->fingerprint]])
sim_mutant(an_earlier_generation_is_settled fake_store.c
  [[&& job_generation_compare(record->generation, request->generation) == 0;]]
  [[;]])

# Events: others are not told of a change, or told only of a part of it.
set(events_options --faults crash,freeze,disconnect,request-lost,reply-lost,store-cut,publish-lost,confirm-lost,nack,transient,permanent,breaker,cancel,schedule,duplicate,events)
sim_mutant(event_is_let_go_by_the_protocol "${protocol}"
  [[        if (job->recorded && job->tells & told)]]
  [[        if (0)]] ${events_options})
sim_mutant(duplicate_does_not_tell "${protocol}"
  [[job_tell(job, JOB_ANY_CHANGE, ACTION_ACK, JOB_END_DUPLICATE, actions);]]
  [[job_finish(job, actions, ACTION_ACK, JOB_END_DUPLICATE);]] ${events_options})
sim_mutant(cancelled_does_not_tell "${protocol}"
  [[job_tell(job, JOB_ANY_CHANGE, ACTION_ACK, JOB_END_CANCELLED, actions);]]
  [[job_finish(job, actions, ACTION_ACK, JOB_END_CANCELLED);]] ${events_options})
sim_mutant(stale_does_not_tell "${protocol}"
  [[job_tell(job, JOB_ANY_CHANGE, ACTION_REJECT, JOB_END_STALE, actions);]]
  [[job_finish(job, actions, ACTION_REJECT, JOB_END_STALE);]] --schedules 1000000 --faults crash,disconnect,reply-lost,uncopyable,permanent,events --every)
sim_mutant(later_change_replaces_what_is_due fake_store.c
  [[        if (due->count == STORE_DUE_MAX)]]
  [[        due->count = 0;
        if (due->count == STORE_DUE_MAX)]] ${events_options} --ids 1 --every)
sim_mutant(copy_that_overtakes_takes_its_change_along fake_store.c
  [[                overtaken(record, request);
                forget_run(record);]]
  [[                forget_run(record);]] ${events_options})
sim_mutant(what_an_earlier_run_owes_is_not_told "${protocol}"
  [[        uint32_t told = job->owes ? JOB_ANY_CHANGE : changes;]]
  [[        uint32_t told = changes;]] ${events_options})
sim_mutant(told_before_it_is_confirmed "${protocol}"
  [[        case JOB_TELLING:
                job_act(actions, ACTION_TELL);
                return;]]
  [[        case JOB_TELLING:
                job_act(actions, ACTION_TELL);
                if (job->live) {
                        job_act(actions, ACTION_ACK);
                        actions->list[actions->count - 1].epoch = job->epoch;
                        actions->list[actions->count - 1].tag = job->tag;
                }
                return;]] ${events_options})
sim_mutant(lost_reply_ends_the_telling "${protocol}"
  [[        job->renewing = false;
        job->store_waiting = true;]]
  [[        job->renewing = false;
        job->store_waiting = job->phase != JOB_TELLING;]] ${events_options})

# Schedules: a tick has two jobs, none, or one too early.
set(ticker ${CMAKE_SOURCE_DIR}/worker/core/time/ticker.c)
ticks_mutant(tick_that_may_be_published_is_judged_anew ${ticker}
  [[event->sure ? ticker_publish(ticker) : ticker_judge(ticker)]]
  [[ticker_judge(ticker)]])
ticks_mutant(overlap_is_not_looked_at ${ticker}
  [[        if (event->over)]]
  [[        if (1)]])
ticks_mutant(tick_comes_before_its_time ticks.c
  [[if (world->now_ms < tick_ms) return TICKER_EARLY;]]
  [[]])
ticks_mutant(unconfirmed_tick_is_done ${ticker}
  [[        if (!event->confirmed)]]
  [[        if (0)]])
ticks_mutant(all_missed_ticks_are_one ${ticker}
  [[if (late == 0 || ticker->missed == TICKER_MISSED_ALL)]]
  [[if (late == 0)]])
ticks_mutant(what_is_in_time_is_missed ${ticker}
  [[last_tick(ticker, now_ms - TICKER_LATE_MS)]]
  [[last_tick(ticker, now_ms)]])
