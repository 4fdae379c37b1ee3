#include "io/machine/url.h"
#include "io/send/send_curl.h"
#include "io/send/transports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const own[] = {"localhost", "LOCALHOST", "127.0.0.1", "127.255.0.9", "::1", "[::1]"};
/* Names that begin like this machine belong to whoever has registered them. */
static const char *const foreign[] = {"127.evil.com",
                                      "127.0.0.1.evil.com",
                                      "localhost.evil.com",
                                      "10.0.0.1",
                                      "128.0.0.1",
                                      "[::2]",
                                      "",
                                      "[]"};

static void only_this_machine_is_loopback(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
                assert_true(host_is_loopback(own[i]));
        for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
                assert_false(host_is_loopback(foreign[i]));
}

static void a_mail_service_is_judged_by_the_same_rule(void **state)
{
        static const struct send_url_rule rule = {"mail.http.url", "http", "https"};
        char error[TRANSPORT_ERROR_MAX];
        (void)state;
        assert_true(send_curl_url_check(&rule, "http://127.0.0.1:1", false, error));
        assert_false(send_curl_url_check(&rule, "http://127.evil.com", false, error));
        assert_non_null(strstr(error, "unencrypted"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_this_machine_is_loopback),
                cmocka_unit_test(a_mail_service_is_judged_by_the_same_rule),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
