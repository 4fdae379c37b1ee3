#include "core/text/error_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_shape(const char *error, const char *shape)
{
        struct arena arena;
        arena_init(&arena);
        assert_string_equal(error_shape(&arena, slice_of(error)), shape);
        arena_fini(&arena);
}

static void errors_that_differ_in_numbers_have_one_shape(void **state)
{
        (void)state;
        assert_shape("/items/12/count: expected at most 99", "/items/N/count: expected at most N");
        assert_shape("line 1, column 9: duplicate key", "line N, column N: duplicate key");
        assert_shape("a1b22", "aNbN");
}

static void ids_are_one_word(void **state)
{
        (void)state;
        assert_shape("order 4f1c22aa-0e0b-4b4e-9b53-1f6ad8a3a0c1 is gone", "order ID is gone");
}

static void a_status_code_stays(void **state)
{
        (void)state;
        assert_shape("550 5.1.1 user 42", "550 N.N.N user N");
        assert_shape("HTTP 422: field 7", "HTTP 422: field N");
        assert_shape("after 422 tries", "after N tries");
}

static void text_without_numbers_stays_as_it_is(void **state)
{
        (void)state;
        assert_shape("/customer/email: expected an e-mail address",
                     "/customer/email: expected an e-mail address");
        assert_shape("", "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(errors_that_differ_in_numbers_have_one_shape),
                cmocka_unit_test(ids_are_one_word),
                cmocka_unit_test(a_status_code_stays),
                cmocka_unit_test(text_without_numbers_stays_as_it_is),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
