#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/plan/fields.h"
#include "core/plan/schema.h"

struct sample {
        const char *from, *to, *note, *bytes;
        size_t len;
        bool no_note;
        const char *const *tags;
        const struct pair *pairs;
};

static const struct field sample_fields[] = {
        FIELD_MAILBOX(struct sample, from, .optional = true),
        FIELD_MAILBOXES(struct sample, to, .optional = true, .max_items = 3),
        FIELD_STRING(struct sample, note, .optional = true, .null_flag = FIELD_FLAG(struct sample, no_note)),
        FIELD_BASE64(struct sample, bytes, len, .optional = true),
        FIELD_STRINGS(struct sample, tags, .optional = true, .max_items = 2, .min_length = 1,
                      .max_length = 3),
        FIELD_PAIRS(struct sample, pairs, .optional = true, .max_items = 2, .max_length = 3),
        FIELD_END,
};

static struct arena arena;
static char error[FIELDS_ERROR_MAX];

static int arena_start(void **state)
{
        (void)state;
        arena_init(&arena);
        return 0;
}

static int arena_end(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

static const struct sample *decode(const char *text)
{
        json_t *payload = json_parse(slice_of(text), error);
        assert_non_null(payload);
        struct payload_table table = {.fields = sample_fields, .size = sizeof(struct sample), .closed = true};
        struct faults faults = {.arena = &arena};
        const void *decoded = fields_decode(&table, payload, &faults);
        faults_join(&faults, error, sizeof(error));
        json_decref(payload); /* nothing of it may be needed any more */
        return decoded;
}

static const struct sample *decoded(const char *text)
{
        const struct sample *sample = decode(text);
        assert_string_equal(error, "");
        assert_non_null(sample);
        return sample;
}

static void assert_refused(const char *text, const char *expected)
{
        assert_null(decode(text));
        assert_string_equal(error, expected);
}

static void a_mailbox_comes_in_three_shapes(void **state)
{
        (void)state;
        assert_string_equal(decoded("{\"from\":\"a@b.c\"}")->from, "a@b.c");
        assert_string_equal(decoded("{\"from\":\"Shop, Inc. <a@b.c>\"}")->from, "\"Shop, Inc.\" <a@b.c>");
        assert_string_equal(decoded("{\"from\":{\"email\":\"a@b.c\",\"name\":\"Say \\\"hi\\\"\"}}")->from,
                            "\"Say \\\"hi\\\"\" <a@b.c>");
        assert_string_equal(decoded("{\"from\":{\"email\":\"a@b.c\",\"name\":null}}")->from, "a@b.c");
        assert_string_equal(decoded("{\"to\":[\"a@b.c\",{\"email\":\"d@e.f\",\"name\":\"D\"}]}")->to,
                            "a@b.c, D <d@e.f>");
        assert_null(decoded("{\"from\":null}")->from);
}

static void what_is_no_mailbox_is_told_by_its_place(void **state)
{
        (void)state;
        assert_refused("{\"from\":[\"a@b.c\"]}",
                       "/from: expected an e-mail address, or a name and <address>, or an object of these");
        assert_refused("{\"to\":[\"a@b.c\",7]}",
                       "/to/1: expected an e-mail address, or a name and <address>, or an object of these");
        assert_refused("{\"to\":[{\"name\":7},{\"email\":\"a@b.c\",\"x\":1}]}",
                       "/to/0/email: expected an e-mail address; /to/0/name: expected a string; "
                       "/to/1/x: unknown field");
        assert_refused("{\"to\":[]}", "/to: expected 1 to 3 mailboxes");
        assert_refused("{\"to\":[\"a@b.c\",\"a@b.c\",\"a@b.c\",\"a@b.c\"]}",
                       "/to: expected 1 to 3 mailboxes");
        assert_refused("{\"from\":{\"email\":\"a@b.c>, <e@v.il\"}}",
                       "/from/email: expected an e-mail address");
        assert_refused("{\"from\":{\"email\":\"\\\"a b\\\"@c\"}}",
                       "/from/email: a local part in quotes is not taken: leave the quotes off, or use "
                       "another address");
}

static void null_is_told_from_nothing(void **state)
{
        (void)state;
        assert_false(decoded("{}")->no_note);
        assert_true(decoded("{\"note\":null}")->no_note);
        assert_false(decoded("{\"note\":\"x\"}")->no_note);
}

static void bytes_come_with_their_count(void **state)
{
        (void)state;
        const struct sample *sample = decoded("{\"bytes\":\"AAEC\"}");
        assert_int_equal(sample->len, 3);
        assert_memory_equal(sample->bytes, "\0\1\2", 3);
        sample = decoded("{\"bytes\":\"\"}");
        assert_non_null(sample->bytes);
        assert_int_equal(sample->len, 0);
        assert_refused("{\"bytes\":\"AAE\"}",
                       "/bytes: expected base64 (RFC 4648 section 4), padded, without line breaks");
        assert_refused("{\"bytes\":7}", "/bytes: expected a string of base64");
}

static void lists_and_pairs_are_ended(void **state)
{
        (void)state;
        const struct sample *sample = decoded("{\"tags\":[\"a\",\"bc\"],\"pairs\":{\"k\":\"v\",\"l\":\"\"}}");
        assert_string_equal(sample->tags[0], "a");
        assert_string_equal(sample->tags[1], "bc");
        assert_null(sample->tags[2]);
        assert_string_equal(sample->pairs[0].name, "k");
        assert_string_equal(sample->pairs[0].value, "v");
        assert_string_equal(sample->pairs[1].value, "");
        assert_null(sample->pairs[2].name);
}

static void what_is_wrong_in_them_is_told_by_its_place(void **state)
{
        (void)state;
        assert_refused("{\"tags\":\"a\",\"pairs\":[]}",
                       "/tags: expected a list of strings; /pairs: expected an object of strings");
        assert_refused("{\"tags\":[\"a\",\"\"],\"pairs\":{\"a/b\":\"long\"}}",
                       "/tags/1: expected 1 to 3 characters; /pairs/a~1b: expected at most 3 characters");
        assert_refused("{\"tags\":[\"a\",\"b\",\"c\"],\"pairs\":{\"a\":\"\",\"b\":\"\",\"c\":\"\"}}",
                       "/tags: expected at most 2 items; /pairs: expected at most 2 members");
        assert_refused("{\"tags\":[\"a\\nb\"],\"pairs\":{\"k\":1}}",
                       "/tags/0: expected one line without control characters; /pairs/k: expected a string");
}

static void they_are_described_for_people(void **state)
{
        struct buffer text = {0};
        (void)state;
        fields_describe(&text, sample_fields);
        assert_string_equal(text.data,
                            "/from   mailbox: an address, a name and <address>, or {email, name}, optional\n"
                            "/to     mailbox, or a list of 1 to 3, optional\n"
                            "/note   string, at most 1000 characters, optional\n"
                            "/bytes  base64, optional\n"
                            "/tags   list, at most 2 strings of one line, optional\n"
                            "/pairs  object, at most 2 strings of one line, optional\n");
        buffer_fini(&text);
}

static void a_count_outside_of_the_struct_is_found(void **state)
{
        (void)state;
        struct field bad[] = {FIELD_BASE64(struct sample, bytes, len), FIELD_END};
        assert_true(fields_check(bad, sizeof(struct sample), error));
        bad[0].count_offset = sizeof(struct sample);
        assert_false(fields_check(bad, sizeof(struct sample), error));
        struct field flagged[] = {FIELD_STRING(struct sample, note), FIELD_END};
        flagged[0].null_flag = sizeof(struct sample) + 1;
        assert_false(fields_check(flagged, sizeof(struct sample), error));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mailbox_comes_in_three_shapes),
                cmocka_unit_test(what_is_no_mailbox_is_told_by_its_place),
                cmocka_unit_test(null_is_told_from_nothing),
                cmocka_unit_test(bytes_come_with_their_count),
                cmocka_unit_test(lists_and_pairs_are_ended),
                cmocka_unit_test(what_is_wrong_in_them_is_told_by_its_place),
                cmocka_unit_test(they_are_described_for_people),
                cmocka_unit_test(a_count_outside_of_the_struct_is_found),
        };
        return cmocka_run_group_tests(tests, arena_start, arena_end);
}
