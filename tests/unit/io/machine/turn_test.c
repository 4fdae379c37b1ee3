#include "io/machine/clock.h"
#include "io/machine/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static void use_cpu(int64_t us)
{
        int64_t until = clock_thread_cpu_us() + us;
        while (clock_thread_cpu_us() < until)
                continue;
}

static void no_turn_is_long_before_the_first(void **state)
{
        (void)state;
        use_cpu(3000);
        assert_false(turn_is_long());
        assert_int_equal(turn_begin(), 0);
}

static void a_turn_is_long_after_a_millisecond(void **state)
{
        (void)state;
        turn_begin();
        assert_false(turn_is_long());
        use_cpu(1100); /* more than a millisecond also by a clock that is being slowed */
        for (int i = 0; i < 3; i++)
                turn_is_long();
        assert_true(turn_is_long());
        assert_true(turn_is_long());
}

static void the_next_turn_is_short_again(void **state)
{
        (void)state;
        turn_begin();
        use_cpu(1500);
        int64_t used_us = turn_begin();
        assert_in_range(used_us, 1500, 250000);
        assert_false(turn_is_long());
}

static void what_is_in_no_hurry_waits_while_turns_bring_more(void **state)
{
        (void)state;
        turn_begin();
        assert_false(turn_collects());
        turn_worked();
        turn_begin();
        assert_true(turn_collects());
        turn_begin();
        assert_false(turn_collects());
}

static void but_for_six_milliseconds_at_most(void **state)
{
        (void)state;
        turn_begin();
        use_cpu(4000);
        turn_worked();
        turn_begin();
        assert_true(turn_collects());
        use_cpu(2000);
        turn_worked();
        turn_begin();
        assert_false(turn_collects());
        turn_worked();
        turn_begin();
        assert_true(turn_collects());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_turn_is_long_before_the_first), /* first: turns are never undone */
                cmocka_unit_test(a_turn_is_long_after_a_millisecond),
                cmocka_unit_test(the_next_turn_is_short_again),
                cmocka_unit_test(what_is_in_no_hurry_waits_while_turns_bring_more),
                cmocka_unit_test(but_for_six_milliseconds_at_most),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
