#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/memory/arena_pool.h"

static void what_was_given_comes_back_empty(void **state)
{
        struct arena_pool pool = {0};
        (void)state;
        for (int round = 0; round < 3; round++) {
                struct arena *arena = arena_pool_take(&pool);
                assert_int_equal(arena->used, 0);
                const char *text = arena_alloc(arena, 20000);
                for (size_t i = 0; i < 20000; i++)
                        assert_int_equal(text[i], 0);
                memset(arena_alloc(arena, 100), 'x', 100);
                arena_pool_give(&pool, arena);
        }
        arena_pool_fini(&pool);
        assert_int_equal(pool.count, 0);
}

static void the_pool_keeps_no_more_than_its_bound(void **state)
{
        struct arena_pool pool = {0};
        struct arena *arenas[ARENA_POOL_MAX + 10];
        (void)state;
        for (size_t i = 0; i < ARENA_POOL_MAX + 10; i++)
                arenas[i] = arena_pool_take(&pool);
        for (size_t i = 0; i < ARENA_POOL_MAX + 10; i++)
                arena_pool_give(&pool, arenas[i]);
        assert_true(pool.count <= ARENA_POOL_MAX);
        arena_pool_fini(&pool);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_given_comes_back_empty),
                cmocka_unit_test(the_pool_keeps_no_more_than_its_bound),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
