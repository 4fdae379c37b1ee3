#include "core/job/event_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void all_are_admitted_until_one_was_held_for_too_long(void **state)
{
        struct event_gate gate = {0};
        (void)state;
        for (int64_t now = 1; now < 100; now++)
                assert_true(event_gate_admits(&gate, now));
        assert_false(event_gate_runs_out(&gate, 1000, 30000, 30999));
        assert_true(event_gate_runs_out(&gate, 1000, 30000, 31000));
        assert_true(gate.shut);
        assert_false(event_gate_runs_out(&gate, 1000, 30000, 31000));
}

static void while_it_is_shut_one_a_second_is_a_probe(void **state)
{
        struct event_gate gate = {0};
        int admitted = 0;
        (void)state;
        event_gate_runs_out(&gate, 0, 30000, 40000);
        for (int64_t now = 40000; now <= 50000; now += 10)
                admitted += event_gate_admits(&gate, now);
        assert_int_equal(admitted, 10);
}

static void one_confirm_opens_it_and_the_hold_begins_anew(void **state)
{
        struct event_gate gate = {0};
        (void)state;
        assert_false(event_gate_confirmed(&gate));
        event_gate_runs_out(&gate, 0, 30000, 40000);
        assert_true(event_gate_confirmed(&gate));
        assert_true(event_gate_admits(&gate, 40001));
        assert_false(event_gate_runs_out(&gate, 40001, 30000, 60000));
        assert_true(event_gate_runs_out(&gate, 40001, 30000, 70001));
        assert_int_equal(gate.let_go, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_are_admitted_until_one_was_held_for_too_long),
                cmocka_unit_test(while_it_is_shut_one_a_second_is_a_probe),
                cmocka_unit_test(one_confirm_opens_it_and_the_hold_begins_anew),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
