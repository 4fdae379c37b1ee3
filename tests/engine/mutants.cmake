# Each a bug in one place of worker/run, which the schedules have to find.
engine_mutant(owner_is_only_the_worker delivery.c
  [["%s:%" PRIu64 ":%" PRIu64, engine->worker, epoch, taken.tag]]
  [["%s", engine->worker]])
engine_mutant(owner_forgets_the_epoch delivery.c
  [["%s:%" PRIu64 ":%" PRIu64, engine->worker, epoch, taken.tag]]
  [["%s:1:%" PRIu64, engine->worker, taken.tag]])
engine_mutant(attached_though_live delivery.c
  [[running->job.live || running->queue]]
  [[running->queue]])
engine_mutant(attached_to_another_generation delivery.c
  [[job_generation_compare(running->job.came, fresh->job.came) != 0 ||]]
  [[0 ||]]
  --faults disconnect,confirm-lost,unsent,transient,redrive --ids 1 --workers 1 --every --budget 12)
engine_mutant(attached_to_another_content delivery.c
  [[||
            strcmp(running->envelope.fingerprint, fresh->envelope.fingerprint) != 0)]]
  [[)]]
  --faults disconnect,confirm-lost,conflict --ids 1 --workers 1 --every --budget 12)
engine_mutant(store_back_before_it_was_lost steps.c
  [[        if (redis_store_is_up(delivery->engine->store))
                delivery_event(delivery, &(struct job_event){.kind = EVENT_STORE_BACK});]]
  [[]])
engine_mutant(lost_reply_is_an_answer steps.c
  [[        if (result->lost) {
                delivery_store_lost(delivery);]]
  [[        if (0) {
                delivery_store_lost(delivery);]])
engine_mutant(ended_delivery_is_not_freed delivery.c
  [[        if (delivery->pending == 0)
                inflight_list(delivery, LIST_OVER);]]
  [[]])
engine_mutant(id_is_not_recorded delivery.c
  [[.recorded = envelope->id != NULL]]
  [[.recorded = false]])
engine_mutant(parks_of_all_types send/route.c
  [[return handler->on_ambiguous;]]
  [[return handler->on_ambiguous == ON_AMBIGUOUS_PARK ? ON_AMBIGUOUS_RESEND : ON_AMBIGUOUS_PARK;]])
engine_mutant(suspect_runs_beside_others gate.c
  [[if (gate->active == 0)
                        start(suspect, true);]]
  [[start(suspect, true);]])
engine_mutant(others_run_beside_a_suspect gate.c
  [[!redis_spare_tried(engine->spare) || gate->alone)]]
  [[!redis_spare_tried(engine->spare))]])
engine_mutant(suspect_is_not_alone_for_its_claim gate.c
  [[.kind = EVENT_START, .alone = alone}]]
  [[.kind = EVENT_START, .alone = false}]])
engine_mutant(sends_without_redis gate.c
  [[redis_store_is_up(engine->store) ? PLACES_PER_TURN : 0]]
  [[PLACES_PER_TURN]])
engine_mutant(paused_queue_is_consumed gate.c
  [[OBSTACLE_BIT(PAUSED) |]]
  [[]])
engine_mutant(nothing_held_is_given_back gate.c
  [[inflight_each(engine, return_if_held, NULL);]]
  [[]])
engine_mutant(alone_for_ever tally.c
  [[                gate->alone = NULL;]]
  [[]])
engine_mutant(the_innocent_is_blamed tally.c
  [[fatal_signal_alone(NULL);]]
  [[]])
engine_mutant(active_is_not_given_back tally.c
  [[active ? 1 : (size_t)-1]]
  [[active ? 1 : 0]])
engine_mutant(place_is_not_given_back tally.c
  [[outlet_give(delivery->outlet, &delivery->place);]]
  [[;]])
engine_mutant(place_stays_counted outlet.c
  [[        outlet->used--;]]
  [[]])
engine_mutant(probe_is_not_withdrawn outlet.c
  [[breaker_withdraw(&outlet->breaker);]]
  [[]])
engine_mutant(claims_again_beside_a_suspect process/lifecycle.c
  [[return delivery->engine->gate.alone &&]]
  [[return 0 &&]])
engine_mutant(unconfirmed_copy_is_never_tried_again process/lifecycle.c
  [[delivery->publish_again_ms > 0 &&]]
  [[0 &&]])
engine_mutant(second_signal_is_ignored process/lifecycle.c
  [[                lifecycle_end(engine, 1); return; } if (engine->life.stage == STAGE_RUNNING)]]
  [[ return; } if (engine->life.stage == STAGE_RUNNING)]])
engine_mutant(drained_with_jobs_in_flight process/lifecycle.c
  [[engine->inflight.count > 0)]]
  [[0)]])
engine_mutant(nothing_ended_is_freed process/lifecycle.c
  [[deliveries_free_over(engine);]]
  [[]])
engine_mutant(disconnected_is_not_told engine.c
  [[deliveries_event(engine, &(struct job_event){.kind = EVENT_DISCONNECTED});]]
  [[]])
engine_mutant(store_back_is_not_told engine.c
  [[deliveries_event(engine, &(struct job_event){.kind = EVENT_STORE_BACK});]]
  [[]])
engine_mutant(bytes_stay_counted inflight.c
  [[inflight->body_bytes -= delivery->message->body.len;]]
  [[]])
engine_mutant(ended_job_stays_known inflight.c
  [[LIST_REMOVE(delivery, same_bucket);]]
  [[]])
engine_mutant(fenced_is_a_failed_try send/sends.c
  [[.fenced = result->status == -1]]
  [[.fenced = false]])
engine_mutant(throttled_is_a_failed_try send/sends.c
  [[.throttled = result->throttled]]
  [[.throttled = false]])
engine_mutant(outage_is_a_failed_try send/sends.c
  [[event->outage |= news.outage;]]
  [[]])
engine_mutant(what_was_sent_is_forgotten actions.c
  [[delivery->recorded_count = result->effect_count;]]
  [[delivery->recorded_count = 0;]])
engine_mutant(what_was_intended_is_forgotten actions.c
  [[delivery->intended_count = result->intent_count;]]
  [[delivery->intended_count = 0;]])
engine_mutant(intended_is_still_fresh send/tries.c
  [[delivery->fresh = delivery->fresh && !parks;]]
  [[]])
engine_mutant(refused_effect_is_sent actions.c
  [[effect.sent = (job->done >> index) & 1;]]
  [[effect.sent = true;]])
engine_mutant(handler_runs_and_nobody_knows plans.c
  [[fatal_signal_running(&delivery->words);]]
  [[]])
engine_mutant(handler_runs_for_ever plans.c
  [[fatal_signal_running(NULL);]]
  [[]])
engine_mutant(found_decision_is_not_told actions.c
  [[.decision = result->decision});]]
  [[});]])
engine_mutant(everything_is_confirmed ends.c
  [[.confirmed = outcome == PUBLISH_CONFIRMED]]
  [[.confirmed = true]])
engine_mutant(unencodable_is_not_told ends.c
  [[.unencodable = outcome == PUBLISH_UNENCODABLE]]
  [[.unencodable = false]])
engine_mutant(copy_of_the_same_generation ends.c
  [[facts.generation = job_decision_generation(job);]]
  [[]])
engine_mutant(death_is_not_indexed ends.c
  [[index_entry(delivery, now_ms);]]
  [[]])
engine_mutant(settled_without_the_record ends.c
  [[        if (job->recorded) settle_record(delivery);]]
  [[        if (0) settle_record(delivery);]])
engine_mutant(never_again ends.c
  [[delivery->publish_again_ms = clock_boot_ms()]]
  [[delivery->publish_tries = (uint32_t)clock_boot_ms()]])
engine_mutant(a_crash_leaves_no_doubt send/tries.c
  [[bool crashed = delivery->doubt_ms > 0 &&]]
  [[bool crashed = 0 &&]]
  --schedules 120000 --faults crash,outage --workers 1 --ids 2 --effects 1 --every --budget 12)
engine_mutant(an_ambiguous_end_leaves_no_doubt send/tries.c
  [[if (record->ambiguous) {]]
  [[if (0) {]]
  --faults outage,slow,ambiguous --every --budget 12)
engine_mutant(doubts_are_not_recorded send/tries.c
  [[if (!job->tries[i].news)]]
  [[if (1)]]
  --faults outage,ambiguous --workers 1 --ids 2 --effects 1 --every --budget 12)
engine_mutant(outlet_of_the_effect_is_ignored send/route.c
  [[if (effect_outlet(effect))
                return route_find(engine, effect_outlet(effect));]]
  [[]])
engine_mutant(outlet_of_the_type_is_ignored send/route.c
  [[handler ? handler->outlet : NULL,]]
  [[NULL,]])
engine_mutant(falls_back_to_any_outlet send/route.c
  [[route_find(delivery->engine, fallback->list[position - 1])]]
  [[delivery->engine->outlets + position]]
  --faults outage,slow --every --budget 12)
engine_mutant(place_is_given_to_another_outlet tally.c
  [[outlet_give(delivery->outlet, &delivery->place);]]
  [[outlet_give(&delivery->engine->outlets[0], &delivery->place);]])
engine_mutant(who_left_is_counted_still outlet.c
  [[outlet->waiting_count[queue] += more ? 1 : (uint32_t)-1;]]
  [[outlet->waiting_count[queue] += more ? 1 : 0;]])
engine_mutant(places_go_to_those_who_are_late process/lifecycle.c
  [[if (waits_too_long(delivery, now_ms))]]
  [[if (0)]]
  --faults throttle,slow,outage --every --budget 12)
engine_mutant(a_try_waits_the_tier_of_the_next ../core/job/retry.c
  [[size_t tier = attempt < last ? attempt : last;]]
  [[size_t tier = attempt < last ? attempt + 1 : last;]])
engine_mutant(a_coin_is_tossed_for_the_tier ../core/job/retry.c
  [[return tier < last && queue->jitter ? tier + (random & 1) : tier;]]
  [[return tier < last ? tier + (random & 1) : tier;]])
engine_mutant(sent_after_the_fence send/sends.c
  [[.valid_until_ms = job->lease_until_ms - job->send_limit_ms]]
  [[.valid_until_ms = INT64_MAX]]
  --faults freeze --workers 2 --ids 1 --effects 1 --every --budget 12)
engine_mutant(recorded_outlet_is_forgotten send/tries.c
  [[try.outlet = route_position(delivery, effect);]]
  [[;]]
  --faults outage,ambiguous,crash --workers 1 --ids 2 --effects 1 --every --budget 12)
engine_mutant(move_is_not_recorded send/tries.c
  [[.move = job->moving ? &move : NULL}]]
  [[.move = NULL}]]
  --faults outage,crash --workers 1 --ids 2 --effects 1 --every --budget 12)
engine_mutant(share_keeps_what_is_void ../core/job/share.c
  [[        drop_void(share, now_ms);
        size_t held]]
  [[        size_t held]])
set(lookups --faults lookup,crash,ambiguous --workers 1 --ids 2 --effects 1 --every --budget 12)
engine_mutant(nobody_is_asked_for_what_may_have_been_sent send/looks.c
  [[event->can_look = true;]]
  [[event->can_look = false;]] ${lookups})
engine_mutant(what_is_found_counts_as_not_found send/looks.c
  [[.look = result->answer,]]
  [[.look = LOOK_NOT_FOUND,]] ${lookups})
engine_mutant(a_key_that_is_none_is_trusted send/looks.c
  [[.key_ms = mail_look_key_ms(outlet),]]
  [[.key_ms = INT64_C(1) << 40,]] ${lookups})
engine_mutant(nobody_is_asked_after_the_last_attempt send/sends.c
  [[looks_promise(delivery, &event);]]
  [[(void)0;]] ${lookups})
engine_mutant(the_last_attempt_is_not_recorded send/tries.c
  [[if (try->spent.tries > 0) {]]
  [[if (0) {]] ${lookups})
engine_mutant(another_outlet_is_asked send/looks.c
  [[transport_look(delivery->outlet->transport,]]
  [[transport_look(delivery->engine->outlets[0].transport,]] ${lookups})
# Planners answer something else each time, late, or not at all.
set(planned --faults planner,planner-late,planner-dead,planner-down,plan-lost,crash,transient,ambiguous --every --budget 12)
engine_mutant(plan_is_not_recorded plans.c
  [[return planned(delivery, /* keep = */ true);]]
  [[return planned(delivery, /* keep = */ false);]] ${planned})
engine_mutant(recorded_plan_is_not_read plans.c
  [[if (delivery->plan_digest.len == 0) return plan_make(delivery, event);]]
  [[if (1) return plan_make(delivery, event);]] ${planned})
engine_mutant(another_plan_takes_its_place plans.c
  [[if (is_changed(delivery, before)) {]]
  [[if (0) {]] ${planned})
engine_mutant(another_plan_never_takes_its_place plans.c
  [[generation->redrives > 0;]]
  [[generation->redrives >= 0;]] ${planned})
engine_mutant(plan_goes_before_the_end plans.c
  [[keep_answered, delivery); CRASHPOINT("keep_sent");]]
  [[keep_answered, delivery); plans_completed(delivery);]] ${planned})
engine_mutant(plan_of_a_dead_job_goes plans.c
  [[dead ? SLICE_LITERAL("PERSIST") : SLICE_LITERAL("PEXPIRE")]]
  [[SLICE_LITERAL("DEL")]] ${planned})
engine_mutant(answer_is_taken_after_the_end tally.c
  [[if (delivery->ask && job->phase != JOB_PLANNING) tally_forget_planner(delivery);]]
  [[]] --faults planner,planner-late,crash,freeze,reload,reply-lost,store-cut --every --budget 12)
engine_mutant(late_planner_costs_no_try plans.c
  [[return innocent && !good;]]
  [[return !good;]] ${planned})
engine_mutant(dead_planner_costs_a_try plans.c
  [[.died = answer->end == PLANNER_DIED,]]
  [[]] ${planned})
engine_mutant(planner_that_is_down_costs_a_try plans.c
  [[return (struct job_event){.kind = EVENT_UNPLANNED, .outage = true, .retry_after_ms = -1};]]
  [[return (struct job_event){.kind = EVENT_UNPLANNED, .retry_after_ms = -1};]] ${planned})
engine_mutant(deaths_of_planners_are_not_recorded send/tries.c
  [[if (job->plan_deaths > 0 && job->effects_total == 0)]]
  [[if (0)]] --faults planner,planner-dead --every --budget 40 --ids 1)
engine_mutant(lease_runs_out_while_it_is_planned ../core/job/protocol_state.c
  [[job->phase > JOB_CLAIMING &&]]
  [[job->phase > JOB_PLANNING &&]] ${planned})
# Others are told of changes, once at least.
set(events --faults events,event-lost,crash,transient,reply-lost,duplicate --every --budget 12)
engine_mutant(told_though_not_confirmed telling.c
  [[bool taken = outcome == PUBLISH_CONFIRMED || outcome == PUBLISH_RETURNED;]]
  [[bool taken = true;]] ${events})
engine_mutant(forgotten_before_it_is_told telling.c
  [[if (telling->next == telling->count) {]]
  [[if (true) {]] ${events})
engine_mutant(event_is_never_told_again telling.c
  [[telling->again_ms = clock_boot_ms() + AGAIN_MS;]]
  [[telling->again_ms = INT64_MAX;]] ${events})
engine_mutant(events_are_held_for_no_time telling.c
  [[engine->config->events.hold_ms, now_ms)]]
  [[0, now_ms)]] ${events})
engine_mutant(everything_is_told telling.c
  [[? 0 : due_changes(engine->config);]]
  [[? 0 : 15;]] ${events})
engine_mutant(completion_is_not_told actions.c
  [[.tells = job->tells >> CHANGE_COMPLETED & 1};]]
  [[.tells = false};]] ${events})
engine_mutant(what_was_overtaken_is_not_told actions.c
  [[.tells = delivery->job.tells,]]
  [[.tells = 0,]] ${events})
engine_mutant(what_came_first_does_not_count delivery.c
  [[delivery->first = tick || (settings]]
  [[delivery->first = tick && (settings]] --faults first,conflict --every)
engine_mutant(a_tier_that_is_gone_is_taken ends.c
  [[decision->tier = (int)queue->tier_count - 1;]]
  [[decision->tier = (int)queue->tier_count;]]
  --faults crash,reload,transient,throttle --every --ids 1 --budget 12)
engine_mutant(nobody_tells_that_redis_is_back engine.c
  [[log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "redis_up", .msg = text});]]
  [[]])
engine_mutant(a_lost_broker_counts_as_there engine.c
  [[metrics_connection(engine->metrics, METRICS_AMQP_CONSUMER, true);]]
  [[]])
engine_mutant(a_service_that_is_away_refuses_to_be_asked send/looks.c
  [[result->answer == LOOK_UNKNOWN && result->refused;]]
  [[result->answer == LOOK_UNKNOWN || result->refused;]]
  --faults lookup,outage,ambiguous --every --budget 12)
# A schedule's ticks, each of which has one job.
set(ticks --faults schedule,crash,freeze,reply-lost,publish-lost,confirm-lost,nack,drain,store-cut --every --budget 12 --ids 1)
engine_mutant(unconfirmed_tick_is_done time/schedules.c
  [[if (outcome == PUBLISH_CONFIRMED) record_queued(schedule);]]
  [[if (true) record_queued(schedule);]] ${ticks})
engine_mutant(queued_tick_is_not_recorded time/schedules.c
  [[if (outcome == PUBLISH_CONFIRMED) record_queued(schedule);]]
  [[if (outcome == PUBLISH_CONFIRMED) on_queued(schedule, false, NULL, 0);]] ${ticks})
engine_mutant(ticks_go_by_the_worker_s_clock time/schedules.c
  [[schedule->all->ahead_ms = value_number(values[1]) - clock_boot_ms();]]
  [[]] ${ticks})
engine_mutant(timer_of_ticks_is_due_for_ever time/schedules.c
  [[wait_ms = TICKER_LOOK_MS; if (schedules_is_over(all)) return;]]
  [[wait_ms = TICKER_LOOK_MS;]] ${ticks})
engine_mutant(ticks_never_begin engine.c
  [[schedules_begin(engine);]]
  [[]] ${ticks})
engine_mutant(every_job_of_a_tick_is_over time/schedules.c
  [[over |= slice_is(values[0], ends[i]);]]
  [[over = true;]] ${ticks})
# The replica that takes over lacks the last writes; the client waits for it, or finds out.
set(failover --faults failover,replica-late,crash,transient,duplicate,events --every --budget 12)
engine_mutant(replicas_that_have_not_acknowledged_count ../io/redis/redis_store.c
  [[if (told && wait->integer >= wanted) {]]
  [[if (told) {]] ${failover})
engine_mutant(a_wait_that_was_broken_off_counts ../io/redis/redis_store.c
  [[if (told && wait->integer >= wanted) {]]
  [[if (!told || wait->integer >= wanted) {]] ${failover})
engine_mutant(a_claim_is_believed_before_a_replica_has_it ../io/redis/redis_store.c
  [[bool asked = hold->count <= store->ring.count;]]
  [[bool asked = hold->count <= store->ring.count;
    if (request_ring_at(&store->ring, hold->count - 1)->kind == REQUEST_CLAIM) redis_hold_clear(hold);]] ${failover})
engine_mutant(a_completion_is_believed_before_a_replica_has_it ../io/redis/redis_store.c
  [[bool asked = hold->count <= store->ring.count;]]
  [[bool asked = hold->count <= store->ring.count;
    if (request_ring_at(&store->ring, hold->count - 1)->kind == REQUEST_LEASE) redis_hold_clear(hold);]] ${failover})
engine_mutant(answers_of_the_old_primary_are_believed ../io/redis/redis_store.c
  [[redis_hold_drop(&store->hold);]]
  [[]] ${failover})
engine_mutant(the_next_batch_waits_for_the_old_primary ../io/redis/redis_store.c
  [[redis_hold_drop(&store->hold);
        store->waiting = false;]]
  [[redis_hold_drop(&store->hold);]] ${failover})
engine_mutant(scripts_are_not_loaded_at_the_new_primary ../io/redis/redis_store.c
  [[store->connection = connection;]]
  [[struct redis_connection before = store->connection;
        store->connection = connection;
        if (store->ever_up) memcpy(store->connection.sha, before.sha, sizeof(before.sha));]] ${failover})
engine_mutant(a_demoted_primary_is_asked_for_ever ../io/redis/redis_replies.c
  [[case REQUEST_QUERY: {
                if (error && !is_wrong_type(reply))]]
  [[case REQUEST_QUERY: {
                if (error && first->kind == REQUEST_RATE)]]
  --faults failover,crash,disconnect,freeze,events,event-lost --every --budget 12)
engine_mutant(a_lease_is_believed_though_the_clock_was_set ../io/redis/redis_quick.c
  [[server_ms > 0 && server_clock_kept(]]
  [[server_ms > 0 && sizeof(]]
  --faults clock-jump --every --budget 12)
engine_mutant(a_known_job_is_taken_for_new ../io/redis/redis_quick.c
  [[.sent_ms = request.sent_ms, .known = true}]]
  [[.sent_ms = request.sent_ms, .claim = CLAIM_NEW, .starts = 1}]])
engine_mutant(what_is_claimed_without_a_script_is_lost_with_the_connection ../io/redis/redis_store.c
  [[lose_all(&store->written);]]
  [[store->written.count = 0;]])
