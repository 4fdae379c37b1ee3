#include "plan_text.h"

#include "core/text/utf8.h"

/* Hundreds of bodies that no publisher should send. Each must be refused as a bad payload, with a text that
 * is fit for a header and repeats nothing of the body. */

extern const struct handler order_created_v1;

#define GOOD "{\"order_id\":42,\"customer_email\":\"secret@example.com\",\"title\":\"secret tea\"}"

static size_t tried;

static enum plan_outcome outcome_of(struct slice body, char error[PLAN_ERROR_MAX])
{
        struct arena arena;
        struct plan *plan;
        /* A copy of exactly that size, so that the sanitizer sees a byte read too many. */
        char *exact = malloc(body.len ? body.len : 1);
        if (body.len)
                memcpy(exact, body.data, body.len);
        arena_init(&arena);
        struct faults faults = {.arena = &arena};
        enum plan_outcome outcome =
                plan_build_text(&order_created_v1, (struct slice){exact, body.len}, &plan, &faults);
        faults_join(&faults, error, PLAN_ERROR_MAX);
        arena_fini(&arena);
        free(exact);
        return outcome;
}

static void assert_refused(struct slice body)
{
        char error[PLAN_ERROR_MAX];
        enum plan_outcome outcome = outcome_of(body, error);
        if (outcome != PLAN_BAD_PAYLOAD)
                fail_msg("accepted: %.*s", SLICE_PRINT(body));
        size_t len = strnlen(error, PLAN_ERROR_MAX);
        assert_in_range(len, 1, PLAN_ERROR_MAX - 1);
        assert_true(utf8_one_line(error, len));
        assert_null(strstr(error, "secret"));
        tried++;
}

static void assert_refused_text(const char *text)
{
        assert_refused(slice_of(text));
}

/* The good body with another order_id, or another title's inside. */
static void with_order_id(const char *value)
{
        char text[256];
        snprintf(text, sizeof(text), "{\"order_id\":%s,\"customer_email\":\"a@b.c\",\"title\":\"x\"}", value);
        assert_refused_text(text);
}

static void with_title(const char *value)
{
        char text[256];
        snprintf(text, sizeof(text), "{\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":\"%s\"}", value);
        assert_refused_text(text);
}

#define EACH(check, ...)                                                                                     \
        do {                                                                                                 \
                static const char *const cases[] = {__VA_ARGS__};                                            \
                for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)                                \
                        check(cases[i]);                                                                     \
        } while (0)

static void the_good_body_is_accepted(void **state)
{
        char error[PLAN_ERROR_MAX];
        (void)state;
        assert_int_equal(outcome_of(SLICE_LITERAL(GOOD), error), PLAN_OK);
        assert_int_equal(outcome_of(SLICE_LITERAL(" \r\n\t" GOOD "\n"), error), PLAN_OK);
}

static void cut_anywhere_it_is_refused(void **state)
{
        (void)state;
        for (size_t len = 0; len < sizeof(GOOD) - 1; len++)
                assert_refused((struct slice){GOOD, len});
}

static void with_one_bad_byte_anywhere_it_is_refused(void **state)
{
        static const char bytes[] = {'\0', '\x01', '\x1f', '\x80', '\xc0', '\xed', '\xff'};
        (void)state;
        for (size_t at = 0; at < sizeof(GOOD) - 1; at++) {
                for (size_t i = 0; i < sizeof(bytes); i++) {
                        char body[] = GOOD;
                        body[at] = bytes[i];
                        assert_refused((struct slice){body, sizeof(GOOD) - 1});
                }
        }
}

static void with_anything_around_it_is_refused(void **state)
{
        (void)state;
        EACH(assert_refused_text, "\xef\xbb\xbf" GOOD, GOOD "x", GOOD "{}", GOOD "}", GOOD "]", GOOD ",",
             GOOD "1", GOOD "null", GOOD " //", GOOD "/**/", GOOD GOOD, GOOD "\n" GOOD, "," GOOD,
             "[" GOOD "]", "x" GOOD, "\"" GOOD "\"", GOOD "\xef\xbb\xbf", "\xfe\xff" GOOD, ")]}'\n" GOOD,
             "data: " GOOD, "\x1f\x8b" GOOD);
        assert_refused(SLICE_LITERAL(GOOD "\0"));
        assert_refused(SLICE_LITERAL("{\0}\0"));
}

static void what_is_no_object_is_refused(void **state)
{
        (void)state;
        EACH(assert_refused_text, "", " ", "\n", "null", "true", "false", "0", "42", "1.5", "\"secret\"",
             "[]", "[{}]", "nul", "True", "None", "undefined", "{", "}", "{}}", "{]", "[}", "{,}", "{:}",
             "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{\"a\" 1}",
             "{\"a\":1 \"b\":2}", "<xml/>", "a=b", "{}");
}

static void a_number_that_is_none_or_out_of_range_is_refused(void **state)
{
        (void)state;
        EACH(with_order_id, "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e999",
             "-1e999", "1e19", "9007199254740993.0e3", "01", "+1", ".5", "5.", "0x10", "1_000", "1,0", "NaN",
             "Infinity", "-Infinity", "1e", "1e+", "--1", "-", "1.5", "0", "-1", "0.0", "-0", "1e-3",
             "1e-999", "\"42\"", "\"\"", "true", "false", "null", "[]", "[42]", "{}",
             "{\"$numberLong\":\"42\"}", "", "42 42", "4 2", "42n", "1e9999999999");
}

static void text_that_is_malformed_is_refused(void **state)
{
        (void)state;
        EACH(with_title, "\\ud800", "\\udbff", "\\udc00", "\\udfff", "\\ud800\\ud800", "\\ud800x",
             "\\udfff\\ud800", "\\ud83d\\u0041", "\\ud83d \\udc07", "\\ud83d\\n", "\\u0000", "secret\\u0000",
             "\\u", "\\u1", "\\u12", "\\u123", "\\u12G4", "\\u-123", "\\U00000041", "\\x41", "\\0", "\\'",
             "\\a", "\\", "\t", "\n", "\r", "\x7f\\u007f", "\\n", "\\r\\nBcc: secret@example.com", "\\t",
             "\\u001b[31m", "\\u0085", "\\u2028", "\\u2029", "\\b", "\\f");
        EACH(with_title, "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80",
             "\xe0\x9f\xbf", "\xe2\x82", "\xe2(\xa1", "\xed\xa0\x80", "\xed\xbf\xbf",
             "\xed\xa0\xbd\xed\xb0\x87", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x90",
             "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff");
}

static void a_member_that_is_missing_doubled_or_of_another_kind_is_refused(void **state)
{
        (void)state;
        EACH(assert_refused_text, "{\"order_id\":1}", "{\"order_id\":1,\"customer_email\":\"a@b.c\"}",
             "{\"order_id\":1,\"title\":\"x\"}", "{\"customer_email\":\"a@b.c\",\"title\":\"x\"}",
             "{\"order_id\":1,\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":\"x\"}",
             "{\"order_id\":1,\"order\\u005fid\":1,\"customer_email\":\"a@b.c\",\"title\":\"x\"}",
             "{\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":\"x\",\"more\":{\"a\":1,\"a\":2}}",
             "{\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":\"x\",\"m\":1,\"m\":1}",
             "{\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":null}",
             "{\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":7}",
             "{\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":[\"x\"]}",
             "{\"order_id\":1,\"customer_email\":null,\"title\":\"x\"}",
             "{\"order_id\":1,\"customer_email\":{\"email\":\"a@b.c\"},\"title\":\"x\"}",
             "{\"order_id\":1,\"customer_email\":[\"a@b.c\"],\"title\":\"x\"}",
             "{\"order_id\":1,\"customer_email\":\"secret\",\"title\":\"x\"}",
             "{\"order_id\":1,\"customer_email\":\"secret <a@b.c>\",\"title\":\"x\"}",
             "{\"order_id\":1,\"customer_email\":\"a@b.c\\r\\nRCPT "
             "TO:<secret@example.com>\",\"title\":\"x\"}",
             "{\"order_id\":1,\"customer_email\":\"a@b\xe2\x84\x80.de\",\"title\":\"x\"}",
             "{\"Order_id\":1,\"customer_email\":\"a@b.c\",\"title\":\"x\"}",
             "{\"order_id \":1,\"customer_email\":\"a@b.c\",\"title\":\"x\"}");
}

static struct buffer repeated(const char *head, const char *item, size_t n, const char *tail)
{
        struct buffer text = {0};
        buffer_add_text(&text, head);
        for (size_t i = 0; i < n; i++)
                buffer_add_text(&text, item);
        buffer_add_text(&text, tail);
        return text;
}

static void assert_repeated_refused(const char *head, const char *item, size_t n, const char *tail)
{
        struct buffer text = repeated(head, item, n, tail);
        assert_refused((struct slice){text.data, text.len});
        buffer_fini(&text);
}

#define OPEN_BODY "{\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":\"x\",\"more\":"

static void what_is_too_deep_too_many_or_too_long_is_refused(void **state)
{
        static const size_t depths[] = {64, 65, 2047, 2048, 2049, 26000, 1000000};
        (void)state;
        for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
                assert_repeated_refused(OPEN_BODY, "[", depths[i], "");
                assert_repeated_refused(OPEN_BODY, "{\"a\":", depths[i], "");
                assert_repeated_refused("", "[", depths[i], "");
        }
        assert_repeated_refused(OPEN_BODY "[", "{},", 349525, "0]}");
        assert_repeated_refused("[", "{},", 349525, "{}]");
        assert_repeated_refused("", "{},", 349525, "");
        assert_repeated_refused(OPEN_BODY "[", "0,", 20000, "0]}");
        assert_repeated_refused(OPEN_BODY "[", "[],", 20000, "0]}");
        assert_repeated_refused("{\"order_id\":1", "0", 1000000, "}");
        assert_repeated_refused("{\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":\"", "x", 201, "\"}");
        assert_repeated_refused("{\"order_id\":1,\"customer_email\":\"a@b.c\",\"title\":\"", "\xc3\xa4", 201,
                                "\"}");
        assert_repeated_refused("{\"order_id\":1,\"title\":\"x\",\"customer_email\":\"a@", "b.", 200, "c\"}");
}

static void the_corpus_is_large(void **state)
{
        (void)state;
        print_message("%zu malformed bodies\n", tried);
        assert_true(tried >= 300);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_good_body_is_accepted),
                cmocka_unit_test(cut_anywhere_it_is_refused),
                cmocka_unit_test(with_one_bad_byte_anywhere_it_is_refused),
                cmocka_unit_test(with_anything_around_it_is_refused),
                cmocka_unit_test(what_is_no_object_is_refused),
                cmocka_unit_test(a_number_that_is_none_or_out_of_range_is_refused),
                cmocka_unit_test(text_that_is_malformed_is_refused),
                cmocka_unit_test(a_member_that_is_missing_doubled_or_of_another_kind_is_refused),
                cmocka_unit_test(what_is_too_deep_too_many_or_too_long_is_refused),
                cmocka_unit_test(the_corpus_is_large),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
