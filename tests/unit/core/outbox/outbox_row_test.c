#include "core/outbox/outbox_row.h"
#include "core/outbox/outbox_sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct outbox_rules rules = {.max_body = 100, .now_ms = INT64_C(1800000000000)};

static struct outbox_row good(void)
{
        return (struct outbox_row){.seq = 7,
                                   .id = SLICE_LITERAL("order/1"),
                                   .type = SLICE_LITERAL("a.b.v1"),
                                   .data = SLICE_LITERAL("{\"a\": 1}"),
                                   .data_len = 8,
                                   .created_ms = 1234567};
}

static void assert_error(const struct outbox_row *row, const char *expected)
{
        char error[OUTBOX_ERROR_MAX];
        struct arena arena;
        arena_init(&arena);
        assert_null(outbox_row_message(&arena, row, &rules, error));
        assert_string_equal(error, expected);
        arena_fini(&arena);
}

static void a_row_becomes_a_persistent_message_to_leveret_in_by_its_type(void **state)
{
        (void)state;
        char error[OUTBOX_ERROR_MAX];
        struct arena arena;
        struct outbox_row row = good();
        arena_init(&arena);
        row.subject = SLICE_LITERAL("order/1");
        row.headers = SLICE_LITERAL("{\"n\": -3, \"r\": 0.5, \"t\": \"x\", \"y\": true, \"z\": null}");
        row.deliver_at = SLICE_LITERAL("1800000000250");
        const struct message *message = outbox_row_message(&arena, &row, &rules, error);
        assert_non_null(message);
        assert_string_equal(error, "");
        assert_true(slice_is(message->exchange, "leveret.in") && slice_is(message->routing_key, "a.b.v1"));
        assert_true(slice_is(message->properties.message_id, "order/1"));
        assert_true(slice_is(message->properties.type, "a.b.v1"));
        assert_true(message->properties.has_delivery_mode && message->properties.delivery_mode == 2);
        assert_true(message->properties.has_timestamp && message->properties.timestamp == 1234);
        assert_true(slice_is(message->body, "{\"a\": 1}") && message->body_size == 8);
        assert_true(slice_is(message_header_text(message, "subject"), "order/1"));
        assert_true(slice_is(message_header_text(message, "deliver-at"), "2027-01-15T08:00:00.250Z"));
        assert_true(slice_is(message_header_text(message, "t"), "x"));
        assert_int_equal(message_header(message, "n")->integer, -3);
        assert_true(message_header(message, "r")->tag == HEADER_F64);
        assert_true(message_header(message, "y")->boolean);
        assert_null(message_header(message, "z"));
        arena_fini(&arena);
}

static void the_same_row_makes_the_same_message_again(void **state)
{
        (void)state;
        char error[OUTBOX_ERROR_MAX];
        struct arena arena;
        struct outbox_row row = good();
        struct outbox_rules later = rules;
        arena_init(&arena);
        const struct message *one = outbox_row_message(&arena, &row, &rules, error);
        later.now_ms += 99999;
        const struct message *two = outbox_row_message(&arena, &row, &later, error);
        assert_true(one->properties.timestamp == two->properties.timestamp);
        assert_true(slice_equal(one->body, two->body));
        row.created_ms = -1;
        assert_false(outbox_row_message(&arena, &row, &rules, error)->properties.has_timestamp);
        arena_fini(&arena);
}

static void all_that_is_wrong_is_said_with_its_column(void **state)
{
        (void)state;
        struct outbox_row row = {.headers = SLICE_LITERAL("{\"BCC\": [\"q\"], \"x-death\": 1, \"a\": []}"),
                                 .subject = SLICE_LITERAL("a\x01"),
                                 .deliver_at = SLICE_LITERAL("infinity")};
        assert_error(
                &row,
                "id: expected 1 to 200 of A-Z a-z 0-9 . _ : / -, found NULL; type: expected lower-case words "
                "joined by dots and a version, as in order.created.v1, found NULL; headers: /BCC: is kept "
                "for "
                "the broker and for leveret; headers: /x-death: is kept for the broker and for leveret; "
                "headers: /a: expected text, a number of 64 bits, true or false; subject: expected at most "
                "256 "
                "bytes without control characters; deliver_at: expected a date of the years 0 to 9999; data: "
                "expected "
                "JSON, found NULL");
}

static void what_is_said_twice_is_an_error(void **state)
{
        (void)state;
        struct outbox_row row = good();
        row.subject = SLICE_LITERAL("s");
        row.headers = SLICE_LITERAL("{\"subject\": \"t\"}");
        assert_error(&row, "headers: /subject: the column subject says it too: take one of them away");
        row = good();
        row.deliver_at = SLICE_LITERAL("1800000000000");
        row.headers = SLICE_LITERAL("{\"deliver-at\": \"2030-01-01T00:00:00Z\"}");
        assert_error(&row, "headers: /deliver-at: the column deliver_at says it too: take one of them away");
}

static void bounds_are_kept(void **state)
{
        (void)state;
        struct outbox_row row = good();
        row.data = (struct slice){0};
        row.data_len = 101;
        assert_error(&row, "data: expected at most 100 bytes (max_body), found 101");
        row.data_len = 0;
        assert_error(&row, "data: expected JSON, found NULL");
        row = good();
        row.deliver_at = SLICE_LITERAL("1834560000001");
        assert_error(&row, "deliver_at: expected at most 400 days ahead");
        row.deliver_at = SLICE_LITERAL("1834560000000");
        char error[OUTBOX_ERROR_MAX];
        struct arena arena;
        arena_init(&arena);
        assert_non_null(outbox_row_message(&arena, &row, &rules, error));
        arena_fini(&arena);
}

static void what_can_never_go_stands_aside_and_what_may_go_later_stays(void **state)
{
        (void)state;
        assert_int_equal(outbox_fate_of(OUTBOX_CONFIRMED), OUTBOX_GONE);
        assert_int_equal(outbox_fate_of(OUTBOX_RETURNED), OUTBOX_ASIDE);
        assert_int_equal(outbox_fate_of(OUTBOX_UNENCODABLE), OUTBOX_ASIDE);
        assert_int_equal(outbox_fate_of(OUTBOX_REFUSED), OUTBOX_STAYS);
        assert_int_equal(outbox_fate_of(OUTBOX_UNANSWERED), OUTBOX_STAYS);
}

static void a_table_has_a_plain_name(void **state)
{
        (void)state;
        assert_true(outbox_table_valid("leveret_outbox"));
        assert_true(outbox_table_valid("shop.outbox_2"));
        static const char *const bad[] = {
                "",      "2x", "a b", "a\"b",   "A",
                "a.b.c", ".a", "a.",  "a;drop", "a23456789012345678901234567890123456789012345678x"};
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                assert_false(outbox_table_valid(bad[i]));
}

static void the_sql_names_the_table_and_its_channel(void **state)
{
        (void)state;
        struct arena arena;
        struct buffer sql = {0};
        arena_init(&arena);
        outbox_sql_init(&sql, "shop.outbox");
        assert_non_null(strstr(sql.data, "CREATE TABLE IF NOT EXISTS \"shop\".\"outbox\" ("));
        assert_non_null(strstr(sql.data, "pg_notify('shop.outbox', '')"));
        assert_string_equal(outbox_sql_listen(&arena, "shop.outbox"), "LISTEN \"shop.outbox\"");
        assert_string_equal(outbox_sql_gone(&arena, "o", "1,2", false),
                            "DELETE FROM \"o\" WHERE seq = ANY ('{1,2}')");
        assert_non_null(strstr(outbox_sql_gone(&arena, "o", "1", true), "SET sent_at = clock_timestamp()"));
        buffer_fini(&sql);
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_row_becomes_a_persistent_message_to_leveret_in_by_its_type),
                cmocka_unit_test(the_same_row_makes_the_same_message_again),
                cmocka_unit_test(all_that_is_wrong_is_said_with_its_column),
                cmocka_unit_test(what_is_said_twice_is_an_error),
                cmocka_unit_test(bounds_are_kept),
                cmocka_unit_test(what_can_never_go_stands_aside_and_what_may_go_later_stays),
                cmocka_unit_test(a_table_has_a_plain_name),
                cmocka_unit_test(the_sql_names_the_table_and_its_channel),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
