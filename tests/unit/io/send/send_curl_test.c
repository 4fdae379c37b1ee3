#include "io/send/send_curl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* libcurl's own text names hosts and times: it would be another one each time. */
static void only_what_is_wrong_with_tls_is_told_in_detail(void **state)
{
        (void)state;
        static const char detail[] = "certificate has expired";
        assert_string_equal(send_curl_cause(CURLE_PEER_FAILED_VERIFICATION, detail), detail);
        assert_string_equal(send_curl_cause(CURLE_SSL_CONNECT_ERROR, detail), detail);
        assert_string_equal(send_curl_cause(CURLE_SSL_CONNECT_ERROR, ""),
                            curl_easy_strerror(CURLE_SSL_CONNECT_ERROR));
        assert_string_equal(
                send_curl_cause(CURLE_COULDNT_CONNECT, "Failed to connect to mail.example.com after 7 ms"),
                curl_easy_strerror(CURLE_COULDNT_CONNECT));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_what_is_wrong_with_tls_is_told_in_detail),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
