#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/codec/json_pointer.h"

/* The examples of RFC 6901 section 5, but for names that hold a NUL. */
static void the_examples_of_the_rfc_are_found(void **state)
{
        (void)state;
        static const struct {
                const char *pointer, *found;
        } cases[] = {{"", NULL},     {"/foo/0", "\"bar\""}, {"/", "0"},    {"/a~1b", "1"},
                     {"/c%d", "2"},  {"/e^f", "3"},         {"/g|h", "4"}, {"/i\\j", "5"},
                     {"/k\"l", "6"}, {"/ ", "7"},           {"/m~0n", "8"}};
        char error[JSON_CAUSE_MAX];
        json_t *value = json_parse(
                slice_of("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
                         "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}"),
                error);
        assert_non_null(value);
        assert_ptr_equal(json_pointer_get(value, ""), value);
        for (size_t i = 1; i < sizeof(cases) / sizeof(*cases); i++) {
                struct buffer text = {0};
                assert_true(json_pointer_valid(cases[i].pointer));
                json_write(&text, json_pointer_get(value, cases[i].pointer), JSON_ENCODE_ANY);
                assert_string_equal(text.data, cases[i].found);
                buffer_fini(&text);
        }
        json_decref(value);
}

static void what_is_not_there_is_not_found(void **state)
{
        (void)state;
        char error[JSON_CAUSE_MAX];
        json_t *value = json_parse(SLICE_LITERAL("{\"a\":[1],\"b\":2}"), error);
        static const char *const pointers[] = {"/c", "/a/1", "/a/00", "/a/-", "/a/x", "/b/0", "/a/0/0", "//"};
        for (size_t i = 0; i < sizeof(pointers) / sizeof(*pointers); i++)
                assert_null(json_pointer_get(value, pointers[i]));
        assert_null(json_pointer_get(NULL, ""));
        json_decref(value);
}

static void only_pointers_are_valid(void **state)
{
        (void)state;
        assert_false(json_pointer_valid("a"));
        assert_false(json_pointer_valid("/~"));
        assert_false(json_pointer_valid("/~2"));
        assert_true(json_pointer_valid("/~01"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_examples_of_the_rfc_are_found),
                cmocka_unit_test(what_is_not_there_is_not_found),
                cmocka_unit_test(only_pointers_are_valid),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
