#include "core/codec/resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void a_command_is_an_array_of_bulk_strings(void **state)
{
        (void)state;
        struct buffer out = {0};
        resp_begin(&out, 3);
        resp_add_text(&out, "SET");
        resp_add(&out, (struct slice){.data = "a\r\n\0b", .len = 5});
        resp_add_integer(&out, -42);
        static const char expected[] = "*3\r\n$3\r\nSET\r\n$5\r\na\r\n\0b\r\n$3\r\n-42\r\n";
        assert_int_equal(out.len, sizeof(expected) - 1);
        assert_memory_equal(out.data, expected, sizeof(expected) - 1);
        buffer_fini(&out);
}

static void nothing_is_an_empty_string(void **state)
{
        (void)state;
        struct buffer out = {0};
        resp_add(&out, (struct slice){0});
        resp_add_text(&out, "");
        assert_int_equal(out.len, 12);
        assert_memory_equal(out.data, "$0\r\n\r\n$0\r\n\r\n", 12);
        buffer_fini(&out);
}

/* Around each change in the number of digits, and over many growths of the memory. */
static void every_length_is_told_as_it_is(void **state)
{
        (void)state;
        static const size_t lengths[] = {1, 9, 10, 11, 99, 100, 101, 255, 256, 999, 1000, 65536};
        struct buffer out = {0};
        for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
                size_t len = lengths[i], at = out.len;
                char *value = malloc(len), *rest;
                memset(value, 'x', len);
                resp_add(&out, (struct slice){.data = value, .len = len});
                assert_int_equal(out.data[at], '$');
                assert_int_equal(strtoull(out.data + at + 1, &rest, 10), len);
                assert_memory_equal(rest, "\r\n", 2);
                assert_memory_equal(rest + 2, value, len);
                assert_memory_equal(rest + 2 + len, "\r\n", 2);
                assert_ptr_equal(rest + len + 4, out.data + out.len);
                free(value);
        }
        buffer_fini(&out);
}

static void the_least_and_the_greatest_integer_are_written_whole(void **state)
{
        (void)state;
        struct buffer out = {0};
        resp_begin(&out, 1234567890);
        resp_add_integer(&out, 0);
        resp_add_integer(&out, INT64_MAX);
        resp_add_integer(&out, INT64_MIN);
        static const char expected[] =
                "*1234567890\r\n$1\r\n0\r\n$19\r\n9223372036854775807\r\n$20\r\n-9223372036854775808\r\n";
        assert_int_equal(out.len, sizeof(expected) - 1);
        assert_memory_equal(out.data, expected, sizeof(expected) - 1);
        buffer_fini(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_command_is_an_array_of_bulk_strings),
                cmocka_unit_test(nothing_is_an_empty_string),
                cmocka_unit_test(every_length_is_told_as_it_is),
                cmocka_unit_test(the_least_and_the_greatest_integer_are_written_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
