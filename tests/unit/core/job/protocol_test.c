#include "core/job/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/*
 * Dialogues with one job: an event is told, and what the job asks for in answer is read as words.
 */

enum { LEASE = 60000, LIMIT = 30000, TIMEOUT = 60000 };

static struct job job;
static char heard[200];

static const char *const action_words[] = {
        [ACTION_CLAIM] = "claim",
        [ACTION_PLAN] = "plan",
        [ACTION_WANT_PLACE] = "want-place",
        [ACTION_RENEW] = "renew",
        [ACTION_INTEND] = "intend",
        [ACTION_SEND] = "send",
        [ACTION_RECORD] = "record",
        [ACTION_COMPLETE] = "complete",
        [ACTION_DECIDE] = "decide",
        [ACTION_PUBLISH] = "publish",
        [ACTION_PUBLISH_DELAY] = "publish-delay",
        [ACTION_PUBLISH_LATER] = "publish-later",
        [ACTION_SETTLE] = "settle",
        [ACTION_HOLD_SUSPECT] = "hold-suspect",
        [ACTION_ACK] = "ack",
        [ACTION_REJECT] = "reject",
        [ACTION_RETURN] = "return",
        [ACTION_END] = "end",
        [ACTION_LOOK] = "look",
};

static void __attribute__((format(printf, 1, 2))) hear(const char *format, ...)
{
        size_t len = strlen(heard);
        va_list list;
        va_start(list, format);
        vsnprintf(heard + len, sizeof heard - len, format, list);
        va_end(list);
}

/* Tells the job an event; the actions as words with their effect or tag: "record 0", "ack 1/7 end". */
static const char *tell(struct job_event event)
{
        struct job_actions actions;
        heard[0] = 0;
        job_step(&job, &event, &actions);
        for (size_t i = 0; i < actions.count; i++) {
                const struct job_action *action = &actions.list[i];
                hear("%s%s", i ? " " : "", action_words[action->kind]);
                if (action->effect >= 0)
                        hear(" %d", action->effect);
                if (action->kind == ACTION_ACK || action->kind == ACTION_REJECT ||
                    action->kind == ACTION_RETURN)
                        hear(" %d/%d", (int)action->epoch, (int)action->tag);
        }
        return heard;
}

#define TELL(want, ...) assert_string_equal(tell((struct job_event){__VA_ARGS__}), want)

static void receive(struct job constants)
{
        constants.recorded = true;
        constants.copyable = true;
        constants.epoch = 1;
        constants.tag = 7;
        constants.attempts_max = 3;
        constants.lease_ms = LEASE;
        constants.send_limit_ms = LIMIT;
        constants.timeout_ms = TIMEOUT;
        job_init(&job, &constants);
}

/* To the point where a place is asked for the first of `effects`. */
static void begin(uint8_t effects, uint32_t park)
{
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("plan", .kind = EVENT_CLAIMED, .claim = CLAIM_NEW, .sent_ms = 1000, .now_ms = 1001);
        TELL("want-place", .kind = EVENT_PLANNED, .effects_total = effects, .park = park);
}

static void a_job_of_one_mail_takes_two_round_trips(void **state)
{
        (void)state;
        begin(1, 0);
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1002);
        TELL("complete 0", .kind = EVENT_SENT, .outcome = SEND_DONE);
        TELL("ack 1/7 end", .kind = EVENT_COMPLETED);
        assert_int_equal(job.phase, JOB_ENDED);
}

static void each_mail_but_the_last_is_recorded_by_itself(void **state)
{
        (void)state;
        begin(2, 0);
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1002);
        TELL("record 0", .kind = EVENT_SENT, .outcome = SEND_DONE);
        TELL("want-place", .kind = EVENT_RECORDED, .sent_ms = 1010);
        TELL("send 1", .kind = EVENT_PLACE, .now_ms = 1020);
        TELL("complete 1", .kind = EVENT_SENT, .outcome = SEND_DONE);
}

static void a_transient_failure_publishes_the_next_attempt_before_the_ack(void **state)
{
        (void)state;
        begin(1, 0);
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1002);
        TELL("decide", .kind = EVENT_SENT, .outcome = SEND_TRANSIENT, .retry_after_ms = -1);
        assert_int_equal(job.decision.kind, DECISION_RETRY);
        assert_int_equal(job_decision_generation(&job).attempt, 1);
        TELL("publish", .kind = EVENT_DECIDED, .sent_ms = 1010, .now_ms = 1011);
        TELL("publish-later", .kind = EVENT_PUBLISHED, .confirmed = false);
        TELL("publish", .kind = EVENT_PUBLISH_AGAIN, .now_ms = 2000);
        TELL("settle", .kind = EVENT_PUBLISHED, .confirmed = true);
        TELL("ack 1/7 end", .kind = EVENT_SETTLED);
}

static void the_last_attempt_that_fails_is_a_dead_letter(void **state)
{
        (void)state;
        begin(1, 0);
        job.generation.attempt = 2;
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1002);
        TELL("decide", .kind = EVENT_SENT, .outcome = SEND_AMBIGUOUS);
        assert_int_equal(job.decision.kind, DECISION_DEAD);
        assert_int_equal(job.decision.reason, REASON_ATTEMPTS_EXHAUSTED);
}

static void an_innocent_job_is_deferred_and_keeps_its_attempt(void **state)
{
        (void)state;
        const struct job_event innocent[] = {
                {.kind = EVENT_SENT, .outcome = SEND_CONFIG, .outage = true},
                {.kind = EVENT_SENT, .outcome = SEND_PERMANENT, .outage = true},
                {.kind = EVENT_SENT, .outcome = SEND_TRANSIENT, .throttled = true, .retry_after_ms = 9000},
                {.kind = EVENT_SENT, .outcome = SEND_TRANSIENT, .outage = true},
        };
        for (size_t i = 0; i < sizeof innocent / sizeof *innocent; i++) {
                begin(1, 0);
                TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1002);
                assert_string_equal(tell(innocent[i]), "decide");
                assert_int_equal(job.decision.kind, DECISION_DEFER);
                assert_int_equal(job_decision_generation(&job).attempt, 0);
                assert_int_equal(job_decision_generation(&job).deferrals, 1);
        }
        begin(1, 0);
        TELL("decide", .kind = EVENT_DEFER, .retry_after_ms = 30000);
        assert_int_equal(job.decision.kind, DECISION_DEFER);
        assert_int_equal(job.decision.delay_min_ms, 30000);
}

/* The service refuses it as if it were the account, and takes others. */
static void a_job_that_alone_is_refused_by_the_settings_burns_its_attempts_and_dies(void **state)
{
        (void)state;
        for (uint32_t attempt = 0; attempt < 3; attempt++) {
                begin(1, 0);
                job.generation.attempt = attempt;
                TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1002);
                TELL("decide", .kind = EVENT_SENT, .outcome = SEND_CONFIG);
                assert_int_equal(job.decision.kind, attempt < 2 ? DECISION_RETRY : DECISION_DEAD);
        }
        assert_int_equal(job.decision.reason, REASON_ATTEMPTS_EXHAUSTED);
}

static void a_permanent_failure_does_not_stop_the_other_mails(void **state)
{
        (void)state;
        begin(2, 0);
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1002);
        TELL("want-place", .kind = EVENT_SENT, .outcome = SEND_PERMANENT);
        TELL("send 1", .kind = EVENT_PLACE, .now_ms = 1003);
        TELL("record 1", .kind = EVENT_SENT, .outcome = SEND_DONE);
        TELL("decide", .kind = EVENT_RECORDED, .sent_ms = 1010);
        assert_int_equal(job.decision.reason, REASON_PERMANENT_FAILURE);
}

static void a_busy_job_is_kept_as_a_delayed_copy(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("publish-delay", .kind = EVENT_CLAIMED, .claim = CLAIM_BUSY, .lease_left_ms = 4321);
        assert_int_equal(job.delay_ms, 4321);
        TELL("ack 1/7 end", .kind = EVENT_PUBLISHED, .confirmed = true);
}

static void a_busy_job_of_which_no_copy_can_be_made_is_kept_and_claimed_again(void **state)
{
        (void)state;
        receive((struct job){0});
        job.copyable = false;
        TELL("claim", .kind = EVENT_START);
        TELL("publish-later", .kind = EVENT_CLAIMED, .claim = CLAIM_BUSY, .lease_left_ms = 4321);
        TELL("claim", .kind = EVENT_PUBLISH_AGAIN, .now_ms = 2000);
        TELL("ack 1/7 end", .kind = EVENT_CLAIMED, .claim = CLAIM_DONE);
}

static void a_copy_of_what_is_done_is_acked(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("ack 1/7 end", .kind = EVENT_CLAIMED, .claim = CLAIM_DONE);
}

static void a_lesser_copy_waits_for_the_greater(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("publish-delay", .kind = EVENT_CLAIMED, .claim = CLAIM_WAITING, .lease_left_ms = 35000);
        assert_int_equal(job.delay_ms, 35000);
        TELL("ack 1/7 end", .kind = EVENT_PUBLISHED, .confirmed = true);
}

static void a_dead_job_is_claimed_again_by_the_name_of_its_death(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("claim", .kind = EVENT_CLAIMED, .claim = CLAIM_DEAD, .lease_left_ms = 1234567);
        assert_int_equal(job.death_ms, 1234567);
        TELL("plan", .kind = EVENT_CLAIMED, .claim = CLAIM_RESUMED, .generation = {.redrives = 1});
        assert_int_equal(job_decision_generation(&job).redrives, 1);
        assert_int_equal(job.came.redrives, 0);
}

static void a_dead_job_is_left_to_who_has_its_message(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("", .kind = EVENT_DISCONNECTED);
        TELL("end", .kind = EVENT_CLAIMED, .claim = CLAIM_DEAD, .lease_left_ms = 1234567);
}

static void what_comes_too_early_is_scheduled_before_it_is_planned(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("decide", .kind = EVENT_CLAIMED, .claim = CLAIM_NEW, .sent_ms = 1000, .now_ms = 1001,
             .early_ms = 1);
        TELL("publish", .kind = EVENT_DECIDED, .sent_ms = 1002, .now_ms = 1003);
        TELL("settle", .kind = EVENT_PUBLISHED, .confirmed = true);
        TELL("ack 1/7 end", .kind = EVENT_SETTLED);
}

static void a_cancelled_job_is_acked(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("ack 1/7 end", .kind = EVENT_CLAIMED, .claim = CLAIM_CANCELLED);
}

static void an_original_that_was_to_be_moved_is_rejected_when_it_comes_again(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("reject 1/7 end", .kind = EVENT_CLAIMED, .claim = CLAIM_STALE,
             .decision = {.kind = DECISION_DEAD});
}

static void a_found_decision_is_published_without_the_handler_but_only_under_the_lease(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("publish", .kind = EVENT_CLAIMED, .claim = CLAIM_RESUMED, .sent_ms = 1000, .now_ms = 1001,
             .decision = {.kind = DECISION_RETRY});
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("renew publish-later", .kind = EVENT_CLAIMED, .claim = CLAIM_RESUMED, .sent_ms = 1000,
             .now_ms = 1001 + LEASE, .decision = {.kind = DECISION_RETRY});
        TELL("publish-delay", .kind = EVENT_RENEWED, .lease = LEASE_LOST);
}

static void a_lease_too_short_for_the_send_is_renewed_first(void **state)
{
        (void)state;
        begin(1, 0);
        TELL("renew", .kind = EVENT_PLACE, .now_ms = 1000 + LEASE - LIMIT);
        TELL("send 0", .kind = EVENT_RENEWED, .sent_ms = 40000, .now_ms = 40010);
}

/* Redis answers so late, or the lease is so short, that a renewed one never outlives a send. */
static void renewals_that_come_too_late_put_the_job_off(void **state)
{
        (void)state;
        begin(1, 0);
        TELL("renew", .kind = EVENT_PLACE, .now_ms = 1000 + LEASE - LIMIT);
        for (int64_t sent_ms = 40000; sent_ms < 42000; sent_ms += 1000)
                TELL("renew", .kind = EVENT_RENEWED, .sent_ms = sent_ms, .now_ms = sent_ms + LEASE - LIMIT);
        TELL("decide", .kind = EVENT_RENEWED, .sent_ms = 42000, .now_ms = 42000 + LEASE - LIMIT);
        assert_int_equal(job.decision.kind, DECISION_DEFER);
        begin(1, 0);
        TELL("renew", .kind = EVENT_PLACE, .now_ms = 1000 + LEASE - LIMIT);
        TELL("renew", .kind = EVENT_RENEWED, .sent_ms = 40000, .now_ms = 40000 + LEASE - LIMIT);
        TELL("send 0", .kind = EVENT_RENEWED, .sent_ms = 41000, .now_ms = 41010);
}

static void half_of_what_a_short_lease_is_longer_by_is_for_the_renewal(void **state)
{
        (void)state;
        begin(1, 0);
        job.lease_ms = LIMIT + 200;
        TELL("renew", .kind = EVENT_PLACE, .now_ms = 1000 + LEASE - LIMIT);
        TELL("renew", .kind = EVENT_RENEWED, .sent_ms = 60000, .now_ms = 60101);
        TELL("send 0", .kind = EVENT_RENEWED, .sent_ms = 61000, .now_ms = 61100);
}

static void a_lost_lease_sends_nothing(void **state)
{
        (void)state;
        begin(1, 0);
        TELL("renew", .kind = EVENT_PLACE, .now_ms = 1000 + LEASE - LIMIT);
        TELL("publish-delay", .kind = EVENT_RENEWED, .lease = LEASE_LOST, .now_ms = 40010);
        TELL("", .kind = EVENT_PLACE, .now_ms = 40011);
}

static void a_suspect_is_held_and_claimed_again_alone(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("hold-suspect", .kind = EVENT_CLAIMED, .claim = CLAIM_SUSPECT);
        assert_false(job_started(&job));
        TELL("claim", .kind = EVENT_START, .alone = true);
        assert_true(job.alone);
}

static void a_crash_loop_dies_without_the_handler(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("decide", .kind = EVENT_CLAIMED, .claim = CLAIM_CRASHED, .sent_ms = 1000);
        assert_int_equal(job.decision.reason, REASON_CRASH_LOOP);
}

static void park_records_an_intent_before_it_sends(void **state)
{
        (void)state;
        begin(1, 1);
        TELL("intend 0", .kind = EVENT_PLACE, .now_ms = 1002);
        TELL("send 0", .kind = EVENT_INTENDED, .sent_ms = 1003, .now_ms = 1004);
        TELL("decide", .kind = EVENT_SENT, .outcome = SEND_AMBIGUOUS);
        assert_int_equal(job.decision.reason, REASON_AMBIGUOUS_SEND);
}

static void an_intent_without_an_end_parks_the_job_before_anything_is_sent(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("plan", .kind = EVENT_CLAIMED, .claim = CLAIM_RESUMED, .sent_ms = 1000);
        TELL("decide", .kind = EVENT_PLANNED, .effects_total = 2, .park = 3, .intents = 2);
        assert_int_equal(job.decision.reason, REASON_AMBIGUOUS_SEND);
}

static void a_redelivery_is_attached_and_its_tag_is_acked(void **state)
{
        (void)state;
        begin(1, 0);
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1002);
        TELL("", .kind = EVENT_DISCONNECTED);
        TELL("", .kind = EVENT_ATTACHED, .epoch = 2, .tag = 1);
        TELL("complete 0", .kind = EVENT_SENT, .outcome = SEND_DONE);
        TELL("ack 2/1 end", .kind = EVENT_COMPLETED);
}

static void nothing_of_a_lost_connection_is_acked(void **state)
{
        (void)state;
        begin(1, 0);
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1002);
        TELL("", .kind = EVENT_DISCONNECTED);
        TELL("complete 0", .kind = EVENT_SENT, .outcome = SEND_DONE);
        TELL("end", .kind = EVENT_COMPLETED);
        receive((struct job){0});
        TELL("end", .kind = EVENT_DISCONNECTED);
}

static void a_request_without_a_reply_is_repeated_when_the_store_is_back(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("", .kind = EVENT_STORE_LOST);
        TELL("claim", .kind = EVENT_STORE_BACK);
        TELL("plan", .kind = EVENT_CLAIMED, .claim = CLAIM_MINE, .sent_ms = 3000);
        TELL("want-place", .kind = EVENT_PLANNED, .effects_total = 1);
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 3001);
        TELL("complete 0", .kind = EVENT_SENT, .outcome = SEND_DONE);
        TELL("", .kind = EVENT_STORE_LOST);
        TELL("complete 0", .kind = EVENT_STORE_BACK);
        TELL("ack 1/7 end", .kind = EVENT_COMPLETED);
}

static void only_what_has_not_started_is_returned(void **state)
{
        (void)state;
        receive((struct job){0});
        TELL("return 1/7 end", .kind = EVENT_RETURN);
        begin(1, 0);
        TELL("", .kind = EVENT_RETURN);
}

static void without_an_id_it_dies_without_a_record(void **state)
{
        (void)state;
        receive((struct job){.refused = REASON_MISSING_ID});
        job.recorded = false;
        TELL("publish", .kind = EVENT_START);
        TELL("settle", .kind = EVENT_PUBLISHED, .confirmed = true);
        TELL("ack 1/7 end", .kind = EVENT_SETTLED);
}

/* ---- outlets ---- */

/* The first of two effects, of which this is known, with a place at the outlet. */
static const char *place(struct job_try known, uint8_t outlet)
{
        const struct job_try tries[2] = {known};
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("plan", .kind = EVENT_CLAIMED, .claim = CLAIM_NEW, .sent_ms = 1000, .now_ms = 1001);
        TELL("want-place", .kind = EVENT_PLANNED, .effects_total = 2, .tries = tries);
        return tell((struct job_event){.kind = EVENT_PLACE, .now_ms = 1002, .outlet = outlet});
}

static void another_outlet_is_recorded_before_it_is_used(void **state)
{
        (void)state;
        assert_string_equal(place((struct job_try){0}, 1), "intend 0");
        assert_true(job.moving);
        assert_int_equal(job.tries[0].outlet, 1);
        TELL("send 0", .kind = EVENT_INTENDED, .sent_ms = 1003, .now_ms = 1004);
        assert_string_equal(place((struct job_try){.outlet = 1}, 1), "send 0");
}

static void a_refused_key_is_the_next_outlets_chance_at_once(void **state)
{
        (void)state;
        assert_string_equal(place((struct job_try){0}, 0), "send 0");
        TELL("want-place", .kind = EVENT_SENT, .outcome = SEND_CONFIG, .others = true, .fallback_after = 2);
        assert_false(job_may_use_outlet(&job, 0));
        assert_true(job_may_use_outlet(&job, 1));
        TELL("intend 0", .kind = EVENT_PLACE, .now_ms = 1010, .outlet = 1);
        TELL("send 0", .kind = EVENT_INTENDED, .sent_ms = 1011, .now_ms = 1012);
        TELL("record 0", .kind = EVENT_SENT, .outcome = SEND_DONE);
        TELL("want-place", .kind = EVENT_RECORDED, .sent_ms = 1013);
        assert_true(job_may_use_outlet(&job, 0)); /* another effect */
}

static void what_was_intended_at_the_outlet_left_is_void_first(void **state)
{
        (void)state;
        begin(1, 1);
        TELL("intend 0", .kind = EVENT_PLACE, .now_ms = 1002);
        TELL("send 0", .kind = EVENT_INTENDED, .sent_ms = 1003, .now_ms = 1004);
        TELL("record 0", .kind = EVENT_SENT, .outcome = SEND_CONFIG, .others = true);
        assert_int_equal(job.done, 0);
        TELL("want-place", .kind = EVENT_RECORDED, .sent_ms = 1005);
        assert_false(job_may_use_outlet(&job, 0));
        TELL("intend 0", .kind = EVENT_PLACE, .now_ms = 1006, .outlet = 1);
}

static void refusals_for_now_count_at_one_outlet_in_a_row(void **state)
{
        (void)state;
        assert_string_equal(place((struct job_try){0}, 0), "send 0");
        TELL("decide", .kind = EVENT_SENT, .outcome = SEND_TRANSIENT, .others = true, .fallback_after = 2);
        assert_int_equal(job.tries[0].refusals, 1);
        assert_true(job.tries[0].news);
        assert_string_equal(place((struct job_try){.refusals = 1}, 0), "send 0");
        TELL("want-place", .kind = EVENT_SENT, .outcome = SEND_TRANSIENT, .others = true,
             .fallback_after = 2);
        TELL("intend 0", .kind = EVENT_PLACE, .now_ms = 1010, .outlet = 1);
        assert_int_equal(job.tries[0].refusals, 0);
}

static void what_may_have_been_accepted_stays_where_it_is(void **state)
{
        (void)state;
        assert_string_equal(place((struct job_try){0}, 0), "send 0");
        TELL("decide", .kind = EVENT_SENT, .outcome = SEND_AMBIGUOUS, .now_ms = 2000, .others = true,
             .outage = true);
        assert_int_equal(job.tries[0].doubt, DOUBT_AMBIGUOUS);
        assert_int_equal(job.tries[0].since_ms, 2000);
        const struct job_try known = job.tries[0];
        assert_string_equal(place(known, 1), "decide"); /* put off: no other outlet gets it */
        assert_int_equal(job.decision.kind, DECISION_DEFER);
        assert_string_equal(place(known, 0), "send 0");
        TELL("decide", .kind = EVENT_SENT, .outcome = SEND_TRANSIENT, .others = true, .fallback_after = 1);
        assert_int_equal(job.tries[0].doubt, DOUBT_AMBIGUOUS);
}

static void a_definite_answer_ends_the_doubt_of_a_crash(void **state)
{
        (void)state;
        assert_string_equal(place((struct job_try){.doubt = DOUBT_CRASH}, 1), "decide");
        assert_string_equal(place((struct job_try){.doubt = DOUBT_CRASH}, 0), "send 0");
        TELL("want-place", .kind = EVENT_SENT, .outcome = SEND_CONFIG, .others = true);
        assert_true(job.tries[0].news);
}

/* ---- look-ups ---- */

static const struct job_look_limits limits = {.lag_ms = 60, .keeps_ms = 5000, .give_up_ms = 3000};

#define LOOK(want, at_ms, ...)                                                                               \
        TELL(want, .kind = EVENT_LOOKED, .look_limits = limits, .now_ms = (at_ms), __VA_ARGS__)

/* An effect in doubt since 1000, with a place at a service that can be asked. */
static const char *place_to_look(int64_t now_ms)
{
        const struct job_try tries[1] = {{.doubt = DOUBT_AMBIGUOUS, .since_ms = 1000, .from_ms = 900}};
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("plan", .kind = EVENT_CLAIMED, .claim = CLAIM_NEW, .sent_ms = now_ms, .now_ms = now_ms);
        TELL("want-place", .kind = EVENT_PLANNED, .effects_total = 1, .tries = tries);
        return tell((struct job_event){
                .kind = EVENT_PLACE, .now_ms = now_ms, .can_look = true, .look_limits = limits});
}

static void nobody_is_asked_before_he_can_know(void **state)
{
        (void)state;
        assert_string_equal(place_to_look(1059), "decide");
        assert_int_equal(job.decision.kind, DECISION_DEFER);
        assert_int_equal(job.decision.delay_min_ms, 1);
        assert_string_equal(place_to_look(1060), "look 0");
        assert_int_equal(job.phase, JOB_LOOKING);
        assert_true(job_has_place(&job));
}

static void what_is_found_is_sent(void **state)
{
        (void)state;
        assert_string_equal(place_to_look(2000), "look 0");
        LOOK("complete 0", 2001, .look = LOOK_FOUND);
        TELL("ack 1/7 end", .kind = EVENT_COMPLETED);
}

static void what_is_not_found_is_sent_again_while_it_would_be(void **state)
{
        (void)state;
        assert_string_equal(place_to_look(2000), "look 0");
        LOOK("send 0", 2001, .look = LOOK_NOT_FOUND);
        assert_int_equal(job.tries[0].doubt, DOUBT_NONE);
        assert_string_equal(place_to_look(5900), "look 0");
        LOOK("decide", 5901, .look = LOOK_NOT_FOUND); /* it may have been forgotten */
        assert_int_equal(job.decision.reason, REASON_AMBIGUOUS_SEND);
}

static void what_is_not_found_leaves_when_the_store_is_back(void **state)
{
        (void)state;
        assert_string_equal(place_to_look(2000), "look 0");
        LOOK("renew", 2001, .look = LOOK_NOT_FOUND, .store_down = true);
        assert_true(job_has_place(&job));
        TELL("send 0", .kind = EVENT_RENEWED, .sent_ms = 2100, .now_ms = 2101);
}

static void a_service_that_does_not_answer_is_asked_again_and_not_for_ever(void **state)
{
        (void)state;
        assert_string_equal(place_to_look(2000), "look 0");
        LOOK("decide", 3999, .look = LOOK_UNKNOWN);
        assert_int_equal(job.decision.kind, DECISION_DEFER);
        assert_string_equal(place_to_look(2000), "look 0");
        LOOK("decide", 4000, .look = LOOK_UNKNOWN);
        assert_int_equal(job.decision.reason, REASON_AMBIGUOUS_SEND);
}

static void who_redrives_takes_the_doubt_upon_himself(void **state)
{
        (void)state;
        assert_string_equal(place_to_look(2000), "look 0");
        job.generation.redrives = 1;
        LOOK("send 0", 5901, .look = LOOK_NOT_FOUND);
        const struct job_try tries[1] = {{.doubt = DOUBT_AMBIGUOUS}};
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("plan", .kind = EVENT_CLAIMED, .claim = CLAIM_RESUMED, .generation = {.redrives = 1});
        TELL("want-place", .kind = EVENT_PLANNED, .effects_total = 1, .tries = tries);
        assert_int_equal(job.tries[0].redrives, 1); /* sent again from outside: nobody's decision */
}

/* In its last attempt, of two effects, with what is known of the second. Claimed at `now_ms`. */
static void begin_last_attempt(int64_t now_ms, struct job_generation generation, struct job_try second)
{
        const struct job_try tries[2] = {{0}, second};
        receive((struct job){0});
        TELL("claim", .kind = EVENT_START);
        TELL("plan", .kind = EVENT_CLAIMED, .claim = CLAIM_RESUMED, .generation = generation,
             .sent_ms = now_ms, .now_ms = now_ms);
        TELL("want-place", .kind = EVENT_PLANNED, .effects_total = 2, .tries = tries);
}

/* The second effect ended the last attempt ambiguously at 2000, at a service that can be asked. */
static struct job_try spent_try(void)
{
        begin_last_attempt(1000, (struct job_generation){.attempt = 2}, (struct job_try){0});
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1000);
        TELL("record 0", .kind = EVENT_SENT, .outcome = SEND_DONE);
        TELL("want-place", .kind = EVENT_RECORDED, .sent_ms = 1000);
        TELL("send 1", .kind = EVENT_PLACE, .now_ms = 1000);
        TELL("decide", .kind = EVENT_SENT, .outcome = SEND_AMBIGUOUS, .now_ms = 2000, .can_look = true,
             .look_limits = limits, .retry_after_ms = -1);
        assert_int_equal(job.decision.kind, DECISION_DEFER);
        assert_int_equal(job.decision.delay_min_ms, limits.lag_ms);
        assert_int_equal(job_decision_generation(&job).attempt, 2);
        assert_true(job.tries[1].news);
        return job.tries[1];
}

#define PLACE_TO_LOOK(want, at_ms)                                                                           \
        TELL(want, .kind = EVENT_PLACE, .now_ms = (at_ms), .can_look = true, .look_limits = limits)

static void the_last_attempt_is_asked_for_before_the_job_dies_of_it(void **state)
{
        (void)state;
        struct job_generation last = {.attempt = 2, .deferrals = 1};
        const struct job_try spent = spent_try();
        begin_last_attempt(3000, last, spent);
        PLACE_TO_LOOK("look 1", 3000); /* before the first effect, which would be a send in it */
        LOOK("record 1", 3001, .look = LOOK_FOUND);
        begin_last_attempt(3000, last, spent);
        PLACE_TO_LOOK("look 1", 3000);
        LOOK("decide", 3001, .look = LOOK_UNKNOWN);
        assert_int_equal(job.decision.kind, DECISION_DEFER);
        begin_last_attempt(3000, last, spent);
        PLACE_TO_LOOK("look 1", 3000);
        LOOK("decide", 3001, .look = LOOK_NOT_FOUND);
        assert_int_equal(job.decision.kind, DECISION_DEAD);
        assert_int_equal(job.decision.reason, REASON_ATTEMPTS_EXHAUSTED);
        assert_int_equal(job.tries[1].doubt, DOUBT_NONE);
        begin_last_attempt(6000, last, spent);
        PLACE_TO_LOOK("look 1", 6000);
        LOOK("decide", 6001, .look = LOOK_NOT_FOUND); /* it may have been forgotten */
        assert_int_equal(job.decision.reason, REASON_AMBIGUOUS_SEND);
}

static void what_ended_an_earlier_attempt_may_be_sent_in_this_one(void **state)
{
        (void)state;
        const struct job_try spent = spent_try();
        const struct job_generation others[] = {
                {.attempt = 1}, {.attempt = 3}, {.redrives = 1, .attempt = 2}};
        for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
                begin_last_attempt(3000, others[i], spent);
                PLACE_TO_LOOK("send 0", 3000);
                TELL("record 0", .kind = EVENT_SENT, .outcome = SEND_DONE);
                TELL("want-place", .kind = EVENT_RECORDED, .sent_ms = 3000);
                PLACE_TO_LOOK("look 1", 3000);
                LOOK("send 1", 3001, .look = LOOK_NOT_FOUND);
        }
}

static void the_last_attempt_is_sent_no_more_by_a_key_or_without_a_service_to_ask(void **state)
{
        (void)state;
        struct job_generation last = {.attempt = 2, .deferrals = 1};
        const struct job_try spent = spent_try();
        struct job_look_limits keyed = limits;
        keyed.key_ms = INT64_C(1) << 40;
        begin_last_attempt(3000, last, spent);
        TELL("look 1", .kind = EVENT_PLACE, .now_ms = 3000, .can_look = true, .look_limits = keyed);
        begin_last_attempt(3000, last, spent);
        TELL("decide", .kind = EVENT_PLACE, .now_ms = 3000);
        assert_int_equal(job.decision.reason, REASON_ATTEMPTS_EXHAUSTED);
}

static void an_ambiguous_end_is_the_last_word_where_nobody_can_be_asked(void **state)
{
        (void)state;
        begin_last_attempt(1000, (struct job_generation){.attempt = 2}, (struct job_try){0});
        TELL("send 0", .kind = EVENT_PLACE, .now_ms = 1000);
        TELL("decide", .kind = EVENT_SENT, .outcome = SEND_AMBIGUOUS, .now_ms = 2000);
        assert_int_equal(job.decision.reason, REASON_ATTEMPTS_EXHAUSTED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(another_outlet_is_recorded_before_it_is_used),
                cmocka_unit_test(a_refused_key_is_the_next_outlets_chance_at_once),
                cmocka_unit_test(what_was_intended_at_the_outlet_left_is_void_first),
                cmocka_unit_test(refusals_for_now_count_at_one_outlet_in_a_row),
                cmocka_unit_test(what_may_have_been_accepted_stays_where_it_is),
                cmocka_unit_test(a_definite_answer_ends_the_doubt_of_a_crash),
                cmocka_unit_test(nobody_is_asked_before_he_can_know),
                cmocka_unit_test(what_is_found_is_sent),
                cmocka_unit_test(what_is_not_found_is_sent_again_while_it_would_be),
                cmocka_unit_test(what_is_not_found_leaves_when_the_store_is_back),
                cmocka_unit_test(a_service_that_does_not_answer_is_asked_again_and_not_for_ever),
                cmocka_unit_test(who_redrives_takes_the_doubt_upon_himself),
                cmocka_unit_test(the_last_attempt_is_asked_for_before_the_job_dies_of_it),
                cmocka_unit_test(what_ended_an_earlier_attempt_may_be_sent_in_this_one),
                cmocka_unit_test(the_last_attempt_is_sent_no_more_by_a_key_or_without_a_service_to_ask),
                cmocka_unit_test(an_ambiguous_end_is_the_last_word_where_nobody_can_be_asked),
                cmocka_unit_test(a_job_of_one_mail_takes_two_round_trips),
                cmocka_unit_test(each_mail_but_the_last_is_recorded_by_itself),
                cmocka_unit_test(a_transient_failure_publishes_the_next_attempt_before_the_ack),
                cmocka_unit_test(the_last_attempt_that_fails_is_a_dead_letter),
                cmocka_unit_test(an_innocent_job_is_deferred_and_keeps_its_attempt),
                cmocka_unit_test(a_job_that_alone_is_refused_by_the_settings_burns_its_attempts_and_dies),
                cmocka_unit_test(a_permanent_failure_does_not_stop_the_other_mails),
                cmocka_unit_test(a_busy_job_is_kept_as_a_delayed_copy),
                cmocka_unit_test(a_busy_job_of_which_no_copy_can_be_made_is_kept_and_claimed_again),
                cmocka_unit_test(a_copy_of_what_is_done_is_acked),
                cmocka_unit_test(a_lesser_copy_waits_for_the_greater),
                cmocka_unit_test(a_dead_job_is_claimed_again_by_the_name_of_its_death),
                cmocka_unit_test(a_dead_job_is_left_to_who_has_its_message),
                cmocka_unit_test(what_comes_too_early_is_scheduled_before_it_is_planned),
                cmocka_unit_test(a_cancelled_job_is_acked),
                cmocka_unit_test(an_original_that_was_to_be_moved_is_rejected_when_it_comes_again),
                cmocka_unit_test(a_found_decision_is_published_without_the_handler_but_only_under_the_lease),
                cmocka_unit_test(a_lease_too_short_for_the_send_is_renewed_first),
                cmocka_unit_test(renewals_that_come_too_late_put_the_job_off),
                cmocka_unit_test(half_of_what_a_short_lease_is_longer_by_is_for_the_renewal),
                cmocka_unit_test(a_lost_lease_sends_nothing),
                cmocka_unit_test(a_suspect_is_held_and_claimed_again_alone),
                cmocka_unit_test(a_crash_loop_dies_without_the_handler),
                cmocka_unit_test(park_records_an_intent_before_it_sends),
                cmocka_unit_test(an_intent_without_an_end_parks_the_job_before_anything_is_sent),
                cmocka_unit_test(a_redelivery_is_attached_and_its_tag_is_acked),
                cmocka_unit_test(nothing_of_a_lost_connection_is_acked),
                cmocka_unit_test(a_request_without_a_reply_is_repeated_when_the_store_is_back),
                cmocka_unit_test(only_what_has_not_started_is_returned),
                cmocka_unit_test(without_an_id_it_dies_without_a_record),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
