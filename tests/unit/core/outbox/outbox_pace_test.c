#include "core/outbox/outbox_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { BATCH = 100, POLL = 1000 };

static struct outbox_pace begun(void)
{
        struct outbox_pace pace;
        outbox_pace_init(&pace, BATCH, POLL);
        return pace;
}

static void it_looks_at_once_then_by_polling_and_whenever_it_is_told(void **state)
{
        (void)state;
        struct outbox_pace pace = begun();
        assert_true(outbox_pace_due(&pace, 5, false));
        struct outbox_look look = outbox_pace_look(&pace, 5);
        assert_int_equal(look.after_seq, 0);
        assert_int_equal(look.limit, BATCH);
        outbox_pace_found(&pace, 6, 1, 0, false);
        assert_false(outbox_pace_due(&pace, 6 + POLL - 1, false));
        assert_true(outbox_pace_due(&pace, 6 + POLL, false));
        assert_true(outbox_pace_due(&pace, 7, true));
}

static void more_rows_are_asked_for_at_once_from_the_first_on(void **state)
{
        (void)state;
        struct outbox_pace pace = begun();
        outbox_pace_look(&pace, 5);
        outbox_pace_found(&pace, 6, 1, 500, true);
        outbox_pace_ended(&pace, 9, 0, 0);
        assert_true(outbox_pace_due(&pace, 9, false));
        assert_int_equal(outbox_pace_look(&pace, 9).after_seq, 0);
}

static void behind_refused_rows_others_go_and_the_refused_come_again_later_and_later(void **state)
{
        (void)state;
        struct outbox_pace pace = begun();
        outbox_pace_look(&pace, 0);
        outbox_pace_found(&pace, 1, 1, 100, true);
        outbox_pace_ended(&pace, 2, 100, 0);
        assert_true(outbox_pace_due(&pace, 2, false));
        assert_int_equal(outbox_pace_look(&pace, 2).after_seq, 100);
        outbox_pace_found(&pace, 3, 1, 150, false);
        outbox_pace_ended(&pace, 3, 0, 0);
        assert_false(outbox_pace_due(&pace, 3, false));
        assert_true(outbox_pace_due(&pace, 202, false)); /* before the poll */
        assert_int_equal(outbox_pace_look(&pace, 202).after_seq, 0);
        outbox_pace_found(&pace, 203, 1, 100, false);
        outbox_pace_ended(&pace, 203, 1, 0);
        assert_int_equal(outbox_pace_look(&pace, 203 + 399).after_seq, 100);
        assert_int_equal(outbox_pace_look(&pace, 203 + 400).after_seq, 0);
        outbox_pace_found(&pace, 604, 1, 100, false);
        outbox_pace_ended(&pace, 604, 0, 0);
        assert_int_equal(outbox_pace_look(&pace, 605).after_seq, 0);
}

static void rests_after_refusals_have_an_end(void **state)
{
        (void)state;
        struct outbox_pace pace = begun();
        for (int i = 0; i < 100; i++) {
                outbox_pace_look(&pace, 0);
                outbox_pace_found(&pace, 0, 1, 100, true);
                outbox_pace_ended(&pace, 0, 1, 0);
        }
        assert_int_equal(outbox_pace_look(&pace, 5000).after_seq, 0);
}

static void a_slow_beginning_is_read_a_tenth_of_the_time(void **state)
{
        (void)state;
        struct outbox_pace pace = begun();
        outbox_pace_look(&pace, 0);
        outbox_pace_found(&pace, 300, 300, 100, true);
        outbox_pace_ended(&pace, 310, 0, 0);
        assert_int_equal(outbox_pace_look(&pace, 310).after_seq, 100);
        outbox_pace_found(&pace, 311, 1, 100, false);
        assert_int_equal(outbox_pace_look(&pace, 3299).after_seq, 100);
        assert_int_equal(outbox_pace_look(&pace, 3300).after_seq, 0);
}

static void after_lost_connections_batches_shrink_to_one_row_and_grow_again(void **state)
{
        (void)state;
        struct outbox_pace pace = begun();
        int64_t seen[] = {50, 25, 12, 6, 3, 1, 1};
        for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++) {
                outbox_pace_look(&pace, 0);
                outbox_pace_ended(&pace, 0, 0, 1);
                assert_int_equal(outbox_pace_look(&pace, 0).limit, seen[i]);
        }
        for (int i = 0; i < 10; i++)
                outbox_pace_ended(&pace, 0, 0, 0);
        assert_int_equal(outbox_pace_look(&pace, 0).limit, BATCH);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_looks_at_once_then_by_polling_and_whenever_it_is_told),
                cmocka_unit_test(more_rows_are_asked_for_at_once_from_the_first_on),
                cmocka_unit_test(behind_refused_rows_others_go_and_the_refused_come_again_later_and_later),
                cmocka_unit_test(rests_after_refusals_have_an_end),
                cmocka_unit_test(a_slow_beginning_is_read_a_tenth_of_the_time),
                cmocka_unit_test(after_lost_connections_batches_shrink_to_one_row_and_grow_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
