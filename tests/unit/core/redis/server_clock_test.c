#include "core/redis/server_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SERVER = 1700000000 }; /* what the server's clock is ahead */

static struct server_clock told_at(int64_t sent_ms, int64_t heard_ms, int64_t server_ms)
{
        struct server_clock clock = {0};
        server_clock_told(&clock, sent_ms, heard_ms, server_ms);
        return clock;
}

static void nothing_is_known_before_it_was_asked(void **state)
{
        struct server_clock clock = {0};
        (void)state;
        assert_int_equal(server_clock_now(&clock, 1000), 0);
}

static void it_is_never_behind_the_servers_clock(void **state)
{
        (void)state;
        /* Read at the very moment of the question, or of the answer. */
        for (int64_t read_ms = 1000; read_ms <= 1010; read_ms++) {
                struct server_clock clock = told_at(1000, 1010, SERVER + read_ms);
                assert_true(server_clock_now(&clock, 2000) > SERVER + 2000);
                assert_true(server_clock_now(&clock, 2000) <= SERVER + 2000 + 11);
        }
}

static void an_answer_that_took_long_changes_nothing(void **state)
{
        struct server_clock clock = told_at(1000, 1001, SERVER + 1000);
        int64_t before_ms = server_clock_now(&clock, 5000);
        (void)state;
        server_clock_told(&clock, 3000, 3000 + SERVER_CLOCK_SLOW_MS + 1, SERVER + 3050);
        assert_int_equal(server_clock_now(&clock, 5000), before_ms);
        server_clock_told(&clock, 3000, 3000 + SERVER_CLOCK_SLOW_MS, SERVER + 3050);
        assert_int_not_equal(server_clock_now(&clock, 5000), before_ms);
}

static void an_answer_is_not_counted_on_for_ever(void **state)
{
        struct server_clock clock = told_at(1000, 1001, SERVER + 1000);
        (void)state;
        assert_int_not_equal(server_clock_now(&clock, 1000 + SERVER_CLOCK_KEEP_MS), 0);
        assert_int_equal(server_clock_now(&clock, 1001 + SERVER_CLOCK_KEEP_MS), 0);
}

/* Written at 2000; TIME behind it was asked at 2005 and read 3 ms later, by a clock that was set meanwhile.
 */
static bool kept_after(int64_t step_ms, int64_t slack_ms)
{
        struct server_clock clock = told_at(1000, 1001, SERVER + 1000);
        return server_clock_kept(2000, server_clock_now(&clock, 2000), slack_ms, 2005,
                                 SERVER + 2008 + step_ms);
}

static void a_clock_that_was_set_ahead_is_noticed(void **state)
{
        (void)state;
        assert_true(kept_after(0, 1000));
        assert_true(kept_after(997, 1000));
        assert_false(kept_after(998, 1000));
        assert_false(kept_after(60000, 1000));
        assert_false(kept_after(0, 2)); /* it may have been set, or the answer took so long */
}

static void one_that_was_set_back_makes_the_lease_longer_only(void **state)
{
        (void)state;
        assert_true(kept_after(-60000, 1000));
}

static void the_slack_is_a_part_of_the_lease_and_a_second_at_most(void **state)
{
        (void)state;
        assert_int_equal(server_clock_slack_ms(1600), 100);
        assert_int_equal(server_clock_slack_ms(16000), 1000);
        assert_int_equal(server_clock_slack_ms(3600000), 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_known_before_it_was_asked),
                cmocka_unit_test(it_is_never_behind_the_servers_clock),
                cmocka_unit_test(an_answer_that_took_long_changes_nothing),
                cmocka_unit_test(an_answer_is_not_counted_on_for_ever),
                cmocka_unit_test(a_clock_that_was_set_ahead_is_noticed),
                cmocka_unit_test(one_that_was_set_back_makes_the_lease_longer_only),
                cmocka_unit_test(the_slack_is_a_part_of_the_lease_and_a_second_at_most),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
