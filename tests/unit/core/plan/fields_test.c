#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/plan/fields.h"
#include "core/text/utf8.h"

struct inner {
        const char *email;
        int64_t level;
};

struct line {
        const char *sku;
        int64_t count;
};

struct basket {
        const struct line *lines, *gifts;
        size_t line_count, gift_count;
};

static const struct field line_fields[] = {
        FIELD_STRING(struct line, sku, .max_length = 3),
        FIELD_INT(struct line, count, .min = 1, .optional = true),
        FIELD_END,
};

static const struct field basket_fields[] = {
        FIELD_LIST(struct basket, lines, line_count, line_fields, .min_items = 1, .max_items = 3),
        FIELD_LIST(struct basket, gifts, gift_count, line_fields, .optional = true,
                   .description = "for free"),
        FIELD_END,
};

struct sample {
        int64_t count;
        bool has_count;
        double ratio;
        bool open;
        const char *name, *period, *email;
        const struct inner *owner, *deputy;
};

static const struct field inner_fields[] = {
        FIELD_EMAIL(struct inner, email),
        FIELD_INT(struct inner, level, .min = 1, .max = 9, .optional = true),
        FIELD_END,
};

static const struct field sample_fields[] = {
        FIELD_INT(struct sample, count, .optional = true, .flag = FIELD_FLAG(struct sample, has_count)),
        FIELD_NUMBER(struct sample, ratio, .min = 0.25, .max = 1, .optional = true),
        FIELD_BOOL(struct sample, open, .optional = true),
        FIELD_STRING(struct sample, name, .min_length = 2, .max_length = 4, .optional = true),
        FIELD_STRING(struct sample, period, .one_of = FIELD_ONE_OF("daily", "weekly"), .optional = true),
        FIELD_EMAIL(struct sample, email, .optional = true),
        FIELD_OBJECT(struct sample, owner, inner_fields, .optional = true, .description = "who pays"),
        FIELD_OBJECT(struct sample, deputy, inner_fields, .optional = true),
        FIELD_END,
};

static struct arena arena;
static char error[FIELDS_ERROR_MAX];
static bool closed; /* the tables, for one test */

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

static const void *decode_with(const struct field *fields, size_t size, const char *text)
{
        json_t *payload = json_parse(slice_of(text), error);
        assert_non_null(payload);
        struct payload_table table = {.fields = fields, .size = size, .closed = closed};
        struct faults faults = {.arena = &arena};
        const void *decoded = fields_decode(&table, payload, &faults);
        faults_join(&faults, error, sizeof(error));
        json_decref(payload); /* nothing of it may be needed any more */
        return decoded;
}

static const struct sample *decoded(const char *text)
{
        const struct sample *sample = decode_with(sample_fields, sizeof(struct sample), text);
        assert_string_equal(error, "");
        assert_non_null(sample);
        return sample;
}

static void assert_refused(const char *text, const char *expected)
{
        assert_null(decode_with(sample_fields, sizeof(struct sample), text));
        assert_string_equal(error, expected);
}

static void every_kind_of_field_reaches_its_member(void **state)
{
        (void)state;
        const struct sample *sample =
                decoded("{\"count\":-7,\"ratio\":0.5,\"open\":true,\"name\":\"Ada\",\"period\":\"weekly\","
                        "\"email\":\"a@b.c\",\"owner\":{\"email\":\"o@b.c\",\"level\":3}}");
        assert_int_equal(sample->count, -7);
        assert_true(sample->has_count);
        assert_true(sample->ratio == 0.5);
        assert_true(sample->open);
        assert_string_equal(sample->name, "Ada");
        assert_string_equal(sample->period, "weekly");
        assert_string_equal(sample->email, "a@b.c");
        assert_string_equal(sample->owner->email, "o@b.c");
        assert_int_equal(sample->owner->level, 3);
        assert_null(sample->deputy);
}

static void what_is_optional_may_be_missing_or_null(void **state)
{
        static const char *const texts[] = {
                "{}",
                "{\"count\":null,\"ratio\":null,\"open\":null,\"name\":null,\"period\":null,\"email\":null,"
                "\"owner\":null}",
        };
        (void)state;
        for (size_t i = 0; i < 2; i++) {
                const struct sample *sample = decoded(texts[i]);
                assert_false(sample->has_count);
                assert_int_equal(sample->count, 0);
                assert_false(sample->open);
                assert_null(sample->name);
                assert_null(sample->period);
                assert_null(sample->email);
                assert_null(sample->owner);
        }
}

static void a_flag_tells_zero_from_nothing(void **state)
{
        (void)state;
        assert_true(decoded("{\"count\":0}")->has_count);
        assert_false(decoded("{}")->has_count);
}

static void unknown_members_are_ignored(void **state)
{
        (void)state;
        assert_int_equal(decoded("{\"new\":{\"a\":[1,2]},\"count\":1,\"Count\":\"x\"}")->count, 1);
}

static void an_integer_may_be_written_as_a_whole_real(void **state)
{
        (void)state;
        assert_int_equal(decoded("{\"count\":5.0}")->count, 5);
        assert_int_equal(decoded("{\"count\":1e3}")->count, 1000);
        assert_true(decoded("{\"count\":9223372036854775807}")->count == INT64_MAX);
        assert_true(decoded("{\"count\":-9223372036854775808}")->count == INT64_MIN);
        assert_refused("{\"count\":5.5}", "/count: expected an integer");
        assert_refused("{\"count\":1e18}", "/count: expected an integer");
        assert_refused("{\"count\":1e300}", "/count: expected an integer");
}

static void a_number_may_be_an_integer(void **state)
{
        (void)state;
        assert_true(decoded("{\"ratio\":1}")->ratio == 1.0);
        assert_int_equal(decoded("{\"owner\":{\"email\":\"a@b\",\"level\":9}}")->owner->level, 9);
}

static void a_wrong_type_is_told_by_what_was_expected(void **state)
{
        (void)state;
        assert_refused("{\"count\":\"5\"}", "/count: expected an integer");
        assert_refused("{\"count\":true}", "/count: expected an integer");
        assert_refused("{\"ratio\":\"1\"}", "/ratio: expected a number");
        assert_refused("{\"open\":1}", "/open: expected true or false");
        assert_refused("{\"name\":5}", "/name: expected a string");
        assert_refused("{\"owner\":[]}", "/owner: expected an object");
        assert_refused("{\"email\":5}", "/email: expected an e-mail address");
        assert_refused("{\"email\":\"x\"}", "/email: expected an e-mail address");
        assert_refused(
                "{\"email\":\"\\\"a b\\\"@example.com\"}",
                "/email: a local part in quotes is not taken: leave the quotes off, or use another address");
        assert_refused("{\"email\":\"a@\xf0\x9f\x92\xa9.de\"}", "/email: expected an e-mail address");
        assert_refused("[]", "payload: expected an object, found a list");
}

static void limits_are_part_of_the_text(void **state)
{
        (void)state;
        assert_refused("{\"ratio\":0.24}", "/ratio: expected a number from 0.25 to 1");
        assert_refused("{\"ratio\":1.01}", "/ratio: expected a number from 0.25 to 1");
        assert_refused("{\"name\":\"A\"}", "/name: expected 2 to 4 characters");
        assert_refused("{\"name\":\"Augusta\"}", "/name: expected 2 to 4 characters");
        assert_refused("{\"period\":\"hourly\"}", "/period: expected one of: daily, weekly");
        assert_refused("{\"period\":\"\"}", "/period: expected one of: daily, weekly");
        assert_refused("{\"owner\":{\"email\":\"a@b\",\"level\":0}}",
                       "/owner/level: expected an integer from 1 to 9");
        assert_refused("{\"owner\":{\"email\":\"a@b\",\"level\":10}}",
                       "/owner/level: expected an integer from 1 to 9");
}

static void one_sided_limits_name_one_side(void **state)
{
        static const struct field least[] = {FIELD_INT(struct sample, count, .min = 0), FIELD_END};
        static const struct field most[] = {FIELD_NUMBER(struct sample, ratio, .max = 0.1), FIELD_END};
        (void)state;
        assert_null(decode_with(least, sizeof(struct sample), "{\"count\":-1}"));
        assert_string_equal(error, "/count: expected an integer of at least 0");
        assert_non_null(decode_with(least, sizeof(struct sample), "{\"count\":0}"));
        assert_null(decode_with(most, sizeof(struct sample), "{\"ratio\":0.2}"));
        assert_string_equal(error, "/ratio: expected a number of at most 0.1");
}

static void characters_are_counted_not_bytes(void **state)
{
        (void)state;
        assert_string_equal(decoded("{\"name\":\"\xc3\xa4\xf0\x9f\x90\x87\xc3\xb6\xe2\x82\xac\"}")->name,
                            "\xc3\xa4\xf0\x9f\x90\x87\xc3\xb6\xe2\x82\xac");
        assert_refused("{\"name\":\"\xc3\xa4\"}", "/name: expected 2 to 4 characters");
}

static void strings_are_bounded_without_being_told(void **state)
{
        static const struct field plain[] = {FIELD_STRING(struct sample, name), FIELD_END};
        char text[FIELD_MAX_LENGTH + 32];
        (void)state;
        snprintf(text, sizeof(text), "{\"name\":\"%0*d\"}", FIELD_MAX_LENGTH, 7);
        assert_non_null(decode_with(plain, sizeof(struct sample), text));
        snprintf(text, sizeof(text), "{\"name\":\"%0*d\"}", FIELD_MAX_LENGTH + 1, 7);
        assert_null(decode_with(plain, sizeof(struct sample), text));
        assert_string_equal(error, "/name: expected at most 1000 characters");
}

static void what_is_required_must_be_there_and_not_null(void **state)
{
        (void)state;
        assert_refused("{\"owner\":{}}", "/owner/email: required");
        assert_refused("{\"deputy\":{\"email\":null}}", "/deputy/email: expected an e-mail address");
}

static void a_pointer_is_escaped(void **state)
{
        static const struct field odd[] = {FIELD_INT(struct sample, count, .name = "a/b~c"), FIELD_END};
        (void)state;
        assert_null(decode_with(odd, sizeof(struct sample), "{}"));
        assert_string_equal(error, "/a~1b~0c: required");
}

static void an_error_is_bounded_and_cut_between_characters(void **state)
{
        struct field odd[] = {FIELD_INT(struct sample, count), FIELD_END};
        char name[400];
        (void)state;
        for (size_t i = 0; i + 2 < sizeof(name); i += 2)
                memcpy(name + i, "\xc3\xa4", 3);
        odd[0].name = name;
        assert_null(decode_with(odd, sizeof(struct sample), "{}"));
        assert_int_equal(strlen(error), 255);
        assert_true(utf8_valid(error, strlen(error)));
        name[1] = 'x'; /* from here on everything lies one byte further to the left */
        odd[0].name = name + 1;
        assert_null(decode_with(odd, sizeof(struct sample), "{}"));
        assert_int_equal(strlen(error), 254);
        assert_true(utf8_valid(error, strlen(error)));
}

static void a_text_with_nul_that_another_parser_let_through_is_refused(void **state)
{
        (void)state;
        json_t *payload = json_loads("{\"name\":\"a\\u0000b\"}", JSON_ALLOW_NUL, NULL);
        struct payload_table table = {.fields = sample_fields, .size = sizeof(struct sample)};
        struct faults faults = {.arena = &arena};
        assert_null(fields_decode(&table, payload, &faults));
        assert_string_equal(faults.first->text, "/name: expected a string without U+0000");
        json_decref(payload);
}

static void a_number_that_nobody_reads_harms_nobody(void **state)
{
        (void)state;
        assert_int_equal(decoded("{\"count\":1,\"serial\":18446744073709551615,\"big\":1e400,\"list\":["
                                 "1234567890123456789012345678901234567890]}")
                                 ->count,
                         1);
}

static void a_number_that_is_read_says_the_field(void **state)
{
        (void)state;
        assert_refused("{\"count\":18446744073709551615}",
                       "/count: expected an integer of 64 bits, found a greater one");
        assert_refused("{\"count\":1e400}", "/count: expected an integer");
        assert_refused("{\"owner\":{\"email\":\"a@b.c\",\"level\":18446744073709551615}}",
                       "/owner/level: expected an integer from 1 to 9");
        assert_refused("{\"ratio\":1e400}", "/ratio: expected a number from 0.25 to 1");
        assert_refused("{\"name\":18446744073709551615}", "/name: expected a string");
        assert_refused("{\"owner\":18446744073709551615}", "/owner: expected an object");
        static const struct field any[] = {FIELD_NUMBER(struct sample, ratio), FIELD_END};
        const struct sample *sample =
                decode_with(any, sizeof(struct sample), "{\"ratio\":18446744073709551615}");
        assert_true(sample->ratio == 18446744073709551616.0);
        assert_null(decode_with(any, sizeof(struct sample), "{\"ratio\":-1e400}"));
        assert_string_equal(error, "/ratio: expected a number of 64 bits, found a greater one");
}

static void a_closed_table_refuses_what_it_does_not_name(void **state)
{
        (void)state;
        closed = true;
        assert_refused("{\"cuont\":1}", "/cuont: unknown field; did you mean count?");
        assert_refused("{\"zzz\":null}", "/zzz: unknown field");
        assert_refused("{\"owner\":{\"email\":\"a@b.c\",\"e/mail\":1}}",
                       "/owner/e~1mail: unknown field; did you mean email?");
        assert_refused("{\"ada@example.com\":1}", "/?: unknown field");
        assert_refused("{\"a\\nb\\u2028\":1}", "/?: unknown field");
        assert_refused("{\"x\":1,\"y\":2}", "/x: unknown field; /y: unknown field");
        assert_refused("{\"0123456789012345678901234567890123456789012345678901234567890123456789\":1}",
                       "/0123456789012345678901234567890123456789012345678901234567890123...: unknown field");
        assert_int_equal(decoded("{\"count\":3,\"open\":null}")->count, 3);
        closed = false;
        assert_int_equal(decoded("{\"cuont\":1,\"count\":2}")->count, 2);
}

static void all_faults_are_told_at_once(void **state)
{
        (void)state;
        assert_refused("{\"count\":\"x\",\"open\":1,\"name\":\"a\",\"owner\":{\"email\":\"x\",\"level\":0}}",
                       "/count: expected an integer; /open: expected true or false; /name: expected 2 to 4 "
                       "characters; /owner/email: expected an e-mail address; /owner/level: expected an "
                       "integer from 1 to 9");
}

static void what_does_not_fit_is_counted(void **state)
{
        struct buffer lines = {0};
        (void)state;
        for (int i = 0; i < 100; i++)
                buffer_printf(&lines, "%s{\"sku\":5}", i ? "," : "{\"lines\":[{\"sku\":\"a\"}],\"gifts\":[");
        buffer_add_text(&lines, "]}");
        assert_null(decode_with(basket_fields, sizeof(struct basket), lines.data));
        assert_string_equal(
                error,
                "/gifts/0/sku: expected a string; /gifts/1/sku: expected a string; /gifts/2/sku: expected "
                "a string; /gifts/3/sku: expected a string; /gifts/4/sku: expected a string; "
                "/gifts/5/sku: expected a string; /gifts/6/sku: expected a string; and 93 more");
        buffer_fini(&lines);
}

static const struct basket *basket(const char *text)
{
        return decode_with(basket_fields, sizeof(struct basket), text);
}

static void a_list_reaches_its_member_and_its_count(void **state)
{
        (void)state;
        const struct basket *full =
                basket("{\"lines\":[{\"sku\":\"tea\",\"count\":2},{\"sku\":\"jam\"}],\"gifts\":[]}");
        assert_string_equal(error, "");
        assert_int_equal(full->line_count, 2);
        assert_string_equal(full->lines[0].sku, "tea");
        assert_int_equal(full->lines[0].count, 2);
        assert_string_equal(full->lines[1].sku, "jam");
        assert_int_equal(full->lines[1].count, 0);
        assert_int_equal(full->gift_count, 0);
        assert_non_null(full->gifts);
        const struct basket *without = basket("{\"lines\":[{\"sku\":\"a\"}],\"gifts\":null}");
        assert_int_equal(without->line_count, 1);
        assert_int_equal(without->gift_count, 0);
        assert_null(without->gifts);
}

static void what_is_wrong_in_a_list_is_told_by_its_place(void **state)
{
        static const struct {
                const char *text, *error;
        } cases[] = {
                {"{}", "/lines: required"},
                {"{\"lines\":{}}", "/lines: expected a list"},
                {"{\"lines\":[]}", "/lines: expected 1 to 3 items"},
                {"{\"lines\":[1,2,3,4]}", "/lines: expected 1 to 3 items"},
                {"{\"lines\":[{\"sku\":\"a\"},5]}", "/lines/1: expected an object"},
                {"{\"lines\":[{\"sku\":\"a\"},{\"sku\":\"long\"}]}",
                 "/lines/1/sku: expected at most 3 characters"},
                {"{\"lines\":[{\"sku\":\"a\"},{\"sku\":\"b\"},{}]}", "/lines/2/sku: required"},
                {"{\"lines\":[{\"sku\":\"a\"}],\"gifts\":[null]}", "/gifts/0: expected an object"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                assert_null(basket(cases[i].text));
                assert_string_equal(error, cases[i].error);
        }
}

static void lists_are_bounded_without_being_told(void **state)
{
        (void)state;
        for (size_t count = FIELD_MAX_ITEMS; count <= FIELD_MAX_ITEMS + 1; count++) {
                struct buffer text = {0};
                buffer_add_text(&text, "{\"lines\":[{\"sku\":\"a\"}],\"gifts\":[");
                for (size_t i = 0; i < count; i++)
                        buffer_printf(&text, "%s{\"sku\":\"%zu\"}", i ? "," : "", i);
                buffer_add_text(&text, "]}");
                const struct basket *many = basket(text.data);
                buffer_fini(&text);
                if (count > FIELD_MAX_ITEMS) {
                        assert_null(many);
                        assert_string_equal(error, "/gifts: expected at most 100 items");
                        continue;
                }
                assert_int_equal(many->gift_count, FIELD_MAX_ITEMS);
                assert_string_equal(many->gifts[99].sku, "99");
        }
}

static void a_list_is_described_for_people(void **state)
{
        struct buffer text = {0};
        (void)state;
        fields_describe(&text, basket_fields);
        assert_string_equal(text.data, "/lines          list, 1 to 3 objects\n"
                                       "/lines/*/sku    string, at most 3 characters\n"
                                       "/lines/*/count  integer, at least 1, optional\n"
                                       "/gifts          list, at most 100 objects, optional: for free\n"
                                       "/gifts/*/sku    string, at most 3 characters\n"
                                       "/gifts/*/count  integer, at least 1, optional\n");
        buffer_fini(&text);
}

static void a_mistake_in_a_list_is_found(void **state)
{
        struct field lists[] = {FIELD_LIST(struct basket, lines, line_count, line_fields), FIELD_END};
        (void)state;
        assert_true(fields_check(basket_fields, sizeof(struct basket), error));
        lists[0].min_items = 101;
        assert_false(fields_check(lists, sizeof(struct basket), error));
        assert_string_equal(error, "lines has limits that nothing can meet");
        lists[0].min_items = 0;
        lists[0].size = sizeof(int64_t);
        assert_false(fields_check(lists, sizeof(struct basket), error));
        assert_string_equal(error, "count lies outside the struct");
        lists[0].size = sizeof(struct line);
        lists[0].count_offset = sizeof(struct basket);
        assert_false(fields_check(lists, sizeof(struct basket), error));
        assert_string_equal(error, "lines has its count outside the struct");
}

static void a_mistake_in_a_table_is_found(void **state)
{
        struct field twice[] = {FIELD_INT(struct sample, count), FIELD_INT(struct sample, count), FIELD_END};
        struct field range[] = {FIELD_INT(struct sample, count, .min = 2, .max = 1), FIELD_END};
        struct field length[] = {FIELD_STRING(struct sample, name, .min_length = 2, .max_length = 1),
                                 FIELD_END};
        (void)state;
        assert_true(fields_check(sample_fields, sizeof(struct sample), error));
        assert_false(fields_check(sample_fields, sizeof(struct sample) - 1, error));
        assert_string_equal(error, "deputy lies outside the struct");
        assert_false(fields_check(twice, sizeof(struct sample), error));
        assert_string_equal(error, "count is named twice");
        assert_false(fields_check(range, sizeof(struct sample), error));
        assert_string_equal(error, "count has limits that nothing can meet");
        assert_false(fields_check(length, sizeof(struct sample), error));
        assert_string_equal(error, "name has limits that nothing can meet");
        twice[0].flag = sizeof(struct sample) + 1;
        assert_false(fields_check(twice, sizeof(struct sample), error));
        assert_string_equal(error, "count has its flag outside the struct");
}

static void a_table_is_described_for_people(void **state)
{
        struct buffer text = {0};
        (void)state;
        fields_describe(&text, sample_fields);
        assert_string_equal(text.data, "/count         integer, optional\n"
                                       "/ratio         number, 0.25 to 1, optional\n"
                                       "/open          true or false, optional\n"
                                       "/name          string, 2 to 4 characters, optional\n"
                                       "/period        one of daily weekly, optional\n"
                                       "/email         e-mail address, optional\n"
                                       "/owner         object, optional: who pays\n"
                                       "/owner/email   e-mail address\n"
                                       "/owner/level   integer, 1 to 9, optional\n"
                                       "/deputy        object, optional\n"
                                       "/deputy/email  e-mail address\n"
                                       "/deputy/level  integer, 1 to 9, optional\n");
        buffer_fini(&text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_of_field_reaches_its_member),
                cmocka_unit_test(what_is_optional_may_be_missing_or_null),
                cmocka_unit_test(a_flag_tells_zero_from_nothing),
                cmocka_unit_test(a_number_that_nobody_reads_harms_nobody),
                cmocka_unit_test(a_number_that_is_read_says_the_field),
                cmocka_unit_test(a_closed_table_refuses_what_it_does_not_name),
                cmocka_unit_test(all_faults_are_told_at_once),
                cmocka_unit_test(what_does_not_fit_is_counted),
                cmocka_unit_test(unknown_members_are_ignored),
                cmocka_unit_test(an_integer_may_be_written_as_a_whole_real),
                cmocka_unit_test(a_number_may_be_an_integer),
                cmocka_unit_test(a_wrong_type_is_told_by_what_was_expected),
                cmocka_unit_test(limits_are_part_of_the_text),
                cmocka_unit_test(one_sided_limits_name_one_side),
                cmocka_unit_test(characters_are_counted_not_bytes),
                cmocka_unit_test(strings_are_bounded_without_being_told),
                cmocka_unit_test(what_is_required_must_be_there_and_not_null),
                cmocka_unit_test(a_pointer_is_escaped),
                cmocka_unit_test(an_error_is_bounded_and_cut_between_characters),
                cmocka_unit_test(a_text_with_nul_that_another_parser_let_through_is_refused),
                cmocka_unit_test(a_table_is_described_for_people),
                cmocka_unit_test(a_list_reaches_its_member_and_its_count),
                cmocka_unit_test(what_is_wrong_in_a_list_is_told_by_its_place),
                cmocka_unit_test(lists_are_bounded_without_being_told),
                cmocka_unit_test(a_list_is_described_for_people),
                cmocka_unit_test(a_mistake_in_a_list_is_found),
                cmocka_unit_test(a_mistake_in_a_table_is_found),
        };
        return cmocka_run_group_tests(tests, arena_start, arena_end);
}
