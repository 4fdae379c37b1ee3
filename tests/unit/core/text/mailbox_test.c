#include "core/text/mailbox.h"

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
                {"\"Shop, Inc.\" <shop@example.com>", "Shop, Inc.", "shop@example.com"},
                {"\"A \\\"B\\\" <x>\" <a@b.c> ", "A \"B\" <x>", "a@b.c"},
                {"J\xc3\xb6rg <j@example.com>", "J\xc3\xb6rg", "j@example.com"},
                {"<a@[127.0.0.1]>", "", "a@[127.0.0.1]"},
                {"a+b.c@xn--bcher-kva.example", "", "a+b.c@xn--bcher-kva.example"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct mailbox mailbox;
                struct buffer name = {0};
                if (!mailbox_parse(&mailbox, cases[i].text))
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
                "Shop \"x\" <a@b>",
                "\"Shop <a@b>",
                "\"Shop\\\" <a@b>",
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
                "b\xc3\xbc@example.com",
                "a@b\xc3\xbc.example",
                "a@[1.2.3.4]>",
                "a@[x y]",
                "bad \xff utf-8 <a@b>",
                "bell \a <a@b>",
                "1234567890123456789012345678901234567890123456789012345678901234x@local.too.long",
        };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct mailbox mailbox;
                if (mailbox_parse(&mailbox, texts[i]))
                        fail_msg("accepted: %s", texts[i]);
        }
}

static void an_address_has_at_most_254_octets(void **state)
{
        (void)state;
        char address[300];
        for (int len = 250; len < 260; len++) {
                snprintf(address, sizeof address, "a@%.60s.%.60s.%.60s.%.*s",
                         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", len - 185,
                         "xxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
                assert_int_equal(strlen(address), len);
                assert_int_equal(mailbox_address_valid(slice_of(address)), len <= 254);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mailbox_is_an_address_with_or_without_a_name),
                cmocka_unit_test(what_could_break_out_of_a_header_or_command_is_no_mailbox),
                cmocka_unit_test(an_address_has_at_most_254_octets),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
