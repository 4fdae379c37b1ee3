#include "core/codec/json.h"
#include "core/text/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_LEN = 21 };

static bool is_plain(unsigned char c)
{
        return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void a_plain_run_ends_before_the_eight_with_another_byte(void **state)
{
        (void)state;
        for (int c = 0; c < 256; c++) {
                for (size_t at = 0; at < TEXT_LEN; at++) {
                        char text[TEXT_LEN];
                        memset(text, 'a', sizeof(text));
                        text[at] = (char)c;
                        size_t eights = is_plain((unsigned char)c) ? TEXT_LEN / 8 : at / 8;
                        if (eights > TEXT_LEN / 8)
                                eights = TEXT_LEN / 8;
                        assert_int_equal(utf8_plain_run(text, sizeof(text)), eights * 8);
                }
        }
        assert_int_equal(utf8_plain_run("abcdefg", 7), 0);
        assert_int_equal(utf8_plain_run(NULL, 0), 0);
}

static void ascii_ends_at_the_first_high_byte_wherever_it_is(void **state)
{
        (void)state;
        for (int c = 0; c < 256; c++) {
                for (size_t at = 0; at < TEXT_LEN; at++) {
                        char text[TEXT_LEN];
                        memset(text, 'a', sizeof(text));
                        text[at] = (char)c;
                        assert_int_equal(utf8_is_ascii(text, sizeof(text)), c < 0x80);
                        assert_true(utf8_is_ascii(text, at));
                }
        }
        assert_true(utf8_is_ascii(NULL, 0));
}

/* Written by us, read by jansson after our own check. */
static void a_json_string_is_read_as_it_was_written(void **state)
{
        (void)state;
        const char *const pieces[] = {"\"",   "\\",       "\n",           "\x01",
                                      "\x7f", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x90\x87",
                                      " ",    "\\u0041"};
        for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
                for (size_t at = 0; at < TEXT_LEN; at++) {
                        struct buffer text = {0}, json = {0};
                        char error[JSON_CAUSE_MAX];
                        for (size_t k = 0; k < TEXT_LEN; k++)
                                buffer_add_text(&text, k == at ? pieces[i] : "b");
                        buffer_add_json_string(&json, (struct slice){.data = text.data, .len = text.len});
                        json_t *read = json_parse((struct slice){.data = json.data, .len = json.len}, error);
                        assert_non_null(read);
                        assert_string_equal(json_string_value(read), text.data);
                        json_decref(read);
                        buffer_fini(&json);
                        buffer_fini(&text);
                }
        }
}

static size_t encode(uint32_t point, char *text, size_t bytes)
{
        static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
        for (size_t i = bytes; i-- > 1; point >>= 6)
                text[i] = (char)(0x80 | (point & 0x3f));
        text[0] = (char)(lead[bytes] | point);
        return bytes;
}

/* RFC 3629 section 3: the shortest form, no surrogates, nothing beyond U+10FFFF. */
static void each_code_point_has_one_form(void **state)
{
        (void)state;
        static const uint32_t first[] = {0, 0, 0x80, 0x800, 0x10000};
        char text[4];
        for (size_t bytes = 2; bytes <= 4; bytes++)
                for (uint32_t point = 0; point < 1u << (bytes * 5 + 1); point++) {
                        bool good = point >= first[bytes] && point <= 0x10ffff &&
                                    (point < 0xd800 || point > 0xdfff);
                        size_t len = encode(point, text, bytes);
                        if (utf8_width(text, len) != (good ? bytes : 0))
                                fail_msg("U+%04X in %zu bytes", point, bytes);
                        if (utf8_width(text, len - 1) != 0)
                                fail_msg("U+%04X in %zu bytes, cut", point, bytes);
                }
}

static void a_broken_string_is_refused_wherever_it_breaks(void **state)
{
        (void)state;
        const char *const broken[] = {"\n", "\x1f", "\xc3", "\xff", "\\x", "\\ud800", "\\u0000"};
        for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
                for (size_t at = 0; at < TEXT_LEN; at++) {
                        struct buffer json = {0};
                        char error[JSON_CAUSE_MAX];
                        buffer_add_char(&json, '"');
                        for (size_t k = 0; k < TEXT_LEN; k++)
                                buffer_add_text(&json, k == at ? broken[i] : "b");
                        buffer_add_char(&json, '"');
                        assert_null(json_parse((struct slice){.data = json.data, .len = json.len}, error));
                        buffer_fini(&json);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ascii_ends_at_the_first_high_byte_wherever_it_is),
                cmocka_unit_test(a_plain_run_ends_before_the_eight_with_another_byte),
                cmocka_unit_test(a_json_string_is_read_as_it_was_written),
                cmocka_unit_test(each_code_point_has_one_form),
                cmocka_unit_test(a_broken_string_is_refused_wherever_it_breaks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
