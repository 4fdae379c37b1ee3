#include "core/send/address_guard.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool is_global(const char *text)
{
        struct in_addr four;
        struct in6_addr six;
        if (inet_pton(AF_INET, text, &four) == 1)
                return address_is_global4(four);
        assert_int_equal(inet_pton(AF_INET6, text, &six), 1);
        return address_is_global6(&six);
}

static void public_addresses_are_let_through(void **state)
{
        (void)state;
        static const char *const addresses[] = {
                "1.1.1.1",        "8.8.8.8",     "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
                "100.128.0.0",    "126.255.0.1", "128.0.0.1",       "169.253.255.255", "169.255.0.0",
                "172.15.255.255", "172.32.0.0",  "192.167.255.255", "192.169.0.0",     "192.0.1.1",
                "198.17.255.255", "198.20.0.0",  "203.0.112.1",     "223.255.255.255", "2606:4700::1111",
                "2a00:1450::1",   "2001:200::1", "2001:4860::8888", "::ffff:8.8.8.8",  "64:ff9b::808:808",
                "2002:808:808::", "3ffe:ffff::1"};
        for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
                if (!is_global(addresses[i]))
                        fail_msg("%s is refused", addresses[i]);
}

static void all_others_are_refused_in_every_form(void **state)
{
        (void)state;
        static const char *const addresses[] = {"0.0.0.0",
                                                "0.1.2.3",
                                                "10.0.0.1",
                                                "10.255.255.255",
                                                "100.64.0.1",
                                                "100.127.255.255",
                                                "127.0.0.1",
                                                "127.255.255.255",
                                                "169.254.169.254",
                                                "172.16.0.1",
                                                "172.31.255.255",
                                                "192.0.0.8",
                                                "192.0.2.1",
                                                "192.88.99.1",
                                                "192.168.0.1",
                                                "198.18.0.1",
                                                "198.19.255.255",
                                                "198.51.100.7",
                                                "203.0.113.9",
                                                "224.0.0.1",
                                                "239.1.1.1",
                                                "240.0.0.1",
                                                "255.255.255.255",
                                                "::",
                                                "::1",
                                                "::ffff:10.0.0.1",
                                                "::ffff:127.0.0.1",
                                                "::127.0.0.1",
                                                "64:ff9b::a00:1",
                                                "64:ff9b:1::1",
                                                "100::1",
                                                "2001::1",
                                                "2001:1ff::1",
                                                "2001:db8::1",
                                                "2002:a00:1::",
                                                "2002:7f00:1::1",
                                                "3fff::1",
                                                "3fff:fff:ffff::1",
                                                "fc00::1",
                                                "fd12::1",
                                                "fe80::1",
                                                "fec0::1",
                                                "ff02::1",
                                                "4000::1",
                                                "5f00::1"};
        for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
                if (is_global(addresses[i]))
                        fail_msg("%s is let through", addresses[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(public_addresses_are_let_through),
                cmocka_unit_test(all_others_are_refused_in_every_form),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
