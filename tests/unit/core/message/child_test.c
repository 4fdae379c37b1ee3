#include "core/message/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_child_is_named_after_its_parent_and_hands_on_what_that_said(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        struct outgoing list[] = {
                {.key = "next", .type = "a.b.v1", .data = "{}"},
                {.key = "next", .type = "a.b.v1", .data = "[1]", .subject = "own", .exchange = "shop"}};
        struct outgoing_batch batch = {.list = list, .count = 1};
        const struct child_parent parent = {.id = "p",
                                            .subject = "s",
                                            .correlation_id = "c",
                                            .traceparent = "t",
                                            .tracestate = "u=1",
                                            .now_s = 7};
        const struct message *one = child_make(&arena, &batch, 0, &parent);
        assert_true(slice_is(one->properties.message_id, "p/next"));
        assert_true(slice_is(one->properties.type, "a.b.v1") && slice_is(one->routing_key, "a.b.v1"));
        assert_true(slice_is(one->exchange, "leveret.in") && slice_is(one->body, "{}"));
        assert_true(slice_is(one->properties.correlation_id, "c"));
        assert_true(slice_is(message_header_text(one, "subject"), "s"));
        assert_true(slice_is(message_header_text(one, "traceparent"), "t"));
        assert_true(slice_is(message_header_text(one, "tracestate"), "u=1"));
        assert_true(one->properties.has_delivery_mode && one->properties.delivery_mode == 2);
        assert_true(one->properties.has_timestamp && one->properties.timestamp == 7);
        batch = (struct outgoing_batch){.list = list, .count = 2, .numbered = true};
        const struct message *second = child_make(&arena, &batch, 1, &parent);
        assert_true(slice_is(second->properties.message_id, "p/next.1"));
        assert_true(slice_is(message_header_text(second, "subject"), "own") &&
                    slice_is(second->exchange, "shop"));
        arena_fini(&arena);
}

static void what_the_parent_did_not_say_the_child_does_not(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        struct outgoing outgoing = {.key = "k", .type = "a.v1", .data = "1"};
        const struct message *child =
                child_make(&arena, &(struct outgoing_batch){.list = &outgoing, .count = 1}, 0,
                           &(struct child_parent){.id = "p"});
        assert_null(child->properties.correlation_id.data);
        assert_int_equal(child->properties.header_count, 0);
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_child_is_named_after_its_parent_and_hands_on_what_that_said),
                cmocka_unit_test(what_the_parent_did_not_say_the_child_does_not),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
