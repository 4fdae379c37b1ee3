#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/json_build.h"
#include "core/utf8.h"

/* What jansson makes of the text, by the flags of json_parse. */
static json_t *reference(struct slice text)
{
        return json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

/* json_build may give up, but must not differ. Returns whether it built the tree. */
static bool assert_like_jansson(struct slice text)
{
        json_t *built = json_build(text), *wanted = reference(text);
        if (built) {
                assert_non_null(wanted);
                assert_true(json_equal(built, wanted));
                struct buffer mine = {0}, its = {0};
                json_write(&mine, built, JSON_COMPACT); /* also the order of the members */
                json_write(&its, wanted, JSON_COMPACT);
                assert_string_equal(mine.data, its.data);
                buffer_fini(&mine);
                buffer_fini(&its);
        }
        bool is_built = built;
        json_decref(built);
        json_decref(wanted);
        return is_built;
}

static const char *const plain[] = {
        "{}",
        "[]",
        " [ ] ",
        "true",
        "-0",
        "\"\"",
        "999999999999999999",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"\\n\\t\\\\\\/\\\"\\b\\f\\rx\",\"e\":-17}",
        "{\"order_id\": 42, \"customer_email\": \"ada@example.com\", \"title\": \"T\xc3\xa9\", \"items\": "
        "[{\"n\": 1, \"ok\": true}, {\"n\": 2, \"ok\": false}]}\r\n",
};

static void plain_texts_are_built_as_jansson_builds_them(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
                assert_true(assert_like_jansson(slice_of(plain[i])));
}

static void all_else_is_left_to_jansson(void **state)
{
        static const char *const other[] = {
                "",
                " ",
                "{\"a\":1,\"a\":2}",
                "1.5",
                "1e5",
                "01",
                "-",
                "1000000000000000000",
                "tru",
                "truex",
                "\"\\u0041\"",
                "[1,]",
                "[1 2]",
                "{\"a\"}",
                "{\"a\":1,}",
                "{\"a\":1}}",
                "{a:1}",
                "\"\\q\"",
                "[1",
                "{",
                "\"open",
                "nul l",
                "1 1",
                "--1",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
                assert_null(json_build(slice_of(other[i])));
}

/* Bytes are replaced, doubled and dropped by a fixed sequence of pseudo-random numbers (xorshift32). The text
 * is looked at as json_parse would: it refuses these bytes before json_build is asked. */
static void spoiled_texts_are_never_read_otherwise_than_by_jansson(void **state)
{
        static const char alphabet[] = "{}[]\",:\\ ntfalseru0123456789-.e";
        uint32_t random = 2463534242;
        size_t built = 0;
        (void)state;
        for (int round = 0; round < 100000; round++) {
                char text[300];
                const char *from = plain[round % (sizeof(plain) / sizeof(*plain))];
                size_t len = strlen(from);
                memcpy(text, from, len);
                for (int change = round % 3; change >= 0; change--) {
                        random ^= random << 13;
                        random ^= random >> 17;
                        random ^= random << 5;
                        text[random % len] = alphabet[(random >> 10) % (sizeof(alphabet) - 1)];
                }
                struct slice spoiled = {.data = text, .len = len - (random >> 28 == 0)};
                built += utf8_valid(spoiled.data, spoiled.len) && assert_like_jansson(spoiled);
        }
        assert_true(built > 10000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_texts_are_built_as_jansson_builds_them),
                cmocka_unit_test(all_else_is_left_to_jansson),
                cmocka_unit_test(spoiled_texts_are_never_read_otherwise_than_by_jansson),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
