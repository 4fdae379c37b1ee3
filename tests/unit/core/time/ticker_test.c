#include "core/time/ticker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Step by step what one worker does; what several do beside each other is judged by tests/sim/ticks.c. */

enum { MINUTE_MS = 60000 };

struct stage {
        struct zone zone;
        struct ticker ticker;
        struct ticker_action action;
};

/* One tick a minute; all are done up to minute 100, and that of minute 100 was published. */
static void begin(struct stage *stage, enum ticker_missed missed, bool skip_overlap)
{
        char error[CRON_ERROR_SIZE];
        *stage = (struct stage){.zone = zone_utc()};
        stage->ticker = (struct ticker){.zone = &stage->zone, .missed = missed, .skip_overlap = skip_overlap};
        assert_true(cron_parse(&stage->ticker.cron, SLICE_LITERAL("* * * * *"), error));
        stage->action = ticker_step(&stage->ticker, &(struct ticker_event){.kind = TICKER_BEGIN});
        assert_int_equal(stage->action.kind, TICKER_LOOK);
}

static enum ticker_action_kind step(struct stage *stage, struct ticker_event event)
{
        stage->action = ticker_step(&stage->ticker, &event);
        return stage->action.kind;
}

static enum ticker_action_kind answered(struct stage *stage, enum ticker_answer answer, int64_t now_ms)
{
        return step(stage, (struct ticker_event){.kind = TICKER_ANSWERED,
                                                 .answer = answer,
                                                 .now_ms = now_ms,
                                                 .last_ms = 100 * MINUTE_MS,
                                                 .ran_ms = 100 * MINUTE_MS});
}

static void a_tick_is_claimed_published_and_ended(void **state)
{
        struct stage stage;
        (void)state;
        begin(&stage, TICKER_MISSED_LAST, /* skip_overlap = */ false);
        assert_int_equal(answered(&stage, TICKER_OK, 101 * MINUTE_MS), TICKER_CLAIM);
        assert_int_equal(stage.ticker.tick_ms, 101 * MINUTE_MS);
        assert_true(stage.action.sure);
        assert_int_equal(answered(&stage, TICKER_OK, 101 * MINUTE_MS), TICKER_PUBLISH);
        assert_int_equal(step(&stage, (struct ticker_event){.kind = TICKER_PUBLISHED, .confirmed = true}),
                         TICKER_END);
}

static void it_waits_for_the_tick_and_claims_it_at_its_time(void **state)
{
        struct stage stage;
        (void)state;
        begin(&stage, TICKER_MISSED_LAST, false);
        assert_int_equal(answered(&stage, TICKER_OK, 101 * MINUTE_MS - 1), TICKER_WAIT);
        assert_int_equal(stage.ticker.wake_ms, 101 * MINUTE_MS);
        struct ticker_event time = {.kind = TICKER_TIME, .now_ms = 101 * MINUTE_MS - 1};
        assert_int_equal(step(&stage, time), TICKER_NOTHING);
        time.now_ms++;
        assert_int_equal(step(&stage, time), TICKER_CLAIM);
}

static void what_overlaps_is_skipped_as_such_and_alone(void **state)
{
        struct stage stage;
        (void)state;
        begin(&stage, TICKER_MISSED_LAST, /* skip_overlap = */ true);
        assert_int_equal(answered(&stage, TICKER_OK, 101 * MINUTE_MS), TICKER_CLAIM);
        assert_false(stage.action.sure);
        assert_int_equal(answered(&stage, TICKER_OK, 101 * MINUTE_MS), TICKER_JUDGE);
        assert_int_equal(step(&stage, (struct ticker_event){.kind = TICKER_JUDGED, .over = false}),
                         TICKER_SKIP);
        assert_true(stage.action.overlap);
        assert_int_equal(stage.action.count, 1);
        assert_int_equal(stage.ticker.tick_ms, 101 * MINUTE_MS);
}

static void what_does_not_overlap_is_marked_and_published(void **state)
{
        struct stage stage;
        (void)state;
        begin(&stage, TICKER_MISSED_LAST, true);
        answered(&stage, TICKER_OK, 101 * MINUTE_MS);
        answered(&stage, TICKER_OK, 101 * MINUTE_MS);
        assert_int_equal(step(&stage, (struct ticker_event){.kind = TICKER_JUDGED, .over = true}),
                         TICKER_MARK);
        assert_int_equal(answered(&stage, TICKER_OK, 101 * MINUTE_MS), TICKER_PUBLISH);
}

/* Late by one more than a minute: then it is given up, but for the last, of which there are three rules. */
static void which_of_the_missed_are_given_up(void **state)
{
        static const struct {
                enum ticker_missed missed;
                int64_t now_ms;
                enum ticker_action_kind kind;
                uint32_t count;
                int64_t tick_ms;
        } cases[] = {
                {TICKER_MISSED_ALL, 105 * MINUTE_MS, TICKER_CLAIM, 0, 101 * MINUTE_MS},
                {TICKER_MISSED_NONE, 105 * MINUTE_MS, TICKER_SKIP, 4, 104 * MINUTE_MS},
                {TICKER_MISSED_NONE, 102 * MINUTE_MS - 1, TICKER_CLAIM, 0, 101 * MINUTE_MS},
                {TICKER_MISSED_LAST, 105 * MINUTE_MS, TICKER_SKIP, 4, 104 * MINUTE_MS},
                {TICKER_MISSED_LAST, 102 * MINUTE_MS - 1, TICKER_CLAIM, 0, 101 * MINUTE_MS},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct stage stage;
                begin(&stage, cases[i].missed, false);
                assert_int_equal(answered(&stage, TICKER_OK, cases[i].now_ms), cases[i].kind);
                assert_int_equal(stage.action.count, cases[i].count);
                assert_int_equal(stage.ticker.tick_ms, cases[i].tick_ms);
                assert_false(stage.action.overlap);
        }
}

static void a_claim_that_is_another_s_is_waited_for(void **state)
{
        struct stage stage;
        (void)state;
        begin(&stage, TICKER_MISSED_LAST, false);
        answered(&stage, TICKER_OK, 101 * MINUTE_MS);
        struct ticker_event busy = {.kind = TICKER_ANSWERED,
                                    .answer = TICKER_BUSY,
                                    .now_ms = 101 * MINUTE_MS,
                                    .left_ms = 1234,
                                    .last_ms = 100 * MINUTE_MS};
        assert_int_equal(step(&stage, busy), TICKER_WAIT);
        assert_int_equal(stage.ticker.wake_ms, 101 * MINUTE_MS + 1234);
}

static void an_unconfirmed_tick_is_taken_up_when_its_claim_is_old(void **state)
{
        struct stage stage;
        (void)state;
        begin(&stage, TICKER_MISSED_LAST, false);
        answered(&stage, TICKER_OK, 101 * MINUTE_MS);
        answered(&stage, TICKER_OK, 101 * MINUTE_MS);
        struct ticker_event lost = {.kind = TICKER_PUBLISHED, .now_ms = 101 * MINUTE_MS, .confirmed = false};
        assert_int_equal(step(&stage, lost), TICKER_WAIT);
        assert_int_equal(stage.ticker.wake_ms, 101 * MINUTE_MS + TICKER_CLAIM_MS);
}

static void a_store_that_is_lost_is_waited_for_without_an_end(void **state)
{
        struct stage stage;
        (void)state;
        begin(&stage, TICKER_MISSED_LAST, false);
        assert_int_equal(step(&stage, (struct ticker_event){.kind = TICKER_LOST, .now_ms = 101 * MINUTE_MS}),
                         TICKER_WAIT);
        assert_int_equal(stage.ticker.wake_ms, INT64_MAX);
        assert_int_equal(answered(&stage, TICKER_OK, 101 * MINUTE_MS), TICKER_NOTHING);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_tick_is_claimed_published_and_ended),
                cmocka_unit_test(it_waits_for_the_tick_and_claims_it_at_its_time),
                cmocka_unit_test(what_overlaps_is_skipped_as_such_and_alone),
                cmocka_unit_test(what_does_not_overlap_is_marked_and_published),
                cmocka_unit_test(which_of_the_missed_are_given_up),
                cmocka_unit_test(a_claim_that_is_another_s_is_waited_for),
                cmocka_unit_test(an_unconfirmed_tick_is_taken_up_when_its_claim_is_old),
                cmocka_unit_test(a_store_that_is_lost_is_waited_for_without_an_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
