#include "core/broker/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
        struct arena arena;
        struct config config;
        struct topology *topology;
};

static int begin(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        arena_init(&fixture->arena);
        fixture->config.queues[0] = (struct config_queue){
                .declare = true,
                .name = "mail",
                .bindings = {"order.#", "invoice.#"},
                .binding_count = 2,
                .tiers = {"5s", "10m"},
                .tiers_ms = {5000, 600000},
                .tier_count = 2,
        };
        fixture->config.queue_count = 1;
        fixture->topology = topology_build(&fixture->arena, &fixture->config);
        *state = fixture;
        return 0;
}

static int end(void **state)
{
        struct fixture *fixture = *state;
        arena_fini(&fixture->arena);
        free(fixture);
        return 0;
}

static void assert_arguments(const struct topology_arguments *arguments, const char *expected)
{
        struct buffer buffer = {0};
        topology_arguments_print(&buffer, arguments);
        assert_string_equal(buffer.data ? buffer.data : "", expected);
        buffer_fini(&buffer);
}

static void assert_queue(struct fixture *fixture, const char *name, const char *expected)
{
        for (size_t i = 0; i < fixture->topology->queue_count; i++)
                if (!strcmp(fixture->topology->queues[i].name, name)) {
                        assert_arguments(&fixture->topology->queues[i].arguments, expected);
                        return;
                }
        fail_msg("no queue %s", name);
}

static void assert_exchange(struct fixture *fixture, const char *name, const char *type,
                            const char *arguments)
{
        for (size_t i = 0; i < fixture->topology->exchange_count; i++)
                if (!strcmp(fixture->topology->exchanges[i].name, name)) {
                        assert_string_equal(fixture->topology->exchanges[i].type, type);
                        assert_arguments(&fixture->topology->exchanges[i].arguments, arguments);
                        return;
                }
        fail_msg("no exchange %s", name);
}

static void assert_binding(struct fixture *fixture, const char *exchange, const char *key, const char *queue)
{
        for (size_t i = 0; i < fixture->topology->binding_count; i++) {
                const struct topology_binding *binding = &fixture->topology->bindings[i];
                if (!strcmp(binding->exchange, exchange) && !strcmp(binding->key, key) &&
                    !strcmp(binding->queue, queue))
                        return;
        }
        fail_msg("no binding %s %s %s", exchange, key, queue);
}

static void the_exchanges_are_those_of_the_contract(void **state)
{
        struct fixture *fixture = *state;
        assert_int_equal(fixture->topology->exchange_count, 5);
        assert_exchange(fixture, "leveret.in", "topic", "alternate-exchange=leveret.unrouted");
        assert_exchange(fixture, "leveret.retry", "direct", "");
        assert_exchange(fixture, "leveret.return", "direct", "alternate-exchange=leveret.unrouted");
        assert_exchange(fixture, "leveret.dlx", "direct", "alternate-exchange=leveret.unrouted");
        assert_exchange(fixture, "leveret.unrouted", "fanout", "");
}

static void the_queues_have_the_arguments_of_the_contract(void **state)
{
        struct fixture *fixture = *state;
        assert_int_equal(fixture->topology->queue_count, 5);
        assert_queue(fixture, "mail",
                     "x-queue-type=quorum x-dead-letter-exchange=leveret.dlx x-dead-letter-routing-key=mail "
                     "x-dead-letter-strategy=at-least-once x-overflow=reject-publish x-delivery-limit=1000");
        assert_queue(fixture, "mail.retry.10m",
                     "x-queue-type=quorum x-message-ttl=600000 x-dead-letter-exchange=leveret.return "
                     "x-dead-letter-routing-key=mail x-dead-letter-strategy=at-least-once "
                     "x-overflow=reject-publish");
        assert_queue(fixture, "mail.dlq",
                     "x-queue-type=quorum x-overflow=reject-publish x-delivery-limit=1000000");
        assert_queue(fixture, "leveret.unrouted",
                     "x-queue-type=quorum x-overflow=reject-publish x-delivery-limit=1000000");
}

static void the_bindings_are_those_of_the_contract(void **state)
{
        struct fixture *fixture = *state;
        assert_int_equal(fixture->topology->binding_count, 7);
        assert_binding(fixture, "leveret.in", "order.#", "mail");
        assert_binding(fixture, "leveret.in", "invoice.#", "mail");
        assert_binding(fixture, "leveret.retry", "mail.5s", "mail.retry.5s");
        assert_binding(fixture, "leveret.retry", "mail.10m", "mail.retry.10m");
        assert_binding(fixture, "leveret.return", "mail", "mail");
        assert_binding(fixture, "leveret.dlx", "mail", "mail.dlq");
        assert_binding(fixture, "leveret.unrouted", "", "leveret.unrouted");
}

static const struct topology_arguments wanted = {.items = {{.name = "x-message-ttl", .integer = 7}},
                                                 .count = 1};

static void a_difference_shows_both_values_and_all_that_is_wanted(void **state)
{
        struct fixture *fixture = *state;
        const char *text = topology_difference(
                &fixture->arena, &wanted,
                "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received "
                "the "
                "value '7' of type 'long' but current is the value '5' of type 'signedint'");
        assert_string_equal(text, "x-message-ttl is 5, wanted 7; wanted in all: x-message-ttl=7");
        text = topology_difference(
                &fixture->arena, &wanted,
                "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost "
                "'/': received none but current is the value '5' of type 'long'");
        assert_string_equal(text, "x-max-length is 5, wanted none; wanted in all: x-message-ttl=7");
        text = topology_difference(
                &fixture->arena, &wanted,
                "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': "
                "received 'true' but current is 'false'");
        assert_string_equal(text, "durable is false, wanted true; wanted in all: x-message-ttl=7");
}

static void a_text_cut_off_by_the_broker_is_shown_as_it_is(void **state)
{
        struct fixture *fixture = *state;
        assert_string_equal(topology_difference(&fixture->arena, &wanted, "inequivalent arg 'x"),
                            "inequivalent arg 'x; wanted in all: x-message-ttl=7");
        assert_string_equal(
                topology_difference(
                        &fixture->arena, &wanted,
                        "inequivalent arg 'x' for queue: received 'a' but current is the value 'lo"),
                "x is lo, wanted a; wanted in all: x-message-ttl=7");
}

static bool routes(const char *pattern, const char *type)
{
        struct config *config = calloc(1, sizeof(*config));
        config->queues[0] = (struct config_queue){.declare = true, .bindings = {pattern}, .binding_count = 1};
        config->queue_count = 1;
        bool routed = topology_routes(config, type);
        free(config);
        return routed;
}

static void a_type_goes_where_a_topic_exchange_would_send_it(void **state)
{
        (void)state;
        const char *takes[][2] = {{"#", "order.created.v1"},
                                  {"order.created.v1", "order.created.v1"},
                                  {"order.#", "order.created.v1"},
                                  {"order.#", "order"},
                                  {"*.created.*", "order.created.v1"},
                                  {"#.v1", "order.created.v1"},
                                  {"#.v1", "v1"},
                                  {"order.#.v1", "order.v1"},
                                  {"*.*.*", "order.created.v1"},
                                  {"#.#", "order"},
                                  {"order.#.#", "order"},
                                  {"#.a.#.b", "x.a.a.b"},
                                  {"#.a.*.#", "a.a.b"}};
        const char *leaves[][2] = {
                {"order", "order.created.v1"},
                {"order.*", "order.created.v1"},
                {"*", "order.created.v1"},
                {"order.created.v1.*", "order.created.v1"},
                {"#.v2", "order.created.v1"},
                {"orders.#", "order.created.v1"},
                {"order.#.v1", "order.created.v2"},
                {"*.*.*.*", "order.created.v1"},
                /* in no time, though there are many ways to fail */
                {"#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.b",
                 "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"}};
        for (size_t i = 0; i < sizeof(takes) / sizeof(*takes); i++)
                assert_true(routes(takes[i][0], takes[i][1]));
        for (size_t i = 0; i < sizeof(leaves) / sizeof(*leaves); i++)
                assert_false(routes(leaves[i][0], leaves[i][1]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_exchanges_are_those_of_the_contract, begin, end),
                cmocka_unit_test_setup_teardown(the_queues_have_the_arguments_of_the_contract, begin, end),
                cmocka_unit_test_setup_teardown(the_bindings_are_those_of_the_contract, begin, end),
                cmocka_unit_test_setup_teardown(a_difference_shows_both_values_and_all_that_is_wanted, begin,
                                                end),
                cmocka_unit_test(a_type_goes_where_a_topic_exchange_would_send_it),
                cmocka_unit_test_setup_teardown(a_text_cut_off_by_the_broker_is_shown_as_it_is, begin, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
