#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(resend_takes_a_key_by_smtp_too),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
