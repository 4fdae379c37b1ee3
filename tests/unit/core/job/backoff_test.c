#include "core/job/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_wait_doubles_up_to_the_cap(void **state)
{
        (void)state;
        struct backoff backoff = {.base_ms = 100, .cap_ms = 1000};
        const int64_t whole_ms[] = {100, 200, 400, 800, 1000, 1000};
        for (size_t i = 0; i < sizeof(whole_ms) / sizeof(*whole_ms); i++)
                assert_int_equal(backoff_next_ms(&backoff, 0), whole_ms[i]);
}

static void the_jitter_takes_away_at_most_half(void **state)
{
        (void)state;
        for (uint64_t random = 0; random < 1000; random++) {
                struct backoff backoff = {.base_ms = 100, .cap_ms = 1000, .failures = 2};
                int64_t wait_ms = backoff_next_ms(&backoff, random);
                assert_true(wait_ms >= 200 && wait_ms <= 400);
        }
        struct backoff backoff = {.base_ms = 100, .cap_ms = 1000};
        assert_int_equal(backoff_next_ms(&backoff, 50), 50);
}

static void a_success_begins_at_the_base_again(void **state)
{
        (void)state;
        struct backoff backoff = {.base_ms = 100, .cap_ms = 1000, .failures = 9};
        backoff_reset(&backoff);
        assert_int_equal(backoff_next_ms(&backoff, 0), 100);
}

static void countless_failures_and_huge_caps_do_not_overflow(void **state)
{
        (void)state;
        struct backoff backoff = {.base_ms = 1, .cap_ms = INT64_MAX, .failures = UINT32_MAX};
        assert_int_equal(backoff_next_ms(&backoff, 0), INT64_MAX);
        assert_true(backoff_next_ms(&backoff, UINT64_MAX) > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_wait_doubles_up_to_the_cap),
                cmocka_unit_test(the_jitter_takes_away_at_most_half),
                cmocka_unit_test(a_success_begins_at_the_base_again),
                cmocka_unit_test(countless_failures_and_huge_caps_do_not_overflow),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
