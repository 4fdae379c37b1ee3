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

static void a_query_begins_before_the_fragment(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                bool query, fragment;
        } cases[] = {{"http://h/", false, false},    {"http://h/?", true, false},
                     {"http://h/?a=1", true, false}, {"http://h/#", false, true},
                     {"http://h/#a?b", false, true}, {"http://h/?a#b", true, true},
                     {"http://h/?a#b?c", true, true}};
        struct arena arena;
        arena_init(&arena);
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct url url;
                assert_true(url_parse(&arena, cases[i].text, &url));
                if (url.has_query != cases[i].query || url.has_fragment != cases[i].fragment)
                        fail_msg("%s: query %d, fragment %d", cases[i].text, url.has_query, url.has_fragment);
        }
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_this_machine_is_loopback),
                cmocka_unit_test(a_mail_service_is_judged_by_the_same_rule),
                cmocka_unit_test(a_query_begins_before_the_fragment),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
