#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/memory/slice.h"
#include "core/text/address.h"

static bool valid(const char *text)
{
        return address_valid(text, strlen(text));
}

static void ordinary_addresses_are_valid(void **state)
{
        static const char *const good[] = {
                "ada@example.com",   "a@b",          "a.b+c@xn--bcher-kva.example", "o'neill@example.org",
                "A_b-c@EXAMPLE.COM", "x@1a.example", "!#$%&'*+-/=?^_`{|}~@a.b",     "x@a--b.c",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
                if (!valid(good[i]))
                        fail_msg("refused %s", good[i]);
}

static void what_is_not_one_bare_address_is_refused(void **state)
{
        static const char *const bad[] = {
                "",
                "@",
                "a",
                "a@",
                "@b",
                "a@b@c",
                ".a@b",
                "a.@b",
                "a..b@c",
                "a@b.",
                "a@.b",
                "a@b..c",
                "a@-b",
                "a@b-",
                "a b@c",
                " a@b",
                "a@b ",
                "a@b c",
                "\ta@b",
                "a@b\r\nRCPT TO:<e@v.il>",
                "a\n@b",
                "a@b\n",
                "a@b,c@d",
                "a@b;c@d",
                "Ada <a@b>",
                "<a@b>",
                "\"a b\"@c",
                "a(x)@b",
                "a@[127.0.0.1]",
                "a@127.0.0.1",
                "a@b_c",
                "a@b:25",
                "a\\@b",
                "\x7f@b",
                "\x01@b",
                "\xc3\xa4@b.de",
                "a@b\xc3\xbc.de",
                "a@b%00",
                "a,b@c",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                if (valid(bad[i]))
                        fail_msg("accepted %s", bad[i]);
}

static void a_nul_inside_is_refused(void **state)
{
        (void)state;
        assert_false(address_valid("a@b\0c", 5));
        assert_false(address_valid("a\0b@c", 5));
}

static void no_byte_outside_the_grammar_is_accepted_anywhere(void **state)
{
        (void)state;
        static const char local[] =
                "!#$%&'*+-/=?^_`{|}~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.";
        static const char domain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
        for (int c = 0; c < 256; c++) {
                char text[] = {'a', (char)c, 'b', '@', 'c', 'd', '\0'};
                assert_int_equal(address_valid(text, 6), memchr(local, c, sizeof(local) - 1) != NULL);
                char other[] = {'a', '@', 'b', (char)c, 'd', '\0'};
                assert_int_equal(address_valid(other, 5), memchr(domain, c, sizeof(domain) - 1) != NULL);
        }
}

static void lengths_are_bounded(void **state)
{
        char text[400];
        (void)state;
        memset(text, 'a', sizeof(text));
        text[64] = '@';
        assert_true(address_valid(text, 64 + 1 + 63));
        assert_false(address_valid(text, 64 + 1 + 64)); /* a label of 64 */
        text[64] = 'a';
        text[65] = '@';
        assert_false(address_valid(text, 65 + 1 + 10)); /* a local part of 65 */
        memset(text, 'a', sizeof(text));
        text[10] = '@';
        for (size_t i = 60; i < sizeof(text); i += 50)
                text[i] = '.';
        assert_true(address_valid(text, 254));
        assert_false(address_valid(text, 255));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ordinary_addresses_are_valid),
                cmocka_unit_test(what_is_not_one_bare_address_is_refused),
                cmocka_unit_test(a_nul_inside_is_refused),
                cmocka_unit_test(no_byte_outside_the_grammar_is_accepted_anywhere),
                cmocka_unit_test(lengths_are_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
