#include "io/admin/listen_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void bad_addresses_are_named(void **state)
{
        (void)state;
        static const char *const bad[] = {
                "",         "9464",           "127.0.0.1", "127.0.0.1:",   "127.0.0.1:99999",
                "::1:9464", "127.0.0.1:http", "[::1]",     "127.0.0.1:-1", "300.1.1.1:0",
        };
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct listen_socket socket;
                char error[LISTEN_ERROR_MAX] = "";
                assert_false(listen_socket_open(&socket, bad[i], error));
                assert_non_null(strstr(error, bad[i]));
        }
}

/* A machine may have no IPv6: then the error is the kernel's. */
static void brackets_make_one_address_of_colons(void **state)
{
        (void)state;
        struct listen_socket socket;
        char error[LISTEN_ERROR_MAX] = "";
        if (listen_socket_open(&socket, "[::1]:0", error)) {
                assert_true(socket.loopback);
                close(socket.fd);
        } else {
                assert_null(strstr(error, "expected host:port"));
        }
}

static void an_overlong_host_is_refused(void **state)
{
        (void)state;
        char address[1024], error[LISTEN_ERROR_MAX];
        struct listen_socket socket;
        memset(address, 'a', sizeof address);
        snprintf(address + sizeof address - 8, 8, ":9464");
        assert_false(listen_socket_open(&socket, address, error));
}

static void port_0_becomes_a_free_port_that_can_be_asked_for(void **state)
{
        (void)state;
        struct listen_socket one, two;
        char error[LISTEN_ERROR_MAX];
        assert_true(listen_socket_open(&one, "127.0.0.1:0", error));
        assert_true(listen_socket_open(&two, "localhost:0", error));
        assert_int_not_equal(one.port, 0);
        assert_int_not_equal(one.port, two.port);
        close(one.fd);
        close(two.fd);
}

static void knows_whether_others_can_reach_it(void **state)
{
        (void)state;
        static const struct {
                const char *address;
                bool loopback;
        } cases[] = {{"127.0.0.1:0", true}, {"127.9.9.9:0", true}, {"0.0.0.0:0", false}, {":0", false}};
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct listen_socket socket;
                char error[LISTEN_ERROR_MAX];
                assert_true(listen_socket_open(&socket, cases[i].address, error));
                assert_int_equal(socket.loopback, cases[i].loopback);
                close(socket.fd);
        }
}

static void a_port_in_use_is_a_clear_error(void **state)
{
        (void)state;
        struct listen_socket one, two;
        char address[32], error[LISTEN_ERROR_MAX];
        assert_true(listen_socket_open(&one, "127.0.0.1:0", error));
        snprintf(address, sizeof address, "127.0.0.1:%u", one.port);
        assert_false(listen_socket_open(&two, address, error));
        assert_non_null(strstr(error, address));
        assert_non_null(strstr(error, "Address already in use"));
        close(one.fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bad_addresses_are_named),
                cmocka_unit_test(brackets_make_one_address_of_colons),
                cmocka_unit_test(an_overlong_host_is_refused),
                cmocka_unit_test(port_0_becomes_a_free_port_that_can_be_asked_for),
                cmocka_unit_test(knows_whether_others_can_reach_it),
                cmocka_unit_test(a_port_in_use_is_a_clear_error),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
