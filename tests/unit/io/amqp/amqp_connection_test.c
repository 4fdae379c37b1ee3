#include "io/amqp/amqp_connection.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A port of loopback at which nobody listens: bound, so that nobody else does meanwhile. */
static int unused_port(int *held)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(address);
        *held = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(*held, (struct sockaddr *)&address, len), 0);
        assert_int_equal(getsockname(*held, (struct sockaddr *)&address, &len), 0);
        return ntohs(address.sin_port);
}

static size_t count_of(const char *text, const char *words)
{
        size_t count = 0;
        for (; (text = strstr(text, words)); text += strlen(words))
                count++;
        return count;
}

static void refused_by(size_t nodes, struct amqp_error *error)
{
        int held, port = unused_port(&held);
        struct amqp_settings settings = {.user = "u", .password = "p", .vhost = "/", .heartbeat_s = 30};
        for (size_t i = 0; i < nodes; i++)
                settings.nodes[settings.node_count++] =
                        (struct amqp_node){.host = "127.0.0.1", .place = "amqp://n/", .port = port};
        assert_null(broker_open(&settings, "test", error));
        close(held);
}

/* The text has room for a dozen; the sanitizers look on when there are as many as there may be. */
static void each_node_is_tried_once_and_named(void **state)
{
        (void)state;
        static const size_t counts[] = {1, 2, 3, 7};
        struct amqp_error error;
        for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
                refused_by(counts[i], &error);
                assert_int_equal(error.trouble, AMQP_TROUBLE_RETRY);
                assert_int_equal(count_of(error.text, "amqp://n/: connect"), counts[i]);
        }
        refused_by(AMQP_NODES_MAX, &error);
        assert_int_equal(error.trouble, AMQP_TROUBLE_RETRY);
        assert_true(strlen(error.text) < sizeof(error.text));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_node_is_tried_once_and_named),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
