#include "core/record/keys.h"
#include "core/record/letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_key_is_spelt_with_its_prefix_and_name(void **state)
{
        (void)state;
        static const char *const spelt[RECORD_KEY_COUNT] = {
                [KEY_JOB] = "p:job:{n}",
                [KEY_EVENTS] = "p:events:{n}",
                [KEY_PLAN] = "p:plan:{n}",
                [KEY_LETTER] = "p:deadletter:{n}",
                [KEY_DEAD] = "p:dead:n",
                [KEY_JOBS] = "p:jobs:n",
                [KEY_SUBJECT] = "p:subject:n",
                [KEY_LATER] = "p:later:n",
                [KEY_WORKER] = "p:worker:n",
                [KEY_AUDIT] = "p:audit",
                [KEY_PAUSED] = "p:paused",
                [KEY_NEWER_THAN] = "p:newer-than",
                [KEY_LOCK] = "p:lock:dlq:n",
                [KEY_PROBE] = "p:probe:n",
                [KEY_OPERATION] = "p:operation:n",
                [KEY_OPERATIONS] = "p:operations",
                [KEY_DROPPED] = "p:dropped:n",
                [KEY_SAMPLES] = "p:samples",
                [KEY_SAMPLING] = "p:sampling",
                [KEY_TYPES] = "p:types",
                [KEY_PAYLOAD] = "p:payload:{n}",
                [KEY_SCHEDULE] = "p:schedule:{n}",
                [KEY_WORKERS] = "p:workers",
                [KEY_RATE] = "p:rate:n",
                [KEY_RATE_DOMAIN] = "p:rate-domain:n",
        };
        struct arena arena;
        arena_init(&arena);
        for (int kind = 0; kind < RECORD_KEY_COUNT; kind++) {
                struct buffer added = {0};
                record_key_add(&added, "p", (enum record_key)kind, SLICE_LITERAL("n"));
                assert_string_equal(added.data, spelt[kind]);
                assert_string_equal(record_key(&arena, "p", (enum record_key)kind, "n"), spelt[kind]);
                buffer_fini(&added);
        }
        arena_fini(&arena);
}

static void a_key_holds_all_of_a_long_name(void **state)
{
        (void)state;
        char name[2001];
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        struct buffer added = {0};
        record_key_add(&added, "prefix", KEY_JOB, slice_of(name));
        assert_int_equal(added.len, strlen("prefix:job:{") + 2000 + 1);
        assert_int_equal(added.data[added.len - 1], '}');
        buffer_fini(&added);
}

static struct slice value_of(const struct slice *words, const char *field)
{
        for (size_t i = 2; i < LETTER_WORDS; i += 2)
                if (slice_is(words[i], field))
                        return words[i + 1];
        fail_msg("no field %s", field);
        return (struct slice){0};
}

static void a_letter_reads_as_it_was_written(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        char body[20000];
        memset(body, 'b', sizeof(body));
        struct letter_record letter = {
                .id = SLICE_LITERAL("order-1"),
                .type = SLICE_LITERAL("email.send.v1"),
                .reason = SLICE_LITERAL("rejected"),
                .error = SLICE_LITERAL("no"),
                .failed_ms = 1700000000001,
                .first_seen_ms = 1700000000000,
                .attempt = 4,
                .redrives = 2,
                .size = sizeof(body),
                .deferrals = 7,
                .queue = SLICE_LITERAL("leveret.work"),
                .worker = SLICE_LITERAL("w"),
                .body = {.data = body, .len = sizeof(body)},
        };
        struct slice words[LETTER_WORDS], values[LETTER_LISTED];
        letter_record_set(&arena, "p", "d1", &letter, words);
        assert_true(slice_is(words[0], "HSET"));
        assert_true(slice_is(words[1], "p:deadletter:{d1}"));
        assert_int_equal(value_of(words, "head").len, RECORD_HEAD_MAX);
        assert_true(slice_is(value_of(words, "subject"), ""));
        assert_non_null(value_of(words, "subject").data);
        assert_true(slice_is(value_of(words, "deferrals"), "7"));
        for (int i = 0; i < LETTER_LISTED; i++)
                values[i] = strcmp(letter_field(i), "copies") == 0 ? SLICE_LITERAL("3")
                                                                   : value_of(words, letter_field(i));
        struct letter_record read;
        letter_record_read(&read, values);
        assert_true(slice_is(read.id, "order-1") && slice_is(read.type, "email.send.v1"));
        assert_true(slice_is(read.reason, "rejected") && slice_is(read.error, "no"));
        assert_int_equal(read.failed_ms, letter.failed_ms);
        assert_int_equal(read.first_seen_ms, letter.first_seen_ms);
        assert_int_equal(read.attempt, 4);
        assert_int_equal(read.redrives, 2);
        assert_int_equal(read.size, sizeof(body));
        assert_int_equal(read.copies, 3);
        arena_fini(&arena);
}

static void fields_that_redis_lacks_are_empty(void **state)
{
        (void)state;
        struct slice values[LETTER_LISTED] = {0};
        char forty[41] = "1234567890123456789012345678901234567890";
        for (int i = 0; i < LETTER_LISTED; i++)
                if (strcmp(letter_field(i), "size") == 0)
                        values[i] = (struct slice){.data = forty, .len = 40};
        struct letter_record read;
        letter_record_read(&read, values);
        assert_int_equal(read.failed_ms, 0);
        assert_int_equal(read.size, INT64_MAX);
        assert_int_equal(read.id.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_key_is_spelt_with_its_prefix_and_name),
                cmocka_unit_test(a_key_holds_all_of_a_long_name),
                cmocka_unit_test(a_letter_reads_as_it_was_written),
                cmocka_unit_test(fields_that_redis_lacks_are_empty),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
