#include "core/codec/json.h"
#include "core/watch/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define INTERVAL_MS 1000

static struct alert_digest digest;

static int start(void **state)
{
        (void)state;
        digest = (struct alert_digest){.interval_ms = INTERVAL_MS};
        return 0;
}

static void assert_text(const char *expected)
{
        struct buffer text = {0};
        alert_text(&digest, &text);
        assert_string_equal(text.data ? text.data : "", expected);
        buffer_fini(&text);
}

static void many_of_a_kind_are_one_line_with_counts(void **state)
{
        (void)state;
        for (int i = 0; i < 5; i++)
                alert_note(&digest, "dead", "order.created.v1", i < 3 ? REASON_BAD_PAYLOAD : REASON_EXPIRED,
                           "look");
        alert_note(&digest, "breaker_open", NULL, REASON_NONE, "HTTP 500");
        assert_true(alert_is_due(&digest, 1));
        alert_begin(&digest, 1);
        assert_int_equal(alert_telling(&digest), 2);
        assert_text(
                "dead: 5 of order.created.v1 (bad_payload 3, expired 2): look\nbreaker_open: 1: HTTP 500\n");
}

static void a_kind_is_told_at_most_once_an_interval(void **state)
{
        (void)state;
        alert_note(&digest, "dead", "a.v1", REASON_EXPIRED, "");
        alert_begin(&digest, 1);
        assert_false(alert_is_due(&digest, 5000)); /* one is under way */
        alert_end(&digest, true);
        assert_false(alert_is_due(&digest, 5000)); /* nothing new */
        alert_note(&digest, "dead", "a.v1", REASON_REJECTED, "");
        assert_false(alert_is_due(&digest, INTERVAL_MS));
        alert_note(&digest, "dead", "b.v1", REASON_REJECTED, "");
        assert_true(alert_is_due(&digest, INTERVAL_MS)); /* another type does not wait */
        assert_true(alert_is_due(&digest, INTERVAL_MS + 1));
        alert_begin(&digest, INTERVAL_MS + 1);
        assert_text("dead: 1 of a.v1 (rejected 1)\ndead: 1 of b.v1 (rejected 1)\n");
}

static void what_could_not_be_told_is_told_with_the_next(void **state)
{
        (void)state;
        alert_note(&digest, "dead", "a.v1", REASON_EXPIRED, "");
        alert_begin(&digest, 1);
        alert_note(&digest, "dead", "a.v1", REASON_EXPIRED, "");
        alert_end(&digest, false);
        alert_begin(&digest, INTERVAL_MS + 1);
        assert_text("dead: 2 of a.v1 (expired 2)\n");
}

static void what_came_while_a_digest_was_under_way_is_told_by_itself(void **state)
{
        (void)state;
        alert_note(&digest, "dead", "a.v1", REASON_EXPIRED, "");
        alert_begin(&digest, 1);
        alert_note(&digest, "dead", "a.v1", REASON_REJECTED, "");
        assert_text("dead: 1 of a.v1 (expired 1)\n");
        alert_end(&digest, true);
        alert_begin(&digest, INTERVAL_MS + 1);
        assert_text("dead: 1 of a.v1 (rejected 1)\n");
}

static void no_flood_of_types_grows_it(void **state)
{
        (void)state;
        char type[32];
        for (int i = 0; i < 1000; i++) {
                snprintf(type, sizeof(type), "t%d.v1", i);
                alert_note(&digest, "dead", type, REASON_UNKNOWN_TYPE, "");
        }
        alert_begin(&digest, 1);
        assert_int_equal(alert_telling(&digest), ALERT_ENTRIES_MAX);
        assert_string_equal(digest.entries[ALERT_ENTRIES_MAX - 1].type, "other types");
        assert_int_equal(digest.entries[ALERT_ENTRIES_MAX - 1].telling, 1000 - ALERT_ENTRIES_MAX + 1);
}

static void it_is_json_whatever_the_types_hold(void **state)
{
        (void)state;
        char error[JSON_CAUSE_MAX];
        struct buffer text = {0};
        alert_note(&digest, "dead", "a\"\r\nBcc: x", REASON_BAD_ID, "\033[2J");
        alert_begin(&digest, 1);
        alert_json(&digest, &(struct alert_sender){.worker = "w1"}, &text);
        json_t *value = json_parse((struct slice){.data = text.data, .len = text.len}, error);
        assert_non_null(value);
        json_t *alert = json_array_get(json_object_get(value, "alerts"), 0);
        assert_string_equal(json_string_value(json_object_get(alert, "type")), "a\"??Bcc: x");
        assert_int_equal(json_integer_value(json_object_get(alert, "count")), 1);
        assert_null(memchr(text.data, '\033', text.len));
        json_decref(value);
        buffer_fini(&text);
}

static void a_dead_letter_is_linked_to_its_place_on_the_page(void **state)
{
        (void)state;
        char text[ALERT_TEXT_MAX], base[ALERT_TEXT_MAX] = "https://";
        alert_dead_text("leveret.work", NULL, text);
        assert_string_equal(text, "look: leveret dlq groups leveret.work");
        alert_dead_text("leveret.work", "https://mails.example.com", text);
        assert_string_equal(
                text,
                "look: leveret dlq groups leveret.work or https://mails.example.com/#/dead/leveret.work");
        alert_dead_text("a/b c", "https://mails.example.com/leveret/", text);
        assert_string_equal(
                text, "look: leveret dlq groups a/b c or https://mails.example.com/leveret/#/dead/a%2Fb%20c");
        memset(base + 8, 'a', sizeof(base) - 9); /* no half link */
        alert_dead_text("leveret.work", base, text);
        assert_string_equal(text, "look: leveret dlq groups leveret.work");
}

static void the_page_is_linked_in_what_a_webhook_gets(void **state)
{
        (void)state;
        struct buffer text = {0};
        alert_note(&digest, "idle", NULL, REASON_NONE, "nothing succeeds");
        alert_begin(&digest, 1);
        alert_json(&digest, &(struct alert_sender){"w1", "https://mails.example.com"}, &text);
        assert_string_equal(
                text.data,
                "{\"source\":\"leveret\",\"worker\":\"w1\",\"text\":\"leveret w1\\nidle: 1: nothing "
                "succeeds\\nhttps://mails.example.com\\n\",\"link\":\"https://mails.example.com\","
                "\"alerts\":[{\"count\":1,\"kind\":\"idle\",\"type\":\"\",\"text\":\"nothing succeeds\"}]}");
        buffer_fini(&text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(many_of_a_kind_are_one_line_with_counts, start),
                cmocka_unit_test_setup(a_kind_is_told_at_most_once_an_interval, start),
                cmocka_unit_test_setup(what_could_not_be_told_is_told_with_the_next, start),
                cmocka_unit_test_setup(what_came_while_a_digest_was_under_way_is_told_by_itself, start),
                cmocka_unit_test_setup(no_flood_of_types_grows_it, start),
                cmocka_unit_test_setup(it_is_json_whatever_the_types_hold, start),
                cmocka_unit_test_setup(a_dead_letter_is_linked_to_its_place_on_the_page, start),
                cmocka_unit_test_setup(the_page_is_linked_in_what_a_webhook_gets, start),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
