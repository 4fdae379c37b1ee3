#include "core/job/fair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B, C };

static struct fair fair_of(uint32_t a, uint32_t b, uint32_t c)
{
        struct fair fair = {0};
        fair_weigh(&fair, A, a);
        fair_weigh(&fair, B, b);
        fair_weigh(&fair, C, c);
        return fair;
}

static size_t serve(struct fair *fair, uint64_t waiting)
{
        size_t class = fair_next(fair, waiting);
        fair_serve(fair, class);
        return class;
}

static void a_hundred_of_the_heavy_go_for_each_of_the_light_and_before_it(void **state)
{
        (void)state;
        struct fair fair = fair_of(1, 100, 1);
        fair_begin(&fair, A);
        fair_begin(&fair, B);
        for (int round = 0; round < 50; round++) {
                for (int i = 0; i < 100; i++)
                        assert_int_equal(serve(&fair, 1 << A | 1 << B), B);
                assert_int_equal(serve(&fair, 1 << A | 1 << B), A);
        }
}

static void every_pair_of_weights_has_its_ratio(void **state)
{
        (void)state;
        for (uint32_t a = 1; a <= FAIR_WEIGHT_MAX; a++)
                for (uint32_t b = 1; b <= a; b++) {
                        struct fair fair = fair_of(a, b, 1);
                        size_t served[2] = {0};
                        for (uint32_t i = 0; i < 10 * (a + b); i++)
                                served[serve(&fair, 1 << A | 1 << B)]++;
                        /* Rounding may move one over the end of the count. */
                        if (served[A] + 1 < 10 * a || served[A] > 10 * a + 1)
                                fail_msg("%u to %u: %zu to %zu", a, b, served[A], served[B]);
                }
}

static void one_that_rested_has_saved_nothing_up(void **state)
{
        (void)state;
        struct fair fair = fair_of(10, 10, 1);
        for (int i = 0; i < 1000; i++)
                assert_int_equal(serve(&fair, 1 << A), A);
        fair_begin(&fair, B);
        size_t served[2] = {0};
        for (int i = 0; i < 20; i++)
                served[serve(&fair, 1 << A | 1 << B)]++;
        assert_in_range(served[B], 9, 11);
}

static void a_heavy_one_that_comes_goes_first(void **state)
{
        (void)state;
        struct fair fair = fair_of(10, 100, 1);
        fair_begin(&fair, A);
        for (int i = 0; i < 300; i++)
                serve(&fair, 1 << A);
        fair_begin(&fair, B);
        assert_int_equal(serve(&fair, 1 << A | 1 << B), B);
}

static void nobody_starves(void **state)
{
        (void)state;
        struct fair fair = fair_of(100, 100, 1);
        fair_begin(&fair, A);
        fair_begin(&fair, B);
        fair_begin(&fair, C);
        int waited = 0;
        for (int served = 0; served < 10; waited++)
                if (serve(&fair, 1 << A | 1 << B | 1 << C) == C)
                        served++;
        assert_in_range(waited, 2000, 2011);
}

static void weights_may_change_while_they_wait(void **state)
{
        (void)state;
        struct fair fair = fair_of(1, 1, 1);
        for (int i = 0; i < 10; i++)
                serve(&fair, 1 << A | 1 << B);
        fair_weigh(&fair, B, 100);
        size_t served[2] = {0};
        for (int i = 0; i < 101; i++)
                served[serve(&fair, 1 << A | 1 << B)]++;
        assert_in_range(served[B], 99, 101);
}

static void those_that_are_alike_go_in_their_order(void **state)
{
        (void)state;
        struct fair fair = fair_of(7, 7, 7);
        for (int round = 0; round < 3; round++) {
                assert_int_equal(serve(&fair, 1 << A | 1 << B | 1 << C), A);
                assert_int_equal(serve(&fair, 1 << A | 1 << B | 1 << C), B);
                assert_int_equal(serve(&fair, 1 << A | 1 << B | 1 << C), C);
        }
        assert_int_equal(serve(&fair, 1 << B | 1 << C), B);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_hundred_of_the_heavy_go_for_each_of_the_light_and_before_it),
                cmocka_unit_test(every_pair_of_weights_has_its_ratio),
                cmocka_unit_test(one_that_rested_has_saved_nothing_up),
                cmocka_unit_test(a_heavy_one_that_comes_goes_first),
                cmocka_unit_test(nobody_starves),
                cmocka_unit_test(weights_may_change_while_they_wait),
                cmocka_unit_test(those_that_are_alike_go_in_their_order),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
