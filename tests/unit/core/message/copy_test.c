#include "copies.h"

/* ---- Where they go and what they say
 * ----------------------------------------------------------------------------- */

static void a_retry_goes_to_its_tier_with_the_new_generation(void **state)
{
        (void)state;
        struct message *copy = retry(plain_message());
        assert_slice(copy->exchange, "leveret.retry");
        assert_slice(copy->routing_key, "work.30s");
        assert_int_equal(message_header_integer(copy, "x-leveret-redrives", -1), 1);
        assert_int_equal(message_header_integer(copy, "x-leveret-attempt", -1), 2);
        assert_int_equal(message_header_integer(copy, "x-leveret-deferrals", -1), 3);
        assert_text(copy, "x-leveret-queue", "work");
        assert_text(copy, "x-leveret-worker", "host-1");
        assert_text(copy, "x-leveret-exchange", "leveret.in");
        assert_text(copy, "x-leveret-routing-key", "a.v1");
        assert_text(copy, "x-leveret-first-seen", "1970-01-01T00:00:01.000Z");
        assert_text(copy, "x-leveret-failed-at", "1970-01-01T00:00:02.000Z");
        assert_text(copy, "x-leveret-error", "smtp 550: no such user");
        assert_no_header(copy, "x-leveret-reason");
        assert_no_header(copy, "x-leveret-dead-id");
        assert_slice(copy->body, "{}");
        assert_slice(copy->properties.message_id, "job-1");
}

static void a_deferral_says_of_no_failure(void **state)
{
        (void)state;
        struct copy_facts deferral = facts;
        deferral.error = NULL;
        deferral.failed_at_ms = -1;
        struct message original = plain_message();
        struct message *copy = copy_retry(&arena, &original, &deferral, &queue, 0);
        assert_slice(copy->routing_key, "work.5s");
        assert_no_header(copy, "x-leveret-error");
        assert_no_header(copy, "x-leveret-failed-at");
}

static void a_dead_letter_says_why(void **state)
{
        (void)state;
        struct message original = plain_message();
        struct message *copy = copy_dead(&arena, &original, &facts);
        assert_slice(copy->exchange, "leveret.dlx");
        assert_slice(copy->routing_key, "work");
        assert_text(copy, "x-leveret-reason", "permanent_failure");
        assert_text(copy, "x-leveret-error", "smtp 550: no such user");
        assert_text(copy, "x-leveret-dead-id", "0123456789abcdef0123456789abcdef");
        assert_text(copy, "x-leveret-exchange", "leveret.in");
        assert_int_equal(message_header_integer(copy, "x-leveret-attempt", -1), 2);
}

static void what_was_seen_first_stays_over_all_hops(void **state)
{
        (void)state;
        struct message hop = returned(retry(plain_message()));
        struct copy_facts later = facts;
        later.first_seen_ms = 999000;
        struct message *copy = copy_dead(&arena, &hop, &later);
        assert_text(copy, "x-leveret-exchange", "leveret.in");
        assert_text(copy, "x-leveret-routing-key", "a.v1");
        assert_text(copy, "x-leveret-first-seen", "1970-01-01T00:00:01.000Z");
}

static void the_envelope_reads_back_what_the_copy_says(void **state)
{
        (void)state;
        struct message hop = returned(retry(plain_message()));
        struct envelope envelope;
        envelope_read(&arena, &hop, NULL, 1000, &envelope);
        assert_int_equal(envelope.reason, REASON_NONE);
        assert_int_equal(job_generation_compare(envelope.generation, facts.generation), 0);
        assert_int_equal(envelope.first_seen_ms, 1000);
}

static void each_of_our_headers_is_there_once_after_many_hops(void **state)
{
        (void)state;
        struct message hop = plain_message();
        for (int i = 0; i < 5; i++)
                hop = returned(retry(hop));
        for (size_t i = 0; i < hop.properties.header_count; i++)
                for (size_t j = 0; j < i; j++)
                        assert_false(
                                slice_equal(hop.properties.headers[i].name, hop.properties.headers[j].name));
        assert_int_equal(hop.properties.header_count, 10);
}

static void an_error_is_bounded_one_line_of_utf8(void **state)
{
        (void)state;
        struct copy_facts long_error = facts;
        char text[302];
        memset(text, 'x', sizeof(text));
        memcpy(text + 255, "\xc3\xbc", 2);
        memcpy(text, "a\r\nb\x1b", 5);
        text[301] = '\0';
        long_error.error = text;
        struct message original = plain_message();
        struct slice error =
                message_header_text(copy_dead(&arena, &original, &long_error), "x-leveret-error");
        assert_int_equal(error.len, 255);
        assert_memory_equal(error.data, "a??b?x", 6);
        assert_true(plain_text_is(error, ERROR_TEXT_MAX));
}

/* ---- Hygiene
 * ----------------------------------------------------------------------------------------------------- */

static void what_would_do_harm_is_stripped(void **state)
{
        (void)state;
        static const char *const names[] = {"x-death",
                                            "x-first-death-exchange",
                                            "x-first-death-queue",
                                            "x-first-death-reason",
                                            "x-last-death-exchange",
                                            "x-last-death-queue",
                                            "x-last-death-reason",
                                            "x-delivery-count",
                                            "x-acquired-count",
                                            "CC",
                                            "BCC"};
        enum { COUNT = sizeof(names) / sizeof(*names) };
        struct header headers[COUNT];
        for (size_t i = 0; i < COUNT; i++)
                headers[i] =
                        (struct header){.name = slice_of(names[i]), .tag = HEADER_STRING, .text = TEXT("x")};
        struct message original = WITH_HEADERS(headers);
        original.properties.expiration = (struct slice)TEXT("1000");
        original.properties.user_id = (struct slice)TEXT("guest");
        struct message *copies[] = {retry(original), copy_dead(&arena, &original, &facts),
                                    copy_redrive(&arena, &original, "work", 0)};
        for (size_t copy = 0; copy < 3; copy++) {
                for (size_t i = 0; i < COUNT; i++)
                        assert_no_header(copies[copy], names[i]);
                assert_null(copies[copy]->properties.expiration.data);
                assert_null(copies[copy]->properties.user_id.data);
                assert_int_equal(copies[copy]->properties.delivery_mode, 2);
                assert_true(copies[copy]->properties.has_delivery_mode);
        }
}

static void foreign_headers_in_our_name_are_stripped(void **state)
{
        (void)state;
        struct header headers[] = {HEADER("x-leveret-attempt", "9"),
                                   HEADER("x-leveret-exchange", "evil"),
                                   HEADER("x-leveret-first-seen", "1999-01-01T00:00:00Z"),
                                   HEADER("x-leveret-later", "x"),
                                   HEADER("x-leveret-dead-id", "forged"),
                                   HEADER("x-leveret-reason", "expired")};
        struct message *copy = retry(WITH_HEADERS(headers));
        assert_int_equal(message_header_integer(copy, "x-leveret-attempt", -1), 2);
        assert_text(copy, "x-leveret-exchange", "leveret.in");
        assert_text(copy, "x-leveret-first-seen", "1970-01-01T00:00:01.000Z");
        assert_no_header(copy, "x-leveret-later");
        assert_no_header(copy, "x-leveret-dead-id");
        assert_no_header(copy, "x-leveret-reason");
}

static void all_else_is_kept(void **state)
{
        (void)state;
        struct header inner[] = {{.name = TEXT("flag"), .tag = HEADER_BOOLEAN, .boolean = true},
                                 {.name = TEXT("x-death"), .tag = HEADER_VOID}};
        struct header items[] = {{.tag = HEADER_I16, .integer = -7},
                                 {.tag = HEADER_TABLE, .nested = {.items = inner, .count = 2}}};
        struct header headers[] = {
                {.name = TEXT("list"), .tag = HEADER_ARRAY, .nested = {.items = items, .count = 2}},
                {.name = TEXT("amount"), .tag = HEADER_DECIMAL, .decimals = 2, .unsigned_ = 4711},
                HEADER("cc", "kept: another name"),
                HEADER("x-deaths", "kept"),
                HEADER("traceparent", "t"),
        };
        struct message original = WITH_HEADERS(headers);
        original.properties.has_priority = true;
        original.properties.priority = 4;
        original.properties.has_timestamp = true;
        original.properties.timestamp = 77;
        original.properties.reply_to = (struct slice)TEXT("answers");
        original.properties.content_encoding = (struct slice)TEXT("gzip");
        struct message *copy = retry(original);
        assert_int_equal(copy->properties.priority, 4);
        assert_int_equal(copy->properties.timestamp, 77);
        assert_slice(copy->properties.reply_to, "answers");
        assert_slice(copy->properties.content_encoding, "gzip");
        assert_text(copy, "cc", "kept: another name");
        assert_text(copy, "x-deaths", "kept");
        assert_text(copy, "traceparent", "t");
        const struct header *list = message_header(copy, "list");
        assert_int_equal(list->nested.items[0].integer, -7);
        assert_int_equal(list->nested.items[0].tag, HEADER_I16);
        assert_int_equal(list->nested.items[1].nested.count, 2);
        assert_slice(list->nested.items[1].nested.items[1].name, "x-death");
        assert_int_equal(message_header(copy, "amount")->decimals, 2);
}

static void a_copy_outlives_its_original(void **state)
{
        (void)state;
        struct arena first;
        arena_init(&first);
        struct header headers[] = {HEADER("note", "n")};
        struct message literal = WITH_HEADERS(headers);
        struct message *original = message_copy(&first, &literal);
        char *worker = arena_strdup(&first, "host-1");
        struct copy_facts borrowed = facts;
        borrowed.worker = borrowed.queue = borrowed.error = borrowed.dead_id = worker;
        struct message *copy = copy_dead(&arena, original, &borrowed);
        arena_fini(&first);
        assert_text(copy, "note", "n");
        assert_text(copy, "x-leveret-worker", "host-1");
        assert_text(copy, "x-leveret-error", "host-1");
        assert_text(copy, "x-leveret-dead-id", "host-1");
        assert_text(copy, "x-leveret-exchange", "leveret.in");
        assert_slice(copy->routing_key, "host-1");
}

static void what_cannot_be_copied_is_left_to_the_broker(void **state)
{
        (void)state;
        struct message unusable = plain_message(), cut = plain_message();
        unusable.properties.headers_unusable = true;
        cut.body_size = 3;
        static struct header headers[HEADER_COUNT_MAX];
        for (size_t i = 0; i < HEADER_COUNT_MAX; i++)
                headers[i] = (struct header)HEADER("a", "b");
        struct message many = WITH_HEADERS(headers);
        const struct message *const all[] = {&unusable, &cut, &many};
        for (size_t i = 0; i < 3; i++) {
                assert_false(copy_possible(all[i]));
                assert_null(copy_retry(&arena, all[i], &facts, &queue, 0));
                assert_null(copy_dead(&arena, all[i], &facts));
                assert_null(copy_redrive(&arena, all[i], "work", 0));
        }
        many.properties.header_count = HEADER_COUNT_MAX - 13;
        assert_true(copy_possible(&many));
        assert_true(copy_dead(&arena, &many, &facts)->properties.header_count <= HEADER_COUNT_MAX);
}

static void copies_of_two_generations_are_told_apart(void **state)
{
        (void)state;
        struct message original = plain_message();
        const struct message *copy = copy_retry(&arena, &original, &facts, &queue, 0);
        assert_true(copy_same_generation(copy, retry(original)));
        for (int which = 0; which < 3; which++) {
                struct copy_facts later = facts;
                later.generation.redrives += which == 0;
                later.generation.attempt += which == 1;
                later.generation.deferrals += which == 2;
                assert_false(copy_same_generation(copy, copy_retry(&arena, &original, &later, &queue, 0)));
        }
        assert_true(copy_same_generation(&original, &original));
        assert_false(copy_same_generation(&original, copy));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_retry_goes_to_its_tier_with_the_new_generation),
                TEST(a_deferral_says_of_no_failure),
                TEST(a_dead_letter_says_why),
                TEST(what_was_seen_first_stays_over_all_hops),
                TEST(the_envelope_reads_back_what_the_copy_says),
                TEST(each_of_our_headers_is_there_once_after_many_hops),
                TEST(an_error_is_bounded_one_line_of_utf8),
                TEST(what_would_do_harm_is_stripped),
                TEST(foreign_headers_in_our_name_are_stripped),
                TEST(all_else_is_kept),
                TEST(a_copy_outlives_its_original),
                TEST(what_cannot_be_copied_is_left_to_the_broker),
                TEST(copies_of_two_generations_are_told_apart),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
