#include "copies.h"

static struct message *edited(const struct message *dead, const char *id, struct slice body)
{
        return copy_redrive_edited(&arena, dead, "work", 0,
                                   &(struct copy_edit){.id = copy_edited_id(&arena, id), .body = body});
}

static void a_redrive_starts_anew_with_one_redrive_more(void **state)
{
        (void)state;
        struct header headers[] = {HEADER("deadline", "2020-01-01T00:00:00Z"), HEADER("note", "n")};
        struct message original = WITH_HEADERS(headers);
        struct message *dead = copy_dead(&arena, &original, &facts);
        struct message *copy = copy_redrive(&arena, dead, "work", 1600000000000);
        assert_slice(copy->exchange, "leveret.return");
        assert_slice(copy->routing_key, "work");
        assert_int_equal(message_header_integer(copy, "x-leveret-redrives", -1), 2);
        assert_int_equal(message_header_integer(copy, "x-leveret-attempt", -1), 0);
        assert_int_equal(message_header_integer(copy, "x-leveret-deferrals", -1), 0);
        assert_text(copy, "x-leveret-exchange", "leveret.in");
        assert_text(copy, "x-leveret-routing-key", "a.v1");
        assert_text(copy, "x-leveret-first-seen", "1970-01-01T00:00:01.000Z");
        assert_text(copy, "x-leveret-dead-id", facts.dead_id);
        assert_text(copy, "note", "n");
        static const char *const gone[] = {"deadline", "x-leveret-reason", "x-leveret-error",
                                           "x-leveret-failed-at", "x-leveret-worker"};
        for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
                assert_no_header(copy, gone[i]);
}

static void the_death_that_it_was_redriven_from_stays_named_while_it_is_retried(void **state)
{
        (void)state;
        struct message original = plain_message();
        struct message redriven = *copy_redrive(&arena, copy_dead(&arena, &original, &facts), "work", 0);
        struct message hop = returned(retry(redriven));
        struct envelope envelope;
        envelope_read(&arena, &hop, NULL, 1000, &envelope);
        assert_string_equal(envelope.dead_id, facts.dead_id);
}

/* What the broker itself dead-letters: x-death says by which exchange it had come. */
static struct message dead_by_broker(const char *came_by)
{
        struct header *keys = arena_alloc(&arena, sizeof(*keys));
        struct header *entry = arena_alloc(&arena, 2 * sizeof(*entry));
        struct header *death = arena_alloc(&arena, sizeof(*death));
        struct header *headers = arena_alloc(&arena, 3 * sizeof(*headers));
        *keys = (struct header){.tag = HEADER_STRING, .text = TEXT("b.v1")};
        entry[0] = (struct header){.name = TEXT("exchange"), .tag = HEADER_STRING, .text = slice_of(came_by)};
        entry[1] = (struct header){
                .name = TEXT("routing-keys"), .tag = HEADER_ARRAY, .nested = {.items = keys, .count = 1}};
        *death = (struct header){.tag = HEADER_TABLE, .nested = {.items = entry, .count = 2}};
        headers[0] = (struct header){
                .name = TEXT("x-death"), .tag = HEADER_ARRAY, .nested = {.items = death, .count = 1}};
        headers[1] = (struct header){.name = TEXT("x-leveret-redrives"), .tag = HEADER_I64, .integer = 6};
        headers[2] = (struct header)HEADER("x-leveret-first-seen", "1970-01-01T00:00:05Z");
        struct message message = with_headers(headers, 3);
        message.exchange = (struct slice)TEXT("leveret.dlx");
        message.routing_key = (struct slice)TEXT("work");
        return message;
}

static void forged_headers_are_not_believed_in_what_the_broker_dead_lettered(void **state)
{
        (void)state;
        struct message dead = dead_by_broker("leveret.in");
        struct message *copy = copy_redrive(&arena, &dead, "work", 9000);
        assert_int_equal(message_header_integer(copy, "x-leveret-redrives", -1), 1);
        assert_text(copy, "x-leveret-exchange", "leveret.in");
        assert_text(copy, "x-leveret-routing-key", "b.v1");
        assert_text(copy, "x-leveret-first-seen", "1970-01-01T00:00:09.000Z");
}

static void our_own_are_believed_in_what_the_broker_dead_lettered(void **state)
{
        (void)state;
        static const char *const ours[] = {"leveret.return", "leveret.retry"};
        for (size_t i = 0; i < 2; i++) {
                struct message dead = dead_by_broker(ours[i]);
                struct message *copy = copy_redrive(&arena, &dead, "work", 9000);
                assert_int_equal(message_header_integer(copy, "x-leveret-redrives", -1), 7);
                assert_text(copy, "x-leveret-first-seen", "1970-01-01T00:00:05.000Z");
        }
}

static void a_malformed_x_death_is_survived(void **state)
{
        (void)state;
        struct header entry = {.name = TEXT("exchange"), .tag = HEADER_I8, .integer = 1};
        struct header table = {.tag = HEADER_TABLE, .nested = {.items = &entry, .count = 1}};
        struct header cases[] = {
                HEADER("x-death", "x"),
                {.name = TEXT("x-death"), .tag = HEADER_ARRAY},
                {.name = TEXT("x-death"), .tag = HEADER_ARRAY, .nested = {.items = &entry, .count = 1}},
                {.name = TEXT("x-death"), .tag = HEADER_ARRAY, .nested = {.items = &table, .count = 1}},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct message dead = with_headers(&cases[i], 1);
                struct message *copy = copy_redrive(&arena, &dead, "work", 0);
                assert_int_equal(message_header_integer(copy, "x-leveret-redrives", -1), 1);
        }
}

static void an_edited_body_is_another_job(void **state)
{
        (void)state;
        static const struct {
                const char *id, *next;
        } cases[] = {{"job-1", "job-1:e1"},
                     {"job-1:e1", "job-1:e2"},
                     {"job-1:e99", "job-1:e100"},
                     {"job-1:e", "job-1:e:e1"},
                     {"e1", "e1:e1"},
                     {":e1", ":e1:e1"},
                     {"job:7", "job:7:e1"},
                     {"a:e1234567", "a:e1234567:e1"}};
        struct message original = plain_message();
        original.properties.content_encoding = (struct slice)TEXT("gzip");
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct message *copy = edited(&original, cases[i].id, (struct slice)TEXT("{\"a\":1}"));
                assert_slice(copy->properties.message_id, cases[i].next);
                assert_slice(copy->body, "{\"a\":1}");
                assert_int_equal(copy->body_size, 7);
                assert_null(copy->properties.content_encoding.data);
        }
}

static void an_id_that_would_be_too_long_is_not_edited(void **state)
{
        (void)state;
        char id[ENVELOPE_ID_MAX + 1];
        memset(id, 'a', sizeof(id));
        struct message original = plain_message();
        struct slice body = TEXT("{}");
        id[ENVELOPE_ID_MAX - 2] = '\0';
        assert_null(copy_edited_id(&arena, id));
        id[ENVELOPE_ID_MAX - 3] = '\0';
        assert_non_null(edited(&original, id, body));
}

static void an_edited_event_has_its_new_id_where_the_envelope_looks(void **state)
{
        (void)state;
        struct header headers[] = {HEADER("cloudEvents:specversion", "1.0"), HEADER("cloudEvents:id", "e"),
                                   HEADER("cloudEvents:type", "a.v1")};
        struct message binary = WITH_HEADERS(headers), structured = plain_message();
        structured.properties.content_type = (struct slice)TEXT("application/cloudevents+json");
        struct slice body = TEXT("{\"specversion\":\"1.0\",\"id\":\"e\",\"type\":\"a.v1\",\"data\":{}}");
        const struct message *const originals[] = {&binary, &structured};
        for (size_t i = 0; i < 2; i++) {
                struct message *copy = edited(originals[i], "e", body);
                struct envelope envelope;
                envelope_read(&arena, copy, NULL, 1000, &envelope);
                assert_int_equal(envelope.reason, REASON_NONE);
                assert_string_equal(envelope.id, "e:e1");
                assert_int_equal(envelope.generation.redrives, 1);
        }
        assert_null(edited(&structured, "e", (struct slice)TEXT("[1]")));
        assert_null(edited(&structured, "e", (struct slice)TEXT("{")));
}

static void an_edit_changes_type_and_headers_too(void **state)
{
        (void)state;
        struct header headers[] = {HEADER("note", "n"), HEADER("gone", "g"), HEADER("kept", "k")};
        struct message original = plain_message();
        original.properties.headers = headers;
        original.properties.header_count = 3;
        const char *dropped[] = {"gone"};
        struct header set = HEADER("note", "other");
        struct message *copy = copy_redrive_edited(&arena, &original, "work", 0,
                                                   &(struct copy_edit){.id = "new",
                                                                       .body = SLICE_LITERAL("{}"),
                                                                       .type = "a.v1",
                                                                       .dropped = dropped,
                                                                       .dropped_count = 1,
                                                                       .set = &set,
                                                                       .set_count = 1});
        assert_slice(copy->properties.type, "a.v1");
        assert_slice(copy->properties.message_id, "new");
        assert_slice(message_header_text(copy, "note"), "other");
        assert_slice(message_header_text(copy, "kept"), "k");
        assert_null(message_header(copy, "gone"));
}

static void a_deadline_that_is_ahead_is_kept(void **state)
{
        (void)state;
        struct header headers[] = {HEADER("deadline", "1970-01-01T00:00:10Z")};
        struct message original = plain_message();
        original.properties.headers = headers;
        original.properties.header_count = 1;
        assert_non_null(message_header(copy_redrive(&arena, &original, "work", 9999), "deadline"));
        assert_null(message_header(copy_redrive(&arena, &original, "work", 10000), "deadline"));
}

static void first_seen_is_the_timestamp_if_nothing_says_it(void **state)
{
        (void)state;
        struct message original = plain_message();
        original.properties.has_timestamp = true;
        original.properties.timestamp = 1795245320;
        struct message *copy = copy_redrive(&arena, &original, "work", 1795245399000);
        assert_slice(message_header_text(copy, "x-leveret-first-seen"), "2026-11-21T07:15:20.000Z");
        original.properties.timestamp = 7;
        copy = copy_redrive(&arena, &original, "work", 1795245399000);
        assert_slice(message_header_text(copy, "x-leveret-first-seen"), "2026-11-21T07:16:39.000Z");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_edit_changes_type_and_headers_too),
                TEST(a_deadline_that_is_ahead_is_kept),
                TEST(first_seen_is_the_timestamp_if_nothing_says_it),
                TEST(a_redrive_starts_anew_with_one_redrive_more),
                TEST(the_death_that_it_was_redriven_from_stays_named_while_it_is_retried),
                TEST(forged_headers_are_not_believed_in_what_the_broker_dead_lettered),
                TEST(our_own_are_believed_in_what_the_broker_dead_lettered),
                TEST(a_malformed_x_death_is_survived),
                TEST(an_edited_body_is_another_job),
                TEST(an_id_that_would_be_too_long_is_not_edited),
                TEST(an_edited_event_has_its_new_id_where_the_envelope_looks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
