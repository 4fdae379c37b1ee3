#include "core/address/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void a_mailbox_is_an_address_with_or_without_a_name(void **state)
{
        (void)state;
        static const struct {
                const char *text, *name, *address;
        } cases[] = {
                {"shop@example.com", "", "shop@example.com"},
                {"Shop <shop@example.com>", "Shop", "shop@example.com"},
                {"Shop<shop@example.com>", "Shop", "shop@example.com"},
                {"\"Shop, Inc.\" <shop@example.com>", "Shop, Inc.", "shop@example.com"},
                {"Shop, Inc. <shop@example.com>", "Shop, Inc.", "shop@example.com"},
                {"a@b.c <a@b.c>", "a@b.c", "a@b.c"},
                {"\"A \\\"B\\\" <x>\" <a@b.c> ", "A \"B\" <x>", "a@b.c"},
                {"Shop \"A, B\" Ltd <a@b>", "Shop A, B Ltd", "a@b"},
                {"\"Shop <a@b>\" <c@d>", "Shop <a@b>", "c@d"},
                {"\"\" <a@b>", "", "a@b"},
                {"J\xc3\xb6rg <j@example.com>", "J\xc3\xb6rg", "j@example.com"},
                {"<a@[127.0.0.1]>", "", "a@[127.0.0.1]"},
                {"a+b.c@xn--bcher-kva.example", "", "a+b.c@xn--bcher-kva.example"},
                {"b\xc3\xbc@example.com", "", "b\xc3\xbc@example.com"},
                {"a@b\xc3\xbc.example", "", "a@b\xc3\xbc.example"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct mailbox mailbox;
                struct buffer name = {0};
                if (mailbox_parse(&mailbox, cases[i].text))
                        fail_msg("refused: %s", cases[i].text);
                mailbox_name_add(&name, mailbox);
                assert_string_equal(name.data ? name.data : "", cases[i].name);
                assert_true(slice_is(mailbox.address, cases[i].address));
                buffer_fini(&name);
        }
}

static void what_could_break_out_of_a_header_or_command_is_no_mailbox(void **state)
{
        (void)state;
        static const char *const texts[] = {
                "",
                "shop",
                "@",
                "a@",
                "@b",
                "a@b\r\nBcc: x@y",
                "a@b\nRCPT TO:<x@y>",
                "a@b> RCPT TO:<x@y>",
                "Shop\r\nBcc: x@y <a@b>",
                "Shop <a@b> x",
                "Shop <a@b",
                "Shop <x> <a@b>",
                "\"Shop <a@b>",
                "\"Shop\\\" <a@b>",
                "Shop \"x <a@b>",
                "a b@c",
                ".a@b",
                "a.@b",
                "a..b@c",
                "a@b..c",
                "a@-b",
                "a@b.",
                "a@b@c",
                "\"a b\"@c",
                "a@b,c@d",
                "a@b, Bob <c@d>",
                "a@b; Bob <c@d>",
                "a@[1.2.3.4]>",
                "a@[x y]",
                "bad \xff utf-8 <a@b>",
                "bell \a <a@b>",
                "next\xc2\x85line <a@b>",
                "line\xe2\x80\xa8separator <a@b>",
                "1234567890123456789012345678901234567890123456789012345678901234x@local.too.long",
        };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct mailbox mailbox;
                if (!mailbox_parse(&mailbox, texts[i]))
                        fail_msg("accepted: %s", texts[i]);
        }
}

/* The list in one spelling; "mailbox N: mistake" if it is none. */
static void list_is(const char *text, const char *expected)
{
        struct buffer out = {0};
        struct mailbox mailbox;
        const char *at = text, *mistake = NULL;
        size_t count = 0;
        while (!mistake && mailbox_next(&at, &mailbox, &mistake))
                count++;
        if (mistake)
                buffer_printf(&out, "mailbox %zu: %s", count, mistake);
        else
                mailbox_list_write(&out, text);
        assert_string_equal(out.data ? out.data : "", expected);
        buffer_fini(&out);
}

static void a_list_is_mailboxes_with_commas_between_them(void **state)
{
        (void)state;
        list_is("", "");
        list_is("a@b", "a@b");
        list_is(" a@b ,c@d", "a@b, c@d");
        list_is("\"Shop, Inc.\" <a@b>, Bob <c@d>", "\"Shop, Inc.\" <a@b>, Bob <c@d>");
        list_is("John Q. Public <a@b>", "\"John Q. Public\" <a@b>");
        list_is("\"a\\\\b; c: \\\"d\\\"\" <a@b>, c@d", "\"a\\\\b; c: \\\"d\\\"\" <a@b>, c@d");
        list_is("\"plain\" <a@b>", "plain <a@b>");
        list_is("\"A&B {x} it's #1!\" <a@b>", "A&B {x} it's #1! <a@b>");
        list_is("\"two  spaces\" <a@b>", "\"two  spaces\" <a@b>");
        list_is("Ren\xc3\xa9 <r@b\xc3\xbc"
                "cher.example>",
                "Ren\xc3\xa9 <r@xn--bcher-kva.example>");
        list_is("\xe2\x80\x8f\xd8\xa3\xd8\xad\xd9\x85\xd8\xaf <a@b>",
                "\xe2\x80\x8f\xd8\xa3\xd8\xad\xd9\x85\xd8\xaf <a@b>");
        list_is("a@[IPv6:2001:db8::1], b@c",
                "mailbox 1: groups are not taken: list the mailboxes with commas, a name "
                "with : or ; in quotes");
        list_is("<a@[IPv6:2001:db8::1]>, b@c", "a@[IPv6:2001:db8::1], b@c");
}

static void what_is_no_list_is_refused_with_its_place(void **state)
{
        (void)state;
        list_is("a@b, Shop, Inc. <c@d>", "mailbox 2: expected an e-mail address, or a name and <address>");
        list_is("a@b,", "mailbox 1: expected a mailbox on both sides of a comma");
        list_is(",a@b", "mailbox 1: expected a mailbox on both sides of a comma");
        list_is("a@b,,c@d", "mailbox 2: expected a mailbox on both sides of a comma");
        list_is("friends: a@b, c@d;", "mailbox 1: groups are not taken: list the mailboxes with commas, a "
                                      "name with : or ; in quotes");
        list_is("a@b; c@d", "mailbox 1: groups are not taken: list the mailboxes with commas, a name with : "
                            "or ; in quotes");
        list_is("a@b, c\n@d", "mailbox 2: expected one line of UTF-8");
        list_is("a@b, \"c d\"@e", "mailbox 2: a local part in quotes is not taken: leave the quotes off, or "
                                  "use another address");
        list_is("\"C D\" <\"c d\"@e>", "mailbox 1: a local part in quotes is not taken: leave the quotes "
                                       "off, or use another address");
        list_is("a@b, \"open <c@d>", "mailbox 2: expected an e-mail address, or a name and <address>");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mailbox_is_an_address_with_or_without_a_name),
                cmocka_unit_test(what_could_break_out_of_a_header_or_command_is_no_mailbox),
                cmocka_unit_test(a_list_is_mailboxes_with_commas_between_them),
                cmocka_unit_test(what_is_no_list_is_refused_with_its_place),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
