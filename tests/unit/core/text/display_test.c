#include "core/text/display.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ZHONG "\xe4\xb8\xad"         /* U+4E2D, two columns */
#define ACUTE "\xcc\x81"             /* U+0301, stands on the letter before */
#define RIGHT_TO_LEFT "\xe2\x80\xae" /* U+202E */
#define GRINNING "\xf0\x9f\x98\x80"  /* U+1F600, two columns */

static void a_text_has_the_width_that_a_terminal_gives_it(void **state)
{
        static const struct {
                const char *text;
                size_t width;
        } cases[] = {{"", 0},       {"abc", 3},      {"e" ACUTE, 1},  {ZHONG ZHONG, 4},
                     {GRINNING, 2}, {"\xff\xfe", 2}, {"\xc3\xa9", 1}, {RIGHT_TO_LEFT "a", 1}};
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                assert_int_equal(display_width(slice_of(cases[i].text)), cases[i].width);
}

static void a_long_text_loses_its_middle(void **state)
{
        static const struct {
                const char *text;
                size_t width;
                const char *shown;
        } cases[] = {{"order-12345", 11, "order-12345"},
                     {"order-12345", 10, "orde..2345"},
                     {"order-12345", 5, "or..5"},
                     {"order-12345", 4, "orde"},
                     {"order-12345", 0, ""},
                     {ZHONG ZHONG ZHONG ZHONG, 7, ZHONG ".." ZHONG},
                     {"ae" ACUTE "iouxyz", 7, "ae" ACUTE "i..yz"}};
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct buffer out = {0};
                display_shorten(&out, slice_of(cases[i].text), cases[i].width);
                buffer_add_text(&out, "");
                assert_string_equal(out.data ? out.data : "", cases[i].shown);
                assert_true(display_width(slice_of(out.data)) <= cases[i].width);
                buffer_fini(&out);
        }
}

static void an_age_is_one_word(void **state)
{
        static const struct {
                int64_t ms;
                const char *age;
        } cases[] = {{0, "0ms"},         {-5, "0ms"},      {999, "999ms"},    {1000, "1s"},
                     {59999, "59s"},     {60000, "1m"},    {7199999, "119m"}, {7200000, "2h"},
                     {172799999, "47h"}, {172800000, "2d"}};
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct buffer out = {0};
                display_age(&out, cases[i].ms);
                assert_string_equal(out.data, cases[i].age);
                buffer_fini(&out);
        }
}

static void what_turns_or_hides_text_is_known(void **state)
{
        (void)state;
        assert_true(display_is_hidden(display_code(RIGHT_TO_LEFT, 3)));
        assert_int_equal(display_code(GRINNING, 4), 0x1f600);
        assert_int_equal(display_code("\xc3\xa9", 2), 0xe9);
        assert_false(display_is_hidden('a'));
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(a_text_has_the_width_that_a_terminal_gives_it),
                                           cmocka_unit_test(a_long_text_loses_its_middle),
                                           cmocka_unit_test(an_age_is_one_word),
                                           cmocka_unit_test(what_turns_or_hides_text_is_known)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
