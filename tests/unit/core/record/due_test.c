#include "core/record/due.h"
#include "core/record/tell.h"

#include "core/codec/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int open_arena(void **state)
{
        (void)state;
        arena_init(&arena);
        return 0;
}

static int close_arena(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

static void changes_are_read_in_their_order(void **state)
{
        struct due_event list[DUE_MAX];
        (void)state;
        assert_int_equal(due_parse(SLICE_LITERAL(""), list), 0);
        size_t count =
                due_parse(SLICE_LITERAL("retrying:0.1.2:1796140056363 completed:0.2.0:1796140061364"), list);
        assert_int_equal(count, 2);
        assert_int_equal(list[0].change, CHANGE_RETRYING);
        assert_int_equal(list[0].generation.attempt, 1);
        assert_int_equal(list[0].generation.deferrals, 2);
        assert_int_equal(list[0].at_ms, 1796140056363);
        assert_int_equal(list[1].change, CHANGE_COMPLETED);
        assert_int_equal(list[1].generation.attempt, 2);
}

static void what_is_cut_or_told_twice_is_left_out(void **state)
{
        struct due_event list[DUE_MAX];
        (void)state;
        size_t count = due_parse(
                SLICE_LITERAL("ying:0.1.2:17961400 dead:1.0.0:5 dead:1.0.0:9 dead:1.0 queued:0.0.0:1 "
                              "dead:1.0.0:5x dead:2.0.0:6"),
                list);
        assert_int_equal(count, 2);
        assert_int_equal(list[0].at_ms, 5);
        assert_int_equal(list[1].generation.redrives, 2);
}

static void no_more_are_read_than_have_room(void **state)
{
        struct due_event list[DUE_MAX];
        struct buffer text = {0};
        (void)state;
        for (int i = 0; i < 100; i++)
                buffer_printf(&text, "retrying:0.%d.0:1 ", i);
        assert_int_equal(due_parse((struct slice){text.data, text.len}, list), DUE_MAX);
        buffer_fini(&text);
}

static void others_are_told_of_nothing_without_an_exchange(void **state)
{
        struct config config = {.events.states = {.list = {"dead", "cancelled"}, .count = 2}};
        (void)state;
        assert_int_equal(due_changes(&config), 0);
        config.events.exchange = "leveret.events";
        assert_int_equal(due_changes(&config), 1 << CHANGE_DEAD | 1 << CHANGE_CANCELLED);
        assert_true(due_word_is("retrying"));
        assert_false(due_word_is("queued"));
}

static const struct slice texts[] = {
        SLICE_LITERAL("state"),      SLICE_LITERAL("running"),
        SLICE_LITERAL("type"),       SLICE_LITERAL("order.created.v1"),
        SLICE_LITERAL("attempt"),    SLICE_LITERAL("2"),
        SLICE_LITERAL("created_ms"), SLICE_LITERAL("1796140056000"),
        SLICE_LITERAL("subject"),    SLICE_LITERAL("a \"quoted\" one"),
        SLICE_LITERAL("event_due"),  SLICE_LITERAL("retrying:0.1.0:1796140056363"),
};
static const struct record_fields record = {texts, sizeof(texts) / sizeof(*texts)};

static void an_event_tells_of_the_change_though_the_record_went_on(void **state)
{
        struct due_event due = {
                .change = CHANGE_RETRYING, .generation = {.attempt = 1}, .at_ms = 1796140056363};
        struct tell_job job = {.prefix = "shop 1", .id = SLICE_LITERAL("order-1")};
        char cause[JSON_CAUSE_MAX];
        (void)state;
        struct tell tell = tell_make(&arena, &job, &record, &due);
        assert_string_equal(tell.id, "order-1/1796140056000/retrying/0.1.0");
        assert_string_equal(tell.type, "leveret.job.retrying.v1");
        assert_string_equal(tell.key, "retrying.order.created.v1");
        json_t *event = json_parse(slice_of(tell.body), cause);
        assert_non_null(event);
        assert_string_equal(json_string_value(json_object_get(event, "specversion")), "1.0");
        assert_string_equal(json_string_value(json_object_get(event, "source")), "/leveret/shop%201");
        assert_string_equal(json_string_value(json_object_get(event, "subject")), "order-1");
        assert_string_equal(json_string_value(json_object_get(event, "time")), "2026-12-01T15:47:36.363Z");
        json_t *data = json_object_get(event, "data");
        assert_string_equal(json_string_value(json_object_get(data, "state")), "retrying");
        assert_int_equal(json_integer_value(json_object_get(data, "attempt")), 1);
        assert_string_equal(json_string_value(json_object_get(data, "subject")), "a \"quoted\" one");
        assert_null(json_object_get(data, "event_due"));
        json_decref(event);
}

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void an_event_belongs_to_the_trace_of_its_job(void **state)
{
        struct due_event due = {.change = CHANGE_DEAD, .at_ms = 1};
        struct tell_job job = {.prefix = "p", .id = SLICE_LITERAL("a"), .tracestate = "a=1,b=\"2"};
        char cause[JSON_CAUSE_MAX];
        (void)state;
        struct tell tell = tell_make(&arena, &job, &record, &due);
        assert_null(strstr(tell.body, "trace"));
        assert_null(message_header(tell_message(&arena, "e", &tell), "tracestate"));
        job.traceparent = PARENT;
        tell = tell_make(&arena, &job, &record, &due);
        json_t *event = json_parse(slice_of(tell.body), cause);
        assert_string_equal(json_string_value(json_object_get(event, "traceparent")), PARENT);
        assert_string_equal(json_string_value(json_object_get(event, "tracestate")), job.tracestate);
        json_decref(event);
        struct message *message = tell_message(&arena, "e", &tell);
        assert_true(slice_is(message_header_text(message, "traceparent"), PARENT));
        assert_true(slice_is(message_header_text(message, "tracestate"), job.tracestate));
}

static void a_repetition_has_the_same_id_and_a_key_fits(void **state)
{
        char type[400];
        memset(type, 'x', sizeof(type));
        struct slice long_type[] = {SLICE_LITERAL("type"), {type, sizeof(type)}};
        struct record_fields fields = {long_type, 2};
        struct due_event due = {.change = CHANGE_DEAD, .generation = {.redrives = 3}, .at_ms = 1};
        struct tell_job job = {.prefix = "p", .id = SLICE_LITERAL("a")};
        (void)state;
        struct tell tell = tell_make(&arena, &job, &fields, &due);
        assert_int_equal(strlen(tell.key), 255);
        due.at_ms = 2;
        assert_string_equal(tell_make(&arena, &job, &fields, &due).id, tell.id);
        struct message *message = tell_message(&arena, "leveret.events", &tell);
        assert_true(slice_is(message->properties.message_id, tell.id));
        assert_null(message_header(message, "traceparent"));
        assert_true(tell_type_is("leveret.job.dead.v1"));
        assert_false(tell_type_is("order.created.v1"));
        assert_false(tell_type_is(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(changes_are_read_in_their_order),
                cmocka_unit_test(what_is_cut_or_told_twice_is_left_out),
                cmocka_unit_test(no_more_are_read_than_have_room),
                cmocka_unit_test(others_are_told_of_nothing_without_an_exchange),
                cmocka_unit_test(an_event_tells_of_the_change_though_the_record_went_on),
                cmocka_unit_test(an_event_belongs_to_the_trace_of_its_job),
                cmocka_unit_test(a_repetition_has_the_same_id_and_a_key_fits),
        };
        return cmocka_run_group_tests(tests, open_arena, close_arena);
}
