/*
 * The cases of amqp_cases.c against a real RabbitMQ: LEVERET_TEST_AMQP_URL names it, else the
 * program is skipped (exit 77). LEVERET_TEST_RABBITMQCTL, if set, is the command that controls that broker.
 */
#include "amqp_bench.h"
#include "amqp_cases.h"

static void put(void *context, unsigned count)
{
        struct bench *bench = context;
        publisher_start(bench, 10000);
        publish_many(bench, count, 10);
        amqp_publisher_close(bench->publisher, 1000);
        bench->publisher = NULL;
}

static void turn(void *context)
{
        turn_for(context, 10);
}

static void cut(void *context)
{
        (void)context;
        ctl("close_all_connections test");
}

static unsigned depth(void *context)
{
        struct bench *bench = context;
        struct queue_depth queue = {.name = queue_name(bench)};
        struct amqp_error error;
        return amqp_queue_depths(&bench->config, &queue, 1, &error) ? (unsigned)queue.messages : UINT_MAX;
}

static void run_case(void **state)
{
        const struct amqp_case *amqp_case = *state;
        void *made = NULL;
        begin(&made);
        struct bench *bench = made;
        amqp_case->run(&(struct amqp_subject){.context = bench,
                                              .loop = &bench->loop,
                                              .config = &bench->config,
                                              .put = put,
                                              .turn = turn,
                                              .cut = cut,
                                              .depth = depth});
        end(&made);
}

int main(void)
{
        struct CMUnitTest tests[32] = {{0}};
        if (!getenv("LEVERET_TEST_AMQP_URL")) {
                print_message("skipped: LEVERET_TEST_AMQP_URL is not set\n");
                return 77;
        }
        for (size_t i = 0; i < amqp_case_count; i++)
                tests[i] = (struct CMUnitTest){.name = amqp_cases[i].name,
                                               .test_func = run_case,
                                               .initial_state = (void *)(uintptr_t)&amqp_cases[i]};
        return _cmocka_run_group_tests("amqp_conformance", tests, amqp_case_count, NULL, NULL);
}
