#include "core/job/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct config_queue queue = {
        .name = "work",
        .tiers = {"5s", "30s", "2m"},
        .tiers_ms = {5000, 30000, 120000},
        .tier_count = 3,
};
static const struct config_queue jittered = {
        .tiers_ms = {5000, 30000, 120000}, .tier_count = 3, .jitter = true};
static const struct config_queue one_tier = {.tiers_ms = {5000}, .tier_count = 1};
static const struct config_queue unsorted = {.tiers_ms = {30000, 120000, 5000}, .tier_count = 3};

static void attempts_count_all_tries_the_first_included(void **state)
{
        (void)state;
        assert_true(retry_exhausted(0, 1));
        assert_false(retry_exhausted(0, 2));
        assert_false(retry_exhausted(6, 8));
        assert_true(retry_exhausted(7, 8));
        assert_true(retry_exhausted(UINT32_MAX, 8));
}

static void each_try_has_its_tier(void **state)
{
        (void)state;
        for (uint32_t random = 0; random < 4; random++) {
                assert_int_equal(retry_tier(&queue, 0, random), 0);
                assert_int_equal(retry_tier(&queue, 1, random), 1);
        }
}

static void with_jitter_a_tier_is_picked_between_two_neighbours(void **state)
{
        (void)state;
        assert_int_equal(retry_tier(&jittered, 0, 0), 0);
        assert_int_equal(retry_tier(&jittered, 0, 1), 1);
        assert_int_equal(retry_tier(&jittered, 1, 6), 1);
        assert_int_equal(retry_tier(&jittered, 1, 7), 2);
}

static void beyond_the_list_the_last_tier_repeats(void **state)
{
        (void)state;
        for (uint32_t random = 0; random < 4; random++) {
                assert_int_equal(retry_tier(&queue, 2, random), 2);
                assert_int_equal(retry_tier(&queue, 3, random), 2);
                assert_int_equal(retry_tier(&queue, UINT32_MAX, random), 2);
                assert_int_equal(retry_tier(&one_tier, 0, random), 0);
        }
}

static void a_delay_gets_the_shortest_tier_that_covers_it(void **state)
{
        (void)state;
        assert_int_equal(retry_tier_covering(&queue, 0), 0);
        assert_int_equal(retry_tier_covering(&queue, 5000), 0);
        assert_int_equal(retry_tier_covering(&queue, 5001), 1);
        assert_int_equal(retry_tier_covering(&queue, 30001), 2);
        assert_int_equal(retry_tier_covering(&unsorted, 1), 2);
        assert_int_equal(retry_tier_covering(&unsorted, 6000), 0);
}

static void a_delay_longer_than_all_tiers_gets_the_longest(void **state)
{
        (void)state;
        assert_int_equal(retry_tier_covering(&queue, 3600000), 2);
        assert_int_equal(retry_tier_covering(&unsorted, 3600000), 1);
        assert_int_equal(retry_tier_covering(&one_tier, INT64_MAX), 0);
}

static void a_retry_after_lengthens_the_tier_but_never_shortens_it(void **state)
{
        (void)state;
        assert_int_equal(retry_tier_at_least(&queue, 0, 0, 20000), 1);
        assert_int_equal(retry_tier_at_least(&queue, 2, 0, 20000), 2);
        assert_int_equal(retry_tier_at_least(&jittered, 0, 1, -1), 1);
        assert_int_equal(retry_tier_at_least(&queue, 0, 0, 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(attempts_count_all_tries_the_first_included),
                cmocka_unit_test(each_try_has_its_tier),
                cmocka_unit_test(with_jitter_a_tier_is_picked_between_two_neighbours),
                cmocka_unit_test(beyond_the_list_the_last_tier_repeats),
                cmocka_unit_test(a_delay_gets_the_shortest_tier_that_covers_it),
                cmocka_unit_test(a_delay_longer_than_all_tiers_gets_the_longest),
                cmocka_unit_test(a_retry_after_lengthens_the_tier_but_never_shortens_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
