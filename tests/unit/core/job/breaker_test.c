#include "core/job/breaker.h"
#include "core/job/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct send_result sent = {.outcome = SEND_DONE};
static const struct send_result down = {.outcome = SEND_TRANSIENT, .counts = true};
static const struct send_result refused = {.outcome = SEND_CONFIG, .counts = true, .opens = true};
static const struct send_result refused_mail = {.outcome = SEND_CONFIG, .opens = true, .doubtful = true};
static const struct send_result no_quota = {.outcome = SEND_PERMANENT, .likeness = 1};
static const struct send_result spam = {.outcome = SEND_PERMANENT, .likeness = 2};
static const struct send_result no_user = {.outcome = SEND_PERMANENT};
static const struct send_result crowded = {.outcome = SEND_TRANSIENT, .crowded = true};
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

static void one_mail_that_is_refused_among_others_burns_its_attempts(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &sent, 0);
        assert_true(ends(&breaker, 7, &refused_mail, 0)); /* nobody can know yet */
        for (uint64_t job = 10; job < 15; job++) {
                ends(&breaker, job, &sent, 0);
                assert_false(ends(&breaker, 7, &refused_mail, 0));
        }
        assert_true(ends(&breaker, 7, &refused_mail, 0)); /* with no success since */
        assert_int_equal(breaker.openings, 0);
}

static void an_account_that_is_refused_burns_nobody(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &sent, 0);
        for (uint64_t job = 10; job < 13; job++)
                assert_true(ends(&breaker, job, &refused_mail, 0));
        assert_int_equal(breaker.state, BREAKER_OPEN);
        for (uint64_t job = 10; job < 20; job++)
                assert_true(ends(&breaker, job, &refused_mail, 0));
}

static void a_refusal_before_anything_was_accepted_opens_at_once(void **state)
{
        (void)state;
        struct breaker breaker = make();
        assert_true(ends(&breaker, 1, &refused_mail, 0));
        assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void a_log_in_that_is_refused_opens_at_once_whatever_was_accepted(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &sent, 0);
        assert_true(ends(&breaker, 2, &refused, 0));
        assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void a_probe_that_is_refused_by_itself_doubles_nothing(void **state)
{
        (void)state;
        struct breaker breaker = make();
        ends(&breaker, 1, &sent, 0);
        ends(&breaker, 7, &refused_mail, 0);
        ends(&breaker, 2, &sent, 0);
        ends(&breaker, 3, &refused, 0);
        assert_true(breaker_tick(&breaker, 1000) && breaker_admit(&breaker));
        assert_true(probe_ends(&breaker, 7, &refused_mail, 1000));
        assert_int_equal(breaker_due_ms(&breaker), 2000);
        assert_true(breaker_tick(&breaker, 2000) && breaker_admit(&breaker));
        assert_true(probe_ends(&breaker, 8, &refused_mail, 2000));
        assert_int_equal(breaker_due_ms(&breaker), 4000);
}

static void mails_refused_alike_in_a_row_are_an_outage_and_all_but_the_last_die(void **state)
{
        (void)state;
        struct breaker breaker = make();
        assert_false(ends(&breaker, 1, &no_quota, 0));
        assert_int_equal(breaker.alike, 1);
        assert_false(ends(&breaker, 1, &no_quota, 0)); /* the same job counts once */
        assert_false(ends(&breaker, 2, &no_quota, 0));
        assert_int_equal(breaker.alike, 2);
        assert_true(ends(&breaker, 3, &no_quota, 0));
        assert_int_equal(breaker.state, BREAKER_OPEN);
        assert_true(ends(&breaker, 4, &no_quota, 0));
        assert_false(ends(&breaker, 5, &spam, 0));
        assert_true(breaker_tick(&breaker, 1000) && breaker_admit(&breaker));
        assert_true(probe_ends(&breaker, 6, &no_quota, 1000));
        assert_int_equal(breaker_due_ms(&breaker), 3000);
        assert_true(breaker_tick(&breaker, 3000) && breaker_admit(&breaker));
        assert_false(probe_ends(&breaker, 7, &spam, 3000)); /* the service judges mails again */
        assert_int_equal(breaker.state, BREAKER_CLOSED);
        assert_int_equal(breaker.alike, 1);
}

static void who_dies_of_a_refusal_that_others_had_is_told_so(void **state)
{
        (void)state;
        struct breaker breaker = make();
        char error[SEND_ERROR_MAX] = "SMTP 550 at RCPT: no";
        ends(&breaker, 1, &no_quota, 0);
        breaker_explain(&breaker, &no_quota, error);
        assert_string_equal(error, "SMTP 550 at RCPT: no");
        ends(&breaker, 2, &no_quota, 0);
        breaker_explain(&breaker, &one_recipient, error);
        assert_string_equal(error, "SMTP 550 at RCPT: no");
        breaker_explain(&breaker, &no_quota, error);
        assert_string_equal(error,
                            "SMTP 550 at RCPT: no [2 different jobs in a row refused alike: the account, "
                            "not the mail?]");
        memset(error, 'x', sizeof error - 1);
        breaker_explain(&breaker, &no_quota, error);
        assert_int_equal(strlen(error), SEND_ERROR_MAX - 1);
        assert_non_null(strstr(error, "x [2 different"));
}

static void refusals_with_a_success_or_another_refusal_between_are_the_mails(void **state)
{
        (void)state;
        struct breaker breaker = make();
        for (uint64_t job = 1; job < 40; job++) {
                assert_false(ends(&breaker, job, &no_quota, 0));
                assert_false(ends(&breaker, job + 100, &no_quota, 0));
                assert_false(ends(&breaker, job + 200, job % 2 ? &sent : &spam, 0));
                assert_false(ends(&breaker, job + 300, &no_user, 0));
        }
        assert_int_equal(breaker.openings, 0);
}

static void unknown_recipients_are_never_an_outage(void **state)
{
        (void)state;
        struct breaker breaker = make();
        for (uint64_t job = 1; job < 100; job++)
                assert_false(ends(&breaker, job, &no_user, 0));
        assert_int_equal(breaker.state, BREAKER_CLOSED);
}

/* It was refused for good before others opened the breaker: the service that refuses it again answers. */
static void one_mail_that_is_refused_for_good_does_not_keep_it_open(void **state)
{
        (void)state;
        struct breaker breaker = make();
        assert_false(ends(&breaker, 1, &no_quota, 0));
        for (uint64_t job = 2; job < 5; job++)
                ends(&breaker, job, &down, 0);
        assert_int_equal(breaker.state, BREAKER_OPEN);
        assert_true(breaker_tick(&breaker, 1000) && breaker_admit(&breaker));
        assert_false(probe_ends(&breaker, 1, &no_quota, 1000));
        assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void with_a_limit_of_one_two_are_needed_to_be_alike(void **state)
{
        (void)state;
        struct breaker breaker = make();
        breaker_configure(&breaker, 1, 1000, 3000);
        assert_false(ends(&breaker, 1, &no_quota, 0));
        assert_true(ends(&breaker, 2, &no_quota, 0));
}

static void too_many_connections_burn_nothing_and_open_nothing(void **state)
{
        (void)state;
        struct breaker breaker = make();
        for (uint64_t job = 1; job < 100; job++)
                assert_true(ends(&breaker, job, &crowded, 0));
        assert_int_equal(breaker.state, BREAKER_CLOSED);
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
                cmocka_unit_test(one_mail_that_is_refused_among_others_burns_its_attempts),
                cmocka_unit_test(an_account_that_is_refused_burns_nobody),
                cmocka_unit_test(a_refusal_before_anything_was_accepted_opens_at_once),
                cmocka_unit_test(a_log_in_that_is_refused_opens_at_once_whatever_was_accepted),
                cmocka_unit_test(a_probe_that_is_refused_by_itself_doubles_nothing),
                cmocka_unit_test(mails_refused_alike_in_a_row_are_an_outage_and_all_but_the_last_die),
                cmocka_unit_test(who_dies_of_a_refusal_that_others_had_is_told_so),
                cmocka_unit_test(refusals_with_a_success_or_another_refusal_between_are_the_mails),
                cmocka_unit_test(unknown_recipients_are_never_an_outage),
                cmocka_unit_test(one_mail_that_is_refused_for_good_does_not_keep_it_open),
                cmocka_unit_test(with_a_limit_of_one_two_are_needed_to_be_alike),
                cmocka_unit_test(too_many_connections_burn_nothing_and_open_nothing),
                cmocka_unit_test(the_limiter_lets_through_its_rate),
                cmocka_unit_test(the_limiter_knows_rates_below_one_a_second),
                cmocka_unit_test(without_a_rate_nothing_waits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
