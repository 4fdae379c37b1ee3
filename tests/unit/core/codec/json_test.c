#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/codec/json.h"

static char error[JSON_CAUSE_MAX];

static void assert_refused_slice(struct slice text, const char *expected)
{
        json_t *value = json_parse(text, error);
        assert_null(value);
        assert_string_equal(error, expected);
}

static void assert_refused(const char *text, const char *expected)
{
        assert_refused_slice(slice_of(text), expected);
}

static void assert_accepted(struct slice text)
{
        json_t *value = json_parse(text, error);
        assert_string_equal(error, "");
        assert_non_null(value);
        json_decref(value);
}

/* `open` and `close`, n times each, inside one another. */
static struct buffer nested(const char *open, const char *close, size_t n)
{
        struct buffer text = {0};
        for (size_t i = 0; i < n; i++)
                buffer_add_text(&text, open);
        for (size_t i = 0; i < n; i++)
                buffer_add_text(&text, close);
        return text;
}

static struct slice slice_of_buffer(const struct buffer *text)
{
        return (struct slice){.data = text->data, .len = text->len};
}

static void any_json_value_is_accepted(void **state)
{
        static const char *const good[] = {
                "{}",
                "[]",
                "null",
                "true",
                "-0",
                "1e5",
                "\"\"",
                " \t\r\n{ }\n",
                "\"\\ud83d\\udc07\\udbff\\udfff\"",
                "\"\xf0\x9f\x90\x87\"",
                "\"\\\\u0000 \\\" \\/ \\b\\f\\n\\r\\t\"",
                "9223372036854775807",
                "-9223372036854775808",
                "1e308",
                "1e-999",
                "[[],{},\"}\",\"[\"]",
                "\"\xc2\x80\xe2\x80\xa8\x7f\"",
                "{\"a\":{\"a\":1}}",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
                assert_accepted(slice_of(good[i]));
}

static void a_refusal_names_the_place_and_the_cause(void **state)
{
        (void)state;
        assert_refused("", "empty");
        assert_refused(" \n ", "line 2, column 2: empty");
        assert_refused("\xef\xbb\xbf{}", "line 1, column 1: starts with a byte order mark");
        assert_refused("{\"a\":1}\n x", "line 2, column 2: expected nothing after the value");
        assert_refused("{\"a\":1,\n\"a\":2}", "line 2, column 4: duplicate key");
        assert_refused("{\"a\":", "line 1, column 6: ends too early");
        assert_refused("{\"a\":\"b", "line 1, column 8: ends inside a string");
        assert_refused("{\"a\":\"\\", "line 1, column 7: ends inside a string");
        assert_refused("[\"\xc3\xa4\xff\"]", "line 1, column 4: not UTF-8");
        assert_refused("[\xff]", "line 1, column 2: not UTF-8");
        assert_refused("['a']", "line 1, column 2: expected a JSON value");
        assert_refused("[\"a\tb\"]", "line 1, column 4: control character inside a string");
        assert_refused("[\"\\ud800\"]", "line 1, column 3: half of a surrogate pair");
        assert_refused("[\"\\udc00\\ud800\"]", "line 1, column 3: half of a surrogate pair");
        assert_refused("[\"\\udc00\\udc00\"]", "line 1, column 3: half of a surrogate pair");
        assert_refused("[\"\\ud800\\ue000\"]", "line 1, column 3: half of a surrogate pair");
        assert_refused("[\"\x1f\"]", "line 1, column 3: control character inside a string");
        assert_refused("[\"\\ud800\\u0041\"]", "line 1, column 3: half of a surrogate pair");
        assert_refused("[\"\\u0000\"]", "line 1, column 3: the character U+0000 is not allowed");
        assert_refused("[\"\\u00g0\"]", "line 1, column 3: expected four hexadecimal digits after \\u");
        assert_refused_slice(SLICE_LITERAL("[1]\0"), "line 1, column 4: NUL byte");
        assert_refused_slice(SLICE_LITERAL("[\"\0\"]"),
                             "line 1, column 3: control character inside a string");
}

static void a_mistake_of_syntax_is_refused_where_it_stands(void **state)
{
        static const char scalar[] = "line 1, column 2: not JSON: neither a number nor true, false or null";
        static const char *const scalars[] = {"[01]",     "[1.]",    "[.5]",        "[-]",      "[+1]",
                                              "[1e]",     "[1e+]",   "[0x1]",       "[True]",   "[NaN]",
                                              "[nul]",    "[nulll]", "[truefalse]", "[1e400x]", "[-Infinity]",
                                              "[01e400]", "[1_000]"};
        (void)state;
        for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++)
                assert_refused(scalars[i], scalar);
        assert_refused("[1 1]", "line 1, column 4: not JSON: expected a comma or ]");
        assert_refused("[1}", "line 1, column 3: not JSON: expected a comma or ]");
        assert_refused("[1,]", "line 1, column 4: expected a JSON value");
        assert_refused("[,1]", "line 1, column 2: expected a JSON value");
        assert_refused("[1", "line 1, column 3: ends too early");
        assert_refused("[1,", "line 1, column 4: ends too early");
        assert_refused("]", "line 1, column 1: expected a JSON value");
        assert_refused("[]]", "line 1, column 3: expected nothing after the value");
        assert_refused("{\"a\":1 \"b\":2}", "line 1, column 8: not JSON: expected a comma or }");
        assert_refused("{\"a\":1]", "line 1, column 7: not JSON: expected a comma or }");
        assert_refused("{\"a\":1,}", "line 1, column 8: not JSON: expected a key in double quotes");
        assert_refused("{a:1}", "line 1, column 2: not JSON: expected a key in double quotes");
        assert_refused("{1:1}", "line 1, column 2: not JSON: expected a key in double quotes");
        assert_refused("{1e400:1}", "line 1, column 2: not JSON: expected a key in double quotes");
        assert_refused("{", "line 1, column 2: ends too early");
        assert_refused("{\"a\"", "line 1, column 5: ends too early");
        assert_refused("{\"a\" 1}", "line 1, column 6: not JSON: expected a colon after the key");
        assert_refused("{\"a\"::1}", "line 1, column 6: expected a JSON value");
        assert_refused("{\"a\":}", "line 1, column 6: expected a JSON value");
        assert_refused("[\"\\x\"]", "line 1, column 3: not JSON: unknown escape in a string");
        assert_refused("/* a */ 1", "line 1, column 1: expected a JSON value");
        assert_refused_slice(SLICE_LITERAL("{\0}"), "line 1, column 2: NUL byte");
}

static void escapes_are_read_wherever_a_string_stands(void **state)
{
        (void)state;
        json_t *value = json_parse(
                SLICE_LITERAL("{\"k\\u00e4\":{\"\\n\":\"\\\"x\\ud83d\\udc07y\\/"
                              "\\b\\f\\r\\t\\\\\"},\"plain\":\"\\u20ac 8 bytes and more \\u0041\"}"),
                error);
        assert_string_equal(error, "");
        json_t *inner = json_object_get(value, "k\xc3\xa4");
        assert_string_equal(json_string_value(json_object_get(inner, "\n")),
                            "\"x\xf0\x9f\x90\x87y/\b\f\r\t\\");
        assert_string_equal(json_string_value(json_object_get(value, "plain")),
                            "\xe2\x82\xac 8 bytes and more A");
        json_decref(value);
        assert_refused("{\"\\u0061\":1,\"a\":2}", "line 1, column 16: duplicate key");
}

static void a_number_that_is_no_int64_is_kept_as_it_is_written(void **state)
{
        static const char *const wide[] = {"9223372036854775808",
                                           "-9223372036854775809",
                                           "18446744073709551615",
                                           "1234567890123456789012345678901234567890",
                                           "1e999",
                                           "-1E+999",
                                           "1e309",
                                           "1.5e400",
                                           "0.1e310",
                                           "19.90",
                                           "0.1",
                                           "1.0",
                                           "-0",
                                           "-0.0",
                                           "1e2",
                                           "1E+2",
                                           "1e-999",
                                           "9007199254740993.0",
                                           "0.3000000000000000000000000001"};
        (void)state;
        for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
                json_t *value = json_parse(slice_of(wide[i]), error);
                assert_non_null(value);
                assert_string_equal(json_wide(value).data, wide[i]);
                assert_int_equal(json_wide(value).len, strlen(wide[i]));
                assert_null(json_text(value).data);
                assert_string_equal(json_kind(value), "a number");
                struct buffer written = {0};
                json_compact_sorted(&written, value);
                assert_string_equal(written.data, wide[i]);
                buffer_fini(&written);
                json_decref(value);
        }
}

static void an_int64_is_read_as_one(void **state)
{
        static const char *const fits[] = {"9223372036854775807", "-9223372036854775808", "9007199254740993",
                                           "0", "-1"};
        (void)state;
        for (size_t i = 0; i < sizeof(fits) / sizeof(fits[0]); i++) {
                json_t *value = json_parse(slice_of(fits[i]), error);
                assert_true(json_is_integer(value));
                assert_null(json_wide(value).data);
                json_decref(value);
        }
        json_t *most = json_parse(SLICE_LITERAL("9223372036854775807"), error);
        assert_true(json_integer_value(most) == INT64_MAX);
        json_decref(most);
}

static void assert_whole(const char *text, int64_t expected)
{
        int64_t whole = -1;
        json_t *value = json_parse(slice_of(text), error);
        assert_true(json_whole(value, &whole));
        assert_true(whole == expected);
        json_decref(value);
}

static void a_whole_number_is_read_exactly_however_it_is_written(void **state)
{
        static const char *const none[] = {"1.5",
                                           "9223372036854775808",
                                           "1e-1",
                                           "1e300",
                                           "1e400",
                                           "9223372036854775808.0",
                                           "0.99999999999999999999",
                                           "9007199254740993.5",
                                           "\"5\"",
                                           "null"};
        int64_t whole;
        (void)state;
        assert_whole("5", 5);
        assert_whole("5.0", 5);
        assert_whole("-0", 0);
        assert_whole("-0.00", 0);
        assert_whole("5e3", 5000);
        assert_whole("1.5e1", 15);
        assert_whole("9007199254740993.0", INT64_C(9007199254740993));
        assert_whole("-9223372036854775808.0", INT64_MIN);
        for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
                json_t *value = json_parse(slice_of(none[i]), error);
                assert_false(json_whole(value, &whole));
                json_decref(value);
        }
        assert_false(json_whole(NULL, &whole));
}

static void a_number_is_read_as_a_double_however_it_is_written(void **state)
{
        double number;
        (void)state;
        json_t *value = json_parse(SLICE_LITERAL("[19.90,3,1e400,\"1.5\",18446744073709551615]"), error);
        assert_true(json_number(json_array_get(value, 0), &number) && number == 19.9);
        assert_true(json_real_number(json_array_get(value, 0), &number));
        assert_true(json_number(json_array_get(value, 1), &number) && number == 3);
        assert_false(json_real_number(json_array_get(value, 1), &number));
        assert_true(json_number(json_array_get(value, 2), &number));
        assert_false(json_real_number(json_array_get(value, 2), &number));
        assert_false(json_number(json_array_get(value, 3), &number));
        assert_false(json_real_number(json_array_get(value, 4), &number));
        assert_false(json_number(NULL, &number));
        json_decref(value);
}

/* The second text is what jansson wrote of the numbers when it read them itself. */
static void what_is_compared_has_numbers_by_their_value(void **state)
{
        struct buffer written = {0}, doubles = {0};
        (void)state;
        json_t *value = json_parse(
                SLICE_LITERAL(
                        "{\"b\":[19.90,1.0,-0,1E+2,1e-7,1e400,18446744073709551615,\"\\\\u0000\"],\"a\":1}"),
                error);
        json_compact_both(&written, &doubles, value);
        assert_string_equal(
                written.data,
                "{\"a\":1,\"b\":[19.90,1.0,-0,1E+2,1e-7,1e400,18446744073709551615,\"\\\\u0000\"]}");
        assert_string_equal(doubles.data,
                            "{\"a\":1,\"b\":[19.899999999999999,1.0,0,100.0,9.9999999999999995e-8,1e400,"
                            "18446744073709551615,\"\\\\u0000\"]}");
        buffer_fini(&written);
        buffer_fini(&doubles);
        json_decref(value);
        value = json_parse(SLICE_LITERAL("{\"a\":[1,\"1.5\"]}"), error);
        json_compact_both(&written, &doubles, value);
        assert_string_equal(written.data, "{\"a\":[1,\"1.5\"]}");
        assert_int_equal(doubles.len, 0);
        buffer_fini(&written);
        json_decref(value);
}

static void wide_numbers_among_others_are_written_as_they_came(void **state)
{
        static const char text[] =
                "{\"a\":[1e400,19.90,18446744073709551615,\"\\\\u0000\",\"\\\"\\\\\"],\"b\":{\"c\":-1e999,"
                "\"d\":\"9999999999999999999\"}}";
        (void)state;
        json_t *value = json_parse(SLICE_LITERAL(text), error);
        struct buffer written = {0};
        buffer_add_text(&written, "before ");
        json_compact_sorted(&written, value);
        assert_string_equal(written.data + strlen("before "), text);
        assert_int_equal(written.len, strlen("before ") + strlen(text));
        buffer_fini(&written);
        json_decref(value);
}

static void a_place_is_right_behind_wide_numbers(void **state)
{
        (void)state;
        assert_refused("[1e400,18446744073709551615 1]",
                       "line 1, column 29: not JSON: expected a comma or ]");
        assert_refused("{\"a\":1e400,\n\"a\":2}", "line 2, column 4: duplicate key");
        assert_refused("[1e400,\"\\u0000\"]", "line 1, column 9: the character U+0000 is not allowed");
}

static void an_error_never_quotes_the_text(void **state)
{
        static const char *const bad[] = {
                "{\"a\": secret}", "{\"secret\":1,\"secret\":2}", "[secret",
                "{secret:1}",      "\"secret\" \"secret\"",       "[\"secret\\q\"]",
                "1secret",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_null(json_parse(slice_of(bad[i]), error));
                assert_null(strstr(error, "secret"));
                assert_true(strlen(error) > 0);
        }
}

static void nesting_ends_at_64(void **state)
{
        (void)state;
        struct buffer most = nested("[", "]", 64), over = nested("[", "]", 65),
                      objects = nested("{\"a\":", "}", 65);
        assert_accepted(slice_of_buffer(&most));
        assert_refused_slice(slice_of_buffer(&over), "line 1, column 65: nested deeper than 64");
        assert_refused_slice(slice_of_buffer(&objects), "line 1, column 321: nested deeper than 64");
        buffer_fini(&most);
        buffer_fini(&over);
        buffer_fini(&objects);
}

/* A list of `n` times the item. */
static struct buffer list(const char *item, size_t n)
{
        struct buffer text = {0};
        buffer_add_char(&text, '[');
        for (size_t i = 0; i < n; i++)
                buffer_printf(&text, "%s%s", i ? "," : "", item);
        buffer_add_char(&text, ']');
        return text;
}

static void values_and_keys_are_counted(void **state)
{
        (void)state;
        struct buffer most = list("1", 19999), over = list("1", 20000), keys = list("{\"a\":[]}", 6667);
        assert_accepted(slice_of_buffer(&most));
        assert_refused_slice(slice_of_buffer(&over), "line 1, column 40000: more than 20000 values and keys");
        assert_null(json_parse(slice_of_buffer(&keys), error));
        buffer_fini(&most);
        buffer_fini(&over);
        buffer_fini(&keys);
}

static void neighbours_do_not_nest(void **state)
{
        (void)state;
        struct buffer wide = list("[{}]", 100);
        assert_accepted(slice_of_buffer(&wide));
        buffer_fini(&wide);
}

static size_t allocated;

static void *counting_malloc(size_t size)
{
        allocated += size;
        return malloc(size);
}

/* All that it makes until it is refused. */
static void a_bomb_takes_no_more_than_a_text_that_is_taken(void **state)
{
        static const char *const items[] = {"[{},", "[", "{\"a\":", "[0,", "[\"\","};
        (void)state;
        json_set_alloc_funcs(counting_malloc, free);
        for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
                struct buffer text = {0};
                buffer_add_text(&text, items[i]);
                const char *again = items[i] + (items[i][1] != '\0' && items[i][0] == '[');
                while (text.len < 1024 * 1024)
                        buffer_add_text(&text, again);
                allocated = 0;
                assert_null(json_parse(slice_of_buffer(&text), error));
                assert_non_null(strstr(error, items[i][1] == '\0' || items[i][0] == '{' ? "nested deeper"
                                                                                        : "more than 20000"));
                assert_true(allocated < 300 * JSON_VALUES_MAX);
                buffer_fini(&text);
        }
        json_set_alloc_funcs(malloc, free);
}

static void equal_values_give_equal_bytes(void **state)
{
        struct buffer text = {0};
        (void)state;
        json_t *value = json_parse(
                SLICE_LITERAL("{ \"b\" : [1, 2.5, null],\n \"a\" : {\"d\":true, \"c\":\"\\u00e4\"} }"),
                error);
        json_compact_sorted(&text, value);
        assert_string_equal(text.data, "{\"a\":{\"c\":\"\xc3\xa4\",\"d\":true},\"b\":[1,2.5,null]}");
        json_decref(value);
        buffer_fini(&text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_json_value_is_accepted),
                cmocka_unit_test(a_refusal_names_the_place_and_the_cause),
                cmocka_unit_test(a_mistake_of_syntax_is_refused_where_it_stands),
                cmocka_unit_test(escapes_are_read_wherever_a_string_stands),
                cmocka_unit_test(a_number_that_is_no_int64_is_kept_as_it_is_written),
                cmocka_unit_test(an_int64_is_read_as_one),
                cmocka_unit_test(a_whole_number_is_read_exactly_however_it_is_written),
                cmocka_unit_test(a_number_is_read_as_a_double_however_it_is_written),
                cmocka_unit_test(what_is_compared_has_numbers_by_their_value),
                cmocka_unit_test(wide_numbers_among_others_are_written_as_they_came),
                cmocka_unit_test(a_place_is_right_behind_wide_numbers),
                cmocka_unit_test(an_error_never_quotes_the_text),
                cmocka_unit_test(nesting_ends_at_64),
                cmocka_unit_test(values_and_keys_are_counted),
                cmocka_unit_test(neighbours_do_not_nest),
                cmocka_unit_test(a_bomb_takes_no_more_than_a_text_that_is_taken),
                cmocka_unit_test(equal_values_give_equal_bytes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
