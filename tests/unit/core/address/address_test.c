#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/address/address.h"
#include "core/memory/slice.h"

static bool valid(const char *text)
{
        return address_valid(text, strlen(text));
}

static void ordinary_addresses_are_valid(void **state)
{
        static const char *const good[] = {
                "ada@example.com",
                "a@b",
                "a.b+c@xn--bcher-kva.example",
                "o'neill@example.org",
                "A_b-c@EXAMPLE.COM",
                "x@1a.example",
                "!#$%&'*+-/=?^_`{|}~@a.b",
                "x@a--b.c",
                "a@mail_1.internal",
                "a@[127.0.0.1]",
                "a@[IPv6:2001:db8::1]",
                /* Domains in any script, and a local part that needs SMTPUTF8. */
                "a@b\xc3\xbc"
                "cher.example",
                "a@\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
                "a@fa\xc3\x9f.de",
                "\xe3\x82\xa2@example.com",
                "d\xc3\xb6rte@example.com",
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
                "a@127.0.0.1",
                "a@b:25",
                "a\\@b",
                "\x7f@b",
                "\x01@b",
                "a@b%00",
                "a,b@c",
                "a@[]",
                "a@[1.2.3.4",
                "a@[1 2]",
                "a@[ 1.2]",
                "a@[1.2 ]",
                "a@[",
                "a@]",
                "a@\xf0\x9f\x92\xa9.example", /* IDNA 2008 knows no emoji */
                "a@b\xe2\x84\x80.example",    /* which UTS #46 maps to a/c */
                "a@\xff.example",
                "a\xc2\xa0z@b.c",
                "a\xe2\x80\xaez@b.c",
                "a\xef\xbb\xbf@b.c",
                "a\xc2\x85z@b.c",
                "a\xc3@b.c",
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
        static const char domain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
        for (int c = 0; c < 256; c++) {
                char text[] = {'a', (char)c, 'b', '@', 'c', 'd', '\0'};
                assert_int_equal(address_valid(text, 6), memchr(local, c, sizeof(local) - 1) != NULL);
                char other[] = {'a', '@', 'b', (char)c, 'd', '\0'};
                assert_int_equal(address_valid(other, 5), memchr(domain, c, sizeof(domain) - 1) != NULL);
        }
}

static void domains_become_a_labels(void **state)
{
        static const struct {
                const char *text, *ascii;
        } cases[] = {
                {"Ada@Example.COM", "Ada@Example.COM"},
                {"a@B\xc3\x9c"
                 "CHER.example",
                 "a@xn--bcher-kva.example"},
                {"a@bu\xcc\x88"
                 "cher.example",
                 "a@xn--bcher-kva.example"},
                {"a@fa\xc3\x9f.de", "a@xn--fa-hia.de"},
                {"\xe3\x82\xa2@\xe4\xbe\x8b\xe3\x80\x82jp", "\xe3\x82\xa2@xn--fsq.jp"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct buffer out = {0};
                address_add(&out, slice_of(cases[i].text));
                assert_string_equal(out.data, cases[i].ascii);
                assert_int_equal(address_needs_utf8(slice_of(cases[i].text)), cases[i].text[0] == '\xe3');
                buffer_fini(&out);
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
                cmocka_unit_test(domains_become_a_labels),
                cmocka_unit_test(lengths_are_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
