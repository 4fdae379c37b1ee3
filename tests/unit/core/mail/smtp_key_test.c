#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/mail/smtp_key.h"

static void resend_takes_a_key_by_smtp_too(void **state)
{
        (void)state;
        assert_string_equal(smtp_key_header(NULL, "smtp://smtp.resend.com:587"), "Resend-Idempotency-Key");
        assert_string_equal(smtp_key_header(NULL, "smtps://SMTP.Resend.com"), "Resend-Idempotency-Key");
        assert_null(smtp_key_header(NULL, "smtp://smtp.resend.com.example.net:587"));
        assert_null(smtp_key_header(NULL, "smtp://mail.example.com:25"));
        assert_null(smtp_key_header(NULL, NULL));
        assert_string_equal(smtp_key_header("X-Key", "smtp://smtp.resend.com"), "X-Key");
}

static void only_what_can_be_a_header_is_one(void **state)
{
        (void)state;
        assert_true(smtp_key_header_valid("X-EE-Idempotency-Key"));
        assert_false(smtp_key_header_valid(""));
        assert_false(smtp_key_header_valid("X Key"));
        assert_false(smtp_key_header_valid("X-Key:"));
        assert_false(smtp_key_header_valid("X-Key\r\nBcc"));
        assert_false(smtp_key_header_valid("X-Sch\xc3\xbcssel"));
        char name[78];
        memset(name, 'x', sizeof name);
        name[76] = '\0';
        assert_true(smtp_key_header_valid(name));
        name[76] = 'x', name[77] = '\0';
        assert_false(smtp_key_header_valid(name));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(resend_takes_a_key_by_smtp_too),
                cmocka_unit_test(only_what_can_be_a_header_is_one),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
