#include "core/job/breaker.h"
#include "core/job/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct send_result sent = {.outcome = SEND_DONE};
static const struct send_result down = {.outcome = SEND_TRANSIENT, .counts = true};
static const struct send_result refused = {.outcome = SEND_CONFIG, .counts = true, .opens = true};
static const struct send_result one_recipient = {.outcome = SEND_TRANSIENT};

static struct breaker make(void)
{
        struct breaker breaker;
        breaker_init(&breaker, 3, 1000, 3000);
        return breaker;
}

static bool ends(struct breaker *breaker, uint64_t job, const struct send_result *result, int64_t now_ms)
{
        return breaker_result(breaker, job, /* probe = */ false, result, now_ms);
}

static bool probe_ends(struct breaker *breaker, uint64_t job, const struct send_result *result,
                       int64_t now_ms)
{
        return breaker_result(breaker, job, /* probe = */ true, result, now_ms);
}

static void opens_after_the_failures_of_distinct_jobs(void **state)
{
        (void)state;
        struct breaker breaker = make();
        for (int i = 0; i < 10; i++)
                assert_false(ends(&breaker, 7, &down, 0));
        assert_int_equal(breaker.state, BREAKER_CLOSED);
        ends(&breaker, 8, &down, 0);
        ends(&breaker, 9, &down, 0);
        assert_int_equal(breaker.state, BREAKER_OPEN);
        assert_false(breaker_admit(&breaker));
}

static void other_limits_hold_for_what_was_counted_before(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &down, 0);
        breaker_configure(&breaker, 2, 500, 3000);
        assert_int_equal(breaker.state, BREAKER_CLOSED);
        ends(&breaker, 2, &down, 0);
        assert_int_equal(breaker.state, BREAKER_OPEN);
        breaker_configure(&breaker, 2, 100, 3000);
        assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void other_waits_hold_from_the_next_opening_on(void **state)
{
        (void)state;
        struct breaker breaker = make();
        breaker_configure(&breaker, 1, 200, 3000);
        ends(&breaker, 1, &down, 0);
        assert_int_equal(breaker_due_ms(&breaker), 200);
        breaker_configure(&breaker, 1, 100, 150);
        assert_int_equal(breaker_due_ms(&breaker), 150);
}

static void a_success_between_forgets_the_failures(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &down, 0);
        ends(&breaker, 2, &down, 0);
        ends(&breaker, 3, &sent, 0);
        ends(&breaker, 4, &down, 0);
        assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void refusals_of_one_recipient_do_not_count(void **state)
{
        (void)state;
        struct breaker breaker = make();
        for (uint64_t job = 0; job < 10; job++)
                ends(&breaker, job, &one_recipient, 0);
        assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void bad_credentials_open_it_at_once_and_the_message_is_innocent(void **state)
{
        (void)state;
        struct breaker breaker = make();
        assert_true(ends(&breaker, 1, &refused, 0));
        assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void once_open_no_more_attempts_are_burnt(void **state)
{
        (void)state;
        struct breaker breaker = make();
        for (uint64_t job = 0; job < 3; job++)
                assert_false(ends(&breaker, job, &down, 0));
        for (uint64_t job = 3; job < 200; job++)
                assert_true(ends(&breaker, job, &down, 0));
}

static void probes_one_at_a_time_and_waits_longer_after_each_failure(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &refused, 0);
        assert_false(breaker_tick(&breaker, 999));
        assert_true(breaker_tick(&breaker, 1000));
        assert_true(breaker_admit(&breaker));
        assert_false(breaker_admit(&breaker));
        assert_true(probe_ends(&breaker, 2, &down, 1000));
        assert_int_equal(breaker_due_ms(&breaker), 3000);
        assert_true(breaker_tick(&breaker, 3000));
        assert_true(breaker_admit(&breaker));
        assert_true(probe_ends(&breaker, 3, &down, 3000));
        assert_int_equal(breaker_due_ms(&breaker), 6000);
}

static void a_probe_that_succeeds_closes_it(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &refused, 0);
        breaker_tick(&breaker, 1000);
        assert_true(breaker_admit(&breaker));
        assert_false(probe_ends(&breaker, 2, &sent, 1001));
        assert_int_equal(breaker.state, BREAKER_CLOSED);
        assert_true(breaker_admit(&breaker));
        assert_true(breaker_admit(&breaker));
}

static void an_outage_after_a_long_one_is_not_waited_out_as_long(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &refused, 0);
        assert_true(breaker_tick(&breaker, 1000) && breaker_admit(&breaker));
        probe_ends(&breaker, 1, &down, 1000);
        assert_int_equal(breaker_due_ms(&breaker), 3000);
        assert_true(breaker_tick(&breaker, 3000) && breaker_admit(&breaker));
        probe_ends(&breaker, 1, &sent, 3000);
        ends(&breaker, 1, &refused, 5000);
        assert_int_equal(breaker_due_ms(&breaker), 6000);
}

static void what_was_sent_before_the_opening_decides_nothing_when_it_ends_beside_a_probe(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &refused, 0);
        breaker_tick(&breaker, 1000);
        assert_true(breaker_admit(&breaker));
        assert_false(ends(&breaker, 2, &sent, 1001));
        assert_true(ends(&breaker, 3, &down, 1002));
        assert_true(ends(&breaker, 4, &refused, 1003));
        assert_int_equal(breaker.state, BREAKER_HALF_OPEN);
        assert_false(breaker_admit(&breaker));
        assert_false(probe_ends(&breaker, 5, &sent, 1004));
        assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void a_withdrawn_probe_frees_the_place_for_another(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &refused, 0);
        breaker_tick(&breaker, 1000);
        assert_true(breaker_admit(&breaker));
        breaker_withdraw(&breaker);
        assert_true(breaker_admit(&breaker));
}

static void the_limiter_lets_through_its_rate(void **state)
{
        (void)state;
        struct limiter limiter;
        limiter_init(&limiter, 10, 0);
        int taken = 0;
        for (int64_t now = 0; now < 2000; now++)
                taken += limiter_take(&limiter, now);
        assert_in_range(taken, 28, 30);
        assert_in_range(limiter_wait_ms(&limiter, 2000), 0, 101);
}

static void the_limiter_knows_rates_below_one_a_second(void **state)
{
        (void)state;
        struct limiter limiter;
        limiter_init(&limiter, 0.5, 0);
        assert_true(limiter_take(&limiter, 0));
        assert_false(limiter_take(&limiter, 1900));
        assert_in_range(limiter_wait_ms(&limiter, 1900), 100, 102);
        assert_true(limiter_take(&limiter, 2000));
        assert_false(limiter_take(&limiter, 3900));
}

static void without_a_rate_nothing_waits(void **state)
{
        (void)state;
        struct limiter limiter;
        limiter_init(&limiter, 0, 0);
        for (int i = 0; i < 1000; i++)
                assert_true(limiter_take(&limiter, 0));
        assert_int_equal(limiter_wait_ms(&limiter, 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(opens_after_the_failures_of_distinct_jobs),
                cmocka_unit_test(other_limits_hold_for_what_was_counted_before),
                cmocka_unit_test(other_waits_hold_from_the_next_opening_on),
                cmocka_unit_test(a_success_between_forgets_the_failures),
                cmocka_unit_test(refusals_of_one_recipient_do_not_count),
                cmocka_unit_test(bad_credentials_open_it_at_once_and_the_message_is_innocent),
                cmocka_unit_test(once_open_no_more_attempts_are_burnt),
                cmocka_unit_test(probes_one_at_a_time_and_waits_longer_after_each_failure),
                cmocka_unit_test(a_probe_that_succeeds_closes_it),
                cmocka_unit_test(an_outage_after_a_long_one_is_not_waited_out_as_long),
                cmocka_unit_test(
                        what_was_sent_before_the_opening_decides_nothing_when_it_ends_beside_a_probe),
                cmocka_unit_test(a_withdrawn_probe_frees_the_place_for_another),
                cmocka_unit_test(the_limiter_lets_through_its_rate),
                cmocka_unit_test(the_limiter_knows_rates_below_one_a_second),
                cmocka_unit_test(without_a_rate_nothing_waits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
