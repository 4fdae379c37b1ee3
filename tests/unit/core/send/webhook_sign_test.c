#include "core/send/webhook_sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The example of the documentation of Svix, whose scheme Standard Webhooks is. */
static void the_published_example_has_the_published_signature(void **state)
{
        (void)state;
        struct webhook_secret secret;
        struct buffer out = {0};
        assert_true(webhook_secret_parse("whsec_plJ3nmyCDGBKInavdOK15jsl", &secret));
        webhook_sign(&out, &secret, "msg_loFOjxBNrRLzqYUf", 1731705121,
                     slice_of("{\"event_type\":\"ping\",\"data\":{\"success\":true}}"));
        assert_string_equal(out.data, "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=");
        buffer_fini(&out);
}

static void two_secrets_sign_side_by_side(void **state)
{
        (void)state;
        struct webhook_secret secret;
        struct buffer out = {0};
        assert_true(webhook_secret_parse("whsec_plJ3nmyCDGBKInavdOK15jsl", &secret));
        webhook_sign(&out, &secret, "i", 1, slice_of("{}"));
        size_t one = out.len;
        webhook_sign(&out, &secret, "i", 1, slice_of("{}"));
        assert_int_equal(out.len, 2 * one + 1);
        assert_memory_equal(out.data + one, " v1,", 4);
        buffer_fini(&out);
}

static void what_is_no_secret_is_refused(void **state)
{
        (void)state;
        static const char *const refused[] = {
                "",
                "whsec_",
                "plJ3nmyCDGBKInavdOK15jsl",
                "whsec_plJ3nmyCDGBKInavdOK15js", /* no base64 */
                "whsec_plJ3nmyCDGBKInavdOK1",    /* 15 bytes */
                "WHSEC_plJ3nmyCDGBKInavdOK15jsl",
                "whsec_"
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        };
        struct webhook_secret secret;
        for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
                if (webhook_secret_parse(refused[i], &secret))
                        fail_msg("%s is taken", refused[i]);
                assert_int_equal(secret.len, 0);
        }
        char longest[] = "whsec_............................................................................."
                         ".........==";
        memset(longest + 6, 'A', 86);
        assert_true(webhook_secret_parse(longest, &secret));
        assert_int_equal(secret.len, 64);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_published_example_has_the_published_signature),
                cmocka_unit_test(two_secrets_sign_side_by_side),
                cmocka_unit_test(what_is_no_secret_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
