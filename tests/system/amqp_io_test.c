/*
 * The consumer and the publisher against a real RabbitMQ: LEVERET_TEST_AMQP_URL names it, else the program is
 * skipped (exit 77). LEVERET_TEST_RABBITMQCTL, if set, is the command that controls that broker. The broker
 * should be a private one: queues are made and deleted, connections closed, alarms raised.
 */
#include "amqp_bench.h"

/* --- the tests --- */

static int64_t cpu_us(void)
{
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
               usage.ru_stime.tv_usec;
}

static void fifty_thousand_messages_are_consumed_and_acked(void **state)
{
        enum { COUNT = 50000 };
        struct bench *bench = *state;
        publisher_start(bench, 30000);
        publish_many(bench, COUNT, 400);
        amqp_publisher_close(bench->publisher, 1000);
        bench->publisher = NULL;
        consumer_start(bench, 1000);
        int64_t begin_us = cpu_us();
        int64_t took_ms = await(bench, &bench->deliveries, COUNT, 60000);
        print_message("consume and ack: %.2f us CPU a message, %d messages/s\n",
                      (double)(cpu_us() - begin_us) / COUNT, (int)(COUNT * 1000LL / (took_ms + 1)));
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        print_message("highest resident size: %ld kB\n", usage.ru_maxrss);
        consumer_settle(bench);
        amqp_consumer_close(bench->consumer);
        bench->consumer = NULL;
        assert_int_equal(bench->deliveries, COUNT);
        assert_int_equal(bench->redelivered, 0);
        assert_int_equal(bench->body_bytes, COUNT * 400);
        await_depth(bench, queue_name(bench), 0);
}

static void what_was_not_acked_comes_again_and_old_tags_are_ignored(void **state)
{
        struct bench *bench = *state;
        publisher_start(bench, 10000);
        publish_many(bench, 5, 10);
        bench->hold = true;
        consumer_start(bench, 10);
        await(bench, &bench->deliveries, 5, PROMPT_MS);
        ctl("close_all_connections test");
        await(bench, &bench->downs, 1, PROMPT_MS);
        await(bench, &bench->ups, 2, PROMPT_MS);
        await(bench, &bench->deliveries, 10, PROMPT_MS);
        assert_int_equal(bench->redelivered, 5);
        for (size_t i = 0; i < 5;
             i++) /* of the old connection: its tags are those of the new deliveries too */
                amqp_consumer_ack(bench->consumer, bench->held[i].epoch, bench->held[i].tag);
        amqp_consumer_ack(bench->consumer, bench->held[9].epoch, bench->held[9].tag);
        amqp_consumer_close(bench->consumer);
        bench->consumer = NULL;
        await_depth(bench, queue_name(bench), 4);
}

static void a_deleted_queue_is_noticed_and_found_again(void **state)
{
        struct bench *bench = *state;
        publisher_start(bench, 10000);
        publish_many(bench, 3, 10);
        bench->hold = true;
        consumer_start(bench, 10);
        await(bench, &bench->deliveries, 3, PROMPT_MS);
        queue_delete(bench, queue_name(bench));
        assert_true(await(bench, &bench->losts, 1, 2000) < 2000);
        assert_false(amqp_consumer_is_consuming(bench->consumer, 0));
        turn_for(bench, 1500); /* some vain tries */
        struct amqp_error error;
        amqp_topology_apply(&bench->config, TOPOLOGY_DECLARE, NULL, &error);
        await(bench, &bench->founds, 1, 10000);
        publish_many(bench, 3, 10);
        await(bench, &bench->deliveries, 6, PROMPT_MS);
        for (size_t i = 0; i < 3; i++) /* of the channel that the missing queue closed */
                amqp_consumer_ack(bench->consumer, bench->held[i].epoch, bench->held[i].tag);
        assert_int_equal(bench->losts, 1);
        assert_int_equal(bench->downs, 0);
        amqp_consumer_close(bench->consumer);
        bench->consumer = NULL;
        await_depth(bench, queue_name(bench), 3);
}

static void wishes_start_change_and_end_consuming(void **state)
{
        struct bench *bench = *state;
        publisher_start(bench, 10000);
        publish_many(bench, 30, 10);
        bench->hold = true;
        consumer_start(bench, 4);
        await(bench, &bench->deliveries, 4, PROMPT_MS);
        amqp_consumer_want(bench->consumer, 0, 0);
        await(bench, &bench->cancels, 1, PROMPT_MS);
        turn_for(bench, 200);
        assert_int_equal(bench->deliveries, 4);
        amqp_consumer_want(bench->consumer, 0, 10);
        await(bench, &bench->deliveries, 10, PROMPT_MS);
        turn_for(bench, 300);
        unsigned held = bench->deliveries;
        /* RabbitMQ 4 counts the four from before the pause, 3.10 does not. */
        assert_true(held == 10 || held == 14);
        amqp_consumer_want(bench->consumer, 0, 0);
        await(bench, &bench->cancels, 2, PROMPT_MS);
        amqp_consumer_want(bench->consumer, 0, 10); /* so many are unsettled: pauses do not pile up */
        turn_for(bench, 300);
        assert_int_equal(bench->deliveries, held);
        for (size_t i = 0; i < held; i++)
                amqp_consumer_nack(bench->consumer, bench->held[i].epoch, bench->held[i].tag,
                                   /* requeue = */ i < 5);
        bench->hold = false;
        await(bench, &bench->deliveries, 35, PROMPT_MS);
        assert_int_equal(bench->cancels, 2);
        amqp_consumer_close(bench->consumer);
        bench->consumer = NULL;
        await_depth(bench, queue_name(bench), 0);
        await_depth(bench, topology_dlq_name(&bench->arena, queue_name(bench)), held - 5);
}

static void every_third_publish_is_returned_and_no_other(void **state)
{
        struct bench *bench = *state;
        publisher_start(bench, 10000);
        for (unsigned i = 0; i < 300; i++) {
                bool lost = i % 3 == 2;
                publish(bench, lost ? EXCHANGE_RETRY : "", lost ? "no.such.tier" : queue_name(bench),
                        10 + i % 7, lost ? PUBLISH_RETURNED : PUBLISH_CONFIRMED);
        }
        await(bench, &bench->ended, 300, PROMPT_MS);
        assert_int_equal(bench->wrong_outcomes, 0);
        assert_int_equal(bench->outcomes[PUBLISH_RETURNED], 100);
        await_depth(bench, queue_name(bench), 200);
}

static void a_message_that_no_frame_can_hold_is_refused_before_it_is_sent(void **state)
{
        struct bench *bench = *state;
        publisher_start(bench, 10000);
        struct arena *arena;
        struct message *message = message_new(&arena, "", queue_name(bench), 10);
        struct header header = {.name = SLICE_LITERAL("big"), .tag = HEADER_STRING};
        header.text = (struct slice){.data = arena_alloc(arena, AMQP_FRAME_MAX), .len = AMQP_FRAME_MAX};
        message_set_header(arena, message, header);
        struct expectation *expectation = malloc(sizeof(*expectation));
        *expectation = (struct expectation){.bench = bench, .outcome = PUBLISH_UNENCODABLE};
        amqp_publisher_publish(bench->publisher, arena, message, on_published, expectation);
        publish(bench, "", queue_name(bench), 10, PUBLISH_CONFIRMED); /* the connection is still good */
        await(bench, &bench->ended, 2, PROMPT_MS);
        assert_int_equal(bench->wrong_outcomes, 0);
}

static void an_exchange_that_is_missing_leaves_the_outcome_unknown(void **state)
{
        struct bench *bench = *state;
        publisher_start(bench, 10000);
        publish(bench, "no.such.exchange", "x", 10, PUBLISH_UNKNOWN);
        await(bench, &bench->ended, 1, PROMPT_MS);
        publish(bench, "", queue_name(bench), 10, PUBLISH_CONFIRMED);
        await(bench, &bench->ended, 2, PROMPT_MS);
        assert_int_equal(bench->wrong_outcomes, 0);
}

static void a_memory_alarm_blocks_publishers_and_nothing_else(void **state)
{
        struct bench *bench = *state;
        publisher_start(bench, 2000);
        publish_many(bench, 50, 10);
        ctl("set_vm_memory_high_watermark 0.0000001");
        for (unsigned i = 0; i < 200; i++)
                publish(bench, "", queue_name(bench), 65536, PUBLISH_UNSENT);
        int64_t took_ms = await(bench, &bench->ended, 250, 8000);
        assert_true(took_ms < 4500);
        assert_int_equal(bench->outcomes[PUBLISH_UNKNOWN] + bench->outcomes[PUBLISH_UNSENT], 200);
        assert_true(bench->outcomes[PUBLISH_UNKNOWN] > 0); /* sent until the broker said that it blocks */
        assert_true(bench->outcomes[PUBLISH_UNSENT] > 0);
        consumer_start(bench, 10);
        await(bench, &bench->deliveries, 50, PROMPT_MS);
        ctl("set_vm_memory_high_watermark 0.4");
        for (unsigned tries = 0; tries < 20 && bench->outcomes[PUBLISH_CONFIRMED] == 50; tries++) {
                publish(bench, "", queue_name(bench), 10, PUBLISH_CONFIRMED);
                await(bench, &bench->ended, 251 + tries, PROMPT_MS);
        }
        assert_true(bench->outcomes[PUBLISH_CONFIRMED] > 50);
}

/* Arrays in arrays: the deepest that one frame holds, 5 bytes a level. */
static void *nested_publish(void *context)
{
        enum { LEVELS = 26000 };
        struct bench *bench = context;
        amqp_field_value_t *levels = calloc(LEVELS, sizeof(*levels));
        for (int i = 0; i < LEVELS; i++) {
                levels[i].kind = AMQP_FIELD_KIND_ARRAY;
                levels[i].value.array.num_entries = i + 1 < LEVELS;
                levels[i].value.array.entries = i + 1 < LEVELS ? &levels[i + 1] : NULL;
        }
        amqp_table_entry_t entry = {.key = bytes_of("deep"), .value = levels[0]};
        amqp_basic_properties_t properties = {._flags = AMQP_BASIC_HEADERS_FLAG,
                                              .headers = {.num_entries = 1, .entries = &entry}};
        struct broker *broker = side_open(bench);
        amqp_basic_publish(broker->state, 1, amqp_empty_bytes, bytes_of(queue_name(bench)), 1, 0, &properties,
                           bytes_of("body"));
        broker_close(broker, 5000);
        free(levels);
        return NULL;
}

static void headers_nested_26000_deep_are_survived_and_marked(void **state)
{
        struct bench *bench = *state;
        pthread_attr_t attributes;
        pthread_t thread;
        consumer_start(bench, 10);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 256 << 20);
        assert_int_equal(pthread_create(&thread, &attributes, nested_publish, bench), 0);
        pthread_join(thread, NULL);
        await(bench, &bench->deliveries, 1, 60000); /* the broker itself needs seconds for it */
        assert_int_equal(bench->unusable, 1);
        assert_int_equal(bench->body_bytes, 4);
        assert_int_equal(bench->downs, 0);
}

static void a_body_over_16_mib_is_read_past_and_not_kept(void **state)
{
        struct bench *bench = *state;
        publisher_start(bench, 30000);
        publish(bench, "", queue_name(bench), AMQP_BODY_KEPT_MAX + 1, PUBLISH_CONFIRMED);
        publish(bench, "", queue_name(bench), AMQP_BODY_KEPT_MAX, PUBLISH_CONFIRMED);
        await(bench, &bench->ended, 2, 30000);
        consumer_start(bench, 1);
        await(bench, &bench->deliveries, 2, 30000);
        assert_int_equal(bench->not_kept, 1);
        assert_int_equal(bench->body_bytes, AMQP_BODY_KEPT_MAX);
}

struct pulse {
        int64_t last_ms, longest_ms;
};

static void on_pulse(uv_timer_t *timer)
{
        struct pulse *pulse = timer->data;
        int64_t gap_ms = now_ms() - pulse->last_ms;
        pulse->longest_ms = gap_ms > pulse->longest_ms ? gap_ms : pulse->longest_ms;
        pulse->last_ms = now_ms();
}

static void a_stream_that_pauses_inside_a_message_does_not_stop_the_loop(void **state)
{
        struct bench *bench = *state;
        struct proxy proxy;
        uv_timer_t timer;
        struct pulse pulse = {.last_ms = now_ms()};
        publisher_start(bench, 10000);
        proxy_start(&proxy, bench);
        consumer_start(bench, 10);
        turn_for(bench, 300);
        atomic_store(&proxy.pass_bytes, 5000);
        uv_timer_init(&bench->loop, &timer);
        timer.data = &pulse;
        pulse.last_ms = now_ms();
        uv_timer_start(&timer, on_pulse, 10, 10);
        publish_many(bench, 1, 60000);
        turn_for(bench, 1000);
        assert_int_equal(bench->deliveries, 0);
        assert_true(pulse.longest_ms < 200);
        atomic_store(&proxy.pass_bytes, -1);
        await(bench, &bench->deliveries, 1, PROMPT_MS);
        assert_int_equal(bench->body_bytes, 60000);
        uv_close((uv_handle_t *)&timer, NULL);
        uv_run(&bench->loop, UV_RUN_NOWAIT);
        amqp_consumer_close(bench->consumer);
        bench->consumer = NULL;
        proxy_stop(&proxy);
}

static void a_black_hole_is_noticed_within_two_heartbeats(void **state)
{
        struct bench *bench = *state;
        struct proxy proxy;
        bench->config.amqp.heartbeat_ms = 1000;
        proxy_start(&proxy, bench);
        consumer_start(bench, 10);
        turn_for(bench, 3000); /* heartbeats keep it alive */
        assert_int_equal(bench->downs, 0);
        atomic_store(&proxy.pass_bytes, 0);
        assert_true(await(bench, &bench->downs, 1, 2500) <= 2200);
        atomic_store(&proxy.pass_bytes, -1);
        await(bench, &bench->ups, 2, PROMPT_MS);
        amqp_consumer_close(bench->consumer);
        bench->consumer = NULL;
        proxy_stop(&proxy);
}

static void confirms_that_never_come_replace_the_connection(void **state)
{
        struct bench *bench = *state;
        struct proxy proxy;
        proxy_start(&proxy, bench);
        publisher_start(bench, 1000);
        publish_many(bench, 1, 10);
        atomic_store(&proxy.pass_bytes, 0);
        publish(bench, "", queue_name(bench), 10, PUBLISH_UNKNOWN);
        assert_true(await(bench, &bench->ended, 2, 3000) < 2000);
        atomic_store(&proxy.pass_bytes, -1);
        publish(bench, "", queue_name(bench), 10, PUBLISH_CONFIRMED);
        await(bench, &bench->ended, 3, PROMPT_MS);
        assert_int_equal(bench->wrong_outcomes, 0);
        amqp_publisher_close(bench->publisher, 1000);
        bench->publisher = NULL;
        proxy_stop(&proxy);
}

static void wrong_credentials_are_fatal_and_do_not_show_the_password(void **state)
{
        struct bench *bench = *state;
        struct proxy proxy;
        proxy_start(&proxy, bench);
        bench->config.amqp.url =
                arena_printf(&bench->arena, "amqp://guest:hunter2@127.0.0.1:%d/", proxy.port);
        bench->consumer = amqp_consumer_open(&bench->loop, &bench->config, &events, bench);
        await(bench, &bench->fatals, 1, PROMPT_MS);
        assert_non_null(strstr(bench->last_error, "403"));
        assert_null(strstr(bench->last_error, "hunter2"));
        proxy_stop(&proxy);
}

static void a_queue_with_other_arguments_is_fatal_and_shows_both(void **state)
{
        struct bench *bench = *state;
        struct amqp_error error;
        assert_true(amqp_topology_apply(&bench->config, TOPOLOGY_DECLARE, NULL, &error));
        assert_true(amqp_topology_apply(&bench->config, TOPOLOGY_VERIFY, NULL, &error));
        bench->config.queues[0].tiers_ms[0] = 7000;
        assert_false(amqp_topology_apply(&bench->config, TOPOLOGY_VERIFY, NULL, &error));
        assert_non_null(strstr(error.text, "x-message-ttl is 1000, wanted 7000"));
        bench->consumer = amqp_consumer_open(&bench->loop, &bench->config, &events, bench);
        await(bench, &bench->fatals, 1, PROMPT_MS);
        assert_non_null(strstr(bench->last_error, "x-message-ttl is 1000, wanted 7000"));
}

static struct header *nested_header(struct arena *arena)
{
        struct header *header = arena_alloc(arena, sizeof(*header));
        struct header *items = arena_alloc(arena, 3 * sizeof(*items));
        items[0] = (struct header){.name = SLICE_LITERAL("list"), .tag = HEADER_ARRAY};
        items[0].nested.items = arena_alloc(arena, sizeof(*items));
        items[0].nested.items[0] = (struct header){.tag = HEADER_I64, .integer = -5};
        items[0].nested.count = 1;
        items[1] = (struct header){.name = SLICE_LITERAL("price"), .tag = HEADER_DECIMAL, .decimals = 2};
        items[1].unsigned_ = 1999;
        items[2] = (struct header){.name = SLICE_LITERAL("raw"), .tag = HEADER_BYTES};
        items[2].text = (struct slice){.data = "a\0b", .len = 3};
        *header = (struct header){.name = SLICE_LITERAL("nested"), .tag = HEADER_TABLE};
        header->nested.items = items;
        header->nested.count = 3;
        return header;
}

static void a_pulled_message_has_all_that_was_published(void **state)
{
        struct bench *bench = *state;
        publisher_start(bench, 10000);
        struct arena *arena;
        struct message *message = message_new(&arena, "", queue_name(bench), 10);
        message->properties.correlation_id = SLICE_LITERAL("c1");
        message->properties.has_timestamp = true;
        message->properties.timestamp = 1700000000;
        message_set_header(arena, message, *nested_header(arena));
        struct expectation *expectation = malloc(sizeof(*expectation));
        *expectation = (struct expectation){.bench = bench, .outcome = PUBLISH_CONFIRMED};
        amqp_publisher_publish(bench->publisher, arena, message, on_published, expectation);
        await(bench, &bench->ended, 1, PROMPT_MS);

        struct amqp_error error;
        struct amqp_delivery taken;
        struct amqp_pull *pull = amqp_pull_open(&bench->config, queue_name(bench), 10, &error);
        assert_non_null(pull);
        assert_int_equal(amqp_pull_next(pull, PROMPT_MS, &taken, &error), PULL_MESSAGE);
        const struct message_properties *properties = &taken.message->properties;
        assert_true(slice_is(properties->message_id, "m1"));
        assert_true(slice_is(properties->correlation_id, "c1"));
        assert_int_equal(properties->timestamp, 1700000000);
        assert_int_equal(properties->delivery_mode, 2);
        assert_null(properties->user_id.data);
        const struct header *nested = message_header(taken.message, "nested");
        assert_int_equal(nested->tag, HEADER_TABLE);
        assert_int_equal(nested->nested.count, 3);
        for (size_t i = 0; i < 3; i++) {
                const struct header *item = &nested->nested.items[i];
                assert_true(slice_is(item->name, "list") ? item->nested.items[0].integer == -5
                            : slice_is(item->name, "price")
                                    ? item->unsigned_ == 1999 && item->decimals == 2
                                    : item->tag == HEADER_BYTES && item->text.len == 3);
        }
        arena_free(taken.arena);
        assert_true(amqp_pull_ack(pull, taken.tag));
        assert_true(amqp_pull_stop(pull));
        assert_int_equal(amqp_pull_next(pull, PROMPT_MS, &taken, &error), PULL_NOTHING);
        amqp_pull_close(pull);
        await_depth(bench, queue_name(bench), 0);
}

static void depths_are_told_and_missing_queues_too(void **state)
{
        struct bench *bench = *state;
        struct amqp_error error;
        publisher_start(bench, 10000);
        publish_many(bench, 3, 10);
        struct queue_depth queues[] = {{.name = "no.such.queue"}, {.name = queue_name(bench)}};
        assert_true(amqp_queue_depths(&bench->config, queues, 2, &error));
        assert_false(queues[0].exists);
        assert_true(queues[1].exists);
        assert_int_equal(queues[1].messages, 3);
        assert_null(amqp_pull_open(&bench->config, "no.such.queue", 1, &error));
        assert_int_equal(error.code, 404);
}

int main(void)
{
        if (!url()) {
                puts("skipped: LEVERET_TEST_AMQP_URL is not set");
                return 77;
        }
        struct rlimit stack = {0};
        getrlimit(RLIMIT_STACK, &stack);
        stack.rlim_cur = AMQP_STACK_BYTES * 4; /* sanitizers enlarge each frame */
        setrlimit(RLIMIT_STACK, &stack);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_pulled_message_has_all_that_was_published, begin, end),
                cmocka_unit_test_setup_teardown(depths_are_told_and_missing_queues_too, begin, end),
                cmocka_unit_test_setup_teardown(fifty_thousand_messages_are_consumed_and_acked, begin, end),
                cmocka_unit_test_setup_teardown(what_was_not_acked_comes_again_and_old_tags_are_ignored,
                                                begin, end),
                cmocka_unit_test_setup_teardown(a_deleted_queue_is_noticed_and_found_again, begin, end),
                cmocka_unit_test_setup_teardown(wishes_start_change_and_end_consuming, begin, end),
                cmocka_unit_test_setup_teardown(every_third_publish_is_returned_and_no_other, begin, end),
                cmocka_unit_test_setup_teardown(a_message_that_no_frame_can_hold_is_refused_before_it_is_sent,
                                                begin, end),
                cmocka_unit_test_setup_teardown(an_exchange_that_is_missing_leaves_the_outcome_unknown, begin,
                                                end),
                cmocka_unit_test_setup_teardown(a_memory_alarm_blocks_publishers_and_nothing_else, begin,
                                                end),
                cmocka_unit_test_setup_teardown(headers_nested_26000_deep_are_survived_and_marked, begin,
                                                end),
                cmocka_unit_test_setup_teardown(a_body_over_16_mib_is_read_past_and_not_kept, begin, end),
                cmocka_unit_test_setup_teardown(a_stream_that_pauses_inside_a_message_does_not_stop_the_loop,
                                                begin, end),
                cmocka_unit_test_setup_teardown(a_black_hole_is_noticed_within_two_heartbeats, begin, end),
                cmocka_unit_test_setup_teardown(confirms_that_never_come_replace_the_connection, begin, end),
                cmocka_unit_test_setup_teardown(wrong_credentials_are_fatal_and_do_not_show_the_password,
                                                begin, end),
                cmocka_unit_test_setup_teardown(a_queue_with_other_arguments_is_fatal_and_shows_both, begin,
                                                end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
