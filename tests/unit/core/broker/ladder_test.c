#include "core/broker/ladder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a message with this key waits in all: as the exchanges lead it, from the one that it is given to. */
static int64_t waited_ms(const struct ladder_way *way)
{
        int64_t sum_ms = 0;
        bool entered = false;
        for (size_t i = 0; i < LADDER_RUNGS; i++) {
                char name[32];
                size_t rung = LADDER_RUNGS - 1 - i;
                snprintf(name, sizeof(name), LADDER_FOOT ".%02zu", rung);
                entered = entered || strcmp(way->exchange, name) == 0;
                if (way->key[2 * i] == '1')
                        assert_true(entered);
                sum_ms += way->key[2 * i] == '1' ? ladder_rung_ms(rung) : 0;
        }
        return sum_ms;
}

static void a_way_is_never_shorter_and_at_most_a_granule_longer(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        static const int64_t delays[] = {-5,       0,           1,           249,        250,   251,
                                         500,      999,         1000,        6001,       60000, 3600000,
                                         86400000, 34560000000, 34559999999, 31536000001};
        for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); i++) {
                struct ladder_way way = ladder_way(&arena, "mail", delays[i]);
                int64_t wanted_ms = delays[i] > 0 ? delays[i] : 0, got_ms = waited_ms(&way);
                assert_true(got_ms >= wanted_ms && got_ms < wanted_ms + LADDER_GRANULE_MS);
                assert_string_equal(way.key + 2 * LADDER_RUNGS, "mail");
        }
        arena_fini(&arena);
}

static void what_is_due_goes_to_the_foot(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        assert_string_equal(ladder_way(&arena, "mail", 0).exchange, LADDER_FOOT);
        assert_string_equal(ladder_way(&arena, "mail", 1).exchange, "leveret.later.00");
        assert_string_equal(ladder_way(&arena, "mail", LADDER_MAX_MS).exchange, "leveret.later.27");
        assert_string_equal(ladder_way(&arena, "mail", INT64_MAX).exchange, "leveret.later.27");
        arena_fini(&arena);
}

static void a_queue_s_name_is_no_pattern(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        assert_string_equal(ladder_way(&arena, "a.#.*", 0).key + 2 * LADDER_RUNGS, "a.%23.%2a");
        assert_string_equal(ladder_last_pattern(&arena, "a.#") + 2 * LADDER_RUNGS, "a.%23");
        assert_string_equal(ladder_rung_pattern(&arena, LADDER_RUNGS - 1, true), "1.#");
        assert_string_equal(ladder_rung_pattern(&arena, LADDER_RUNGS - 3, false), "*.*.0.#");
        assert_string_equal(ladder_last_name(&arena, "mail"), "leveret.later.to.mail");
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_way_is_never_shorter_and_at_most_a_granule_longer),
                cmocka_unit_test(what_is_due_goes_to_the_foot),
                cmocka_unit_test(a_queue_s_name_is_no_pattern),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
