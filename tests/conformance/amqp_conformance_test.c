/*
 * The cases of amqp_cases.c and publisher_cases.c against a real RabbitMQ: LEVERET_TEST_AMQP_URL names it,
 * else the program is skipped (exit 77). LEVERET_TEST_RABBITMQCTL, if set, is the command that controls that
 * broker.
 */
#include "amqp_bench.h"
#include "amqp_cases.h"
#include "publisher_cases.h"

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

/* ---- publishing ---- */

struct theatre {
        struct bench *bench;
        struct proxy proxy; /* of a broker that is silent */
        enum broker_does does;
        const char *key;
};

/* A queue that is full of nothing. */
static const char *full_queue(struct bench *bench)
{
        amqp_table_entry_t limits[] = {
                {.key = bytes_of("x-max-length"), .value = {.kind = AMQP_FIELD_KIND_I32, .value.i32 = 0}},
                {.key = bytes_of("x-overflow"),
                 .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = bytes_of("reject-publish")}}};
        const char *name = arena_printf(&bench->arena, "%s.full", queue_name(bench));
        struct broker *broker = side_open(bench);
        if (!amqp_queue_declare(broker->state, 1, bytes_of(name), 0, 1, 0, 0,
                                (amqp_table_t){.num_entries = 2, .entries = limits}))
                fail_msg("%s is not declared", name);
        broker_close(broker, 1000);
        return name;
}

static void await_blocked(struct bench *bench, bool blocked)
{
        for (int i = 0; i < 300 && amqp_publisher_is_blocked(bench->publisher) != blocked; i++) {
                if (i % 10 == 0) /* the broker says so to who publishes, and not before */
                        publish(bench, "", queue_name(bench), 10, PUBLISH_UNKNOWN);
                turn_for(bench, 50);
        }
        assert_int_equal(amqp_publisher_is_blocked(bench->publisher), blocked);
}

static struct amqp_publisher *publisher_open(void *context, enum broker_does does)
{
        struct theatre *stage = context;
        void *made = NULL;
        begin(&made);
        struct bench *bench = stage->bench = made;
        stage->does = does;
        if (does == BROKER_IS_SILENT)
                proxy_start(&stage->proxy, bench);
        publisher_start(bench, 2000);
        publish_many(bench, 1, 10); /* it is up then */
        stage->key = does == BROKER_IS_FULL ? full_queue(bench) : queue_name(bench);
        if (does == BROKER_HAS_NO_QUEUE)
                stage->key = "nobody";
        if (does == BROKER_IS_SILENT)
                atomic_store(&stage->proxy.pass_bytes, 0);
        if (does == BROKER_BLOCKS) {
                ctl("set_vm_memory_high_watermark 0.0000001");
                await_blocked(bench, true);
        }
        return bench->publisher;
}

static void publisher_publish(void *context, publish_done *done, void *done_context)
{
        const struct theatre *stage = context;
        struct arena *arena;
        struct message *message = message_new(&arena, "", stage->key, 10);
        amqp_publisher_publish(stage->bench->publisher, arena, message, done, done_context);
}

static void publisher_leave(void *context)
{
        turn_for(((const struct theatre *)context)->bench, 300);
}

static void publisher_turn(void *context)
{
        turn_for(((const struct theatre *)context)->bench, 10);
}

static void publisher_close(void *context)
{
        struct theatre *stage = context;
        struct bench *bench = stage->bench;
        amqp_publisher_close(bench->publisher, 0);
        bench->publisher = NULL;
        if (stage->does == BROKER_BLOCKS)
                ctl("set_vm_memory_high_watermark 0.4");
        if (stage->does == BROKER_IS_FULL)
                queue_delete(bench, stage->key);
        if (stage->does == BROKER_IS_SILENT) {
                atomic_store(&stage->proxy.pass_bytes, -1);
                proxy_stop(&stage->proxy);
        }
        void *made = bench;
        end(&made);
}

static void run_publisher_case(void **state)
{
        const struct publisher_case *publisher_case = *state;
        static struct theatre stage;
        publisher_case->run(&(struct publisher_subject){.context = &stage,
                                                        .open = publisher_open,
                                                        .publish = publisher_publish,
                                                        .leave = publisher_leave,
                                                        .turn = publisher_turn,
                                                        .close = publisher_close});
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
        for (size_t i = 0; i < publisher_case_count; i++)
                tests[amqp_case_count + i] =
                        (struct CMUnitTest){.name = publisher_cases[i].name,
                                            .test_func = run_publisher_case,
                                            .initial_state = (void *)(uintptr_t)&publisher_cases[i]};
        return _cmocka_run_group_tests("amqp_conformance", tests, amqp_case_count + publisher_case_count,
                                       NULL, NULL);
}
