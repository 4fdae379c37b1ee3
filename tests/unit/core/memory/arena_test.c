#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/memory/arena.h"

static void what_was_zeroed_once_is_zeroed_again_after_a_reset(void **state)
{
        struct arena arena;
        (void)state;
        arena_init(&arena);
        char *first = arena_alloc(&arena, 24);
        memset(first, 'x', 24);
        arena_reset(&arena);
        char *again = arena_alloc(&arena, 24);
        assert_ptr_equal(again, first);
        for (size_t i = 0; i < 24; i++)
                assert_int_equal(again[i], 0);
        arena_fini(&arena);
}

static void what_is_too_large_for_a_chunk_has_one_of_its_own(void **state)
{
        struct arena arena;
        (void)state;
        arena_init(&arena);
        char *small = arena_copy(&arena, "small", 5);
        char *large = arena_alloc(&arena, 100000);
        memset(large, 'x', 100000);
        assert_string_equal(small, "small");
        assert_true(arena.used >= 100006);
        arena_reset(&arena);
        assert_int_equal(arena.used, 0);
        assert_ptr_equal(arena_copy(&arena, "again", 5), small);
        arena_fini(&arena);
}

#ifdef __SANITIZE_ADDRESS__
#        include <sanitizer/asan_interface.h>

static void what_is_not_handed_out_may_not_be_touched(void **state)
{
        struct arena arena;
        (void)state;
        arena_init(&arena);
        char *first = arena_alloc(&arena, 24), *second = arena_copy(&arena, "x", 1);
        assert_false(__asan_address_is_poisoned(first + 23));
        assert_true(__asan_address_is_poisoned(first + 24));
        assert_true(__asan_address_is_poisoned(second - 1));
        assert_true(__asan_address_is_poisoned(second + 2));
        arena_reset(&arena);
        assert_true(__asan_address_is_poisoned(first));
        arena_fini(&arena);
}
#endif

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_zeroed_once_is_zeroed_again_after_a_reset),
                cmocka_unit_test(what_is_too_large_for_a_chunk_has_one_of_its_own),
#ifdef __SANITIZE_ADDRESS__
                cmocka_unit_test(what_is_not_handed_out_may_not_be_touched),
#endif
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
