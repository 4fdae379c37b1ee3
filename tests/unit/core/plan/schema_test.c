#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/plan/schema.h"

struct inner {
        const char *email;
};

struct sample {
        int64_t count;
        double ratio;
        bool open;
        const char *name, *period, *line;
        const struct inner *owner, *copies, *more;
        size_t copy_count, more_count;
};

static const struct field inner_fields[] = {FIELD_EMAIL(struct inner, email), FIELD_END};

static const struct field fields[] = {
        FIELD_INT(struct sample, count, .min = 1, .max = 9, .description = "how many"),
        FIELD_NUMBER(struct sample, ratio, .min = 0.5, .optional = true),
        FIELD_BOOL(struct sample, open),
        FIELD_STRING(struct sample, name, .min_length = 1, .max_length = 20),
        FIELD_STRING(struct sample, period, .one_of = FIELD_ONE_OF("daily", "weekly"), .optional = true),
        FIELD_STRING(struct sample, line, .one_line = true, .optional = true),
        FIELD_OBJECT(struct sample, owner, inner_fields, .optional = true),
        FIELD_LIST(struct sample, copies, copy_count, inner_fields, .min_items = 1, .max_items = 9),
        FIELD_LIST(struct sample, more, more_count, inner_fields, .optional = true),
        FIELD_END,
};

static void plan_nothing(const struct sample *sample, struct plan *plan)
{
        (void)sample;
        (void)plan;
}

HANDLER(handler, struct sample, plan_nothing,
        {.type = "test.schema.v1", .summary = "Does nothing.", .example = "{}", .fields = fields});

static void a_schema_says_what_the_table_says(void **state)
{
        struct buffer text = {0};
        (void)state;
        schema_render(&text, &handler, false);
        assert_string_equal(
                text.data,
                "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"test.schema.v1\","
                "\"description\":\"Does nothing.\",\"type\":\"object\",\"properties\":{"
                "\"count\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"description\":\"how many\"},"
                "\"ratio\":{\"type\":[\"number\",\"null\"],\"minimum\":0.5},"
                "\"open\":{\"type\":\"boolean\"},"
                "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":20},"
                "\"period\":{\"type\":[\"string\",\"null\"],\"enum\":[\"daily\",\"weekly\",null]},"
                "\"line\":{\"type\":[\"string\",\"null\"],\"maxLength\":1000,"
                "\"pattern\":\"^[^\\\\u0000-\\\\u001f\\\\u007f-\\\\u009f\\\\u2028\\\\u2029]*$\"},"
                "\"owner\":{\"type\":[\"object\",\"null\"],\"properties\":{\"email\":{\"type\":\"string\","
                "\"format\":\"email\","
                "\"maxLength\":254}},\"required\":[\"email\"]},"
                "\"copies\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"email\":{"
                "\"type\":\"string\",\"format\":\"email\",\"maxLength\":254}},\"required\":[\"email\"]},"
                "\"minItems\":1,\"maxItems\":9},"
                "\"more\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"object\",\"properties\":{"
                "\"email\":{"
                "\"type\":\"string\",\"format\":\"email\",\"maxLength\":254}},\"required\":[\"email\"]},"
                "\"maxItems\":100}},"
                "\"required\":[\"count\",\"open\",\"name\",\"copies\"]}");
        buffer_fini(&text);
}

struct lists {
        const char *const *words;
        const struct pair *labels;
        const char *bytes;
        size_t bytes_len;
};

static const struct field list_fields[] = {
        FIELD_STRINGS(struct lists, words, .max_items = 3, .max_length = 5, .one_line = false),
        FIELD_PAIRS(struct lists, labels, .max_items = 2, .max_length = 7, .one_line = false),
        FIELD_BASE64(struct lists, bytes, bytes_len, .optional = true),
        FIELD_END,
};

static void plan_no_lists(const struct lists *lists, struct plan *plan)
{
        (void)lists;
        (void)plan;
}

HANDLER(listed, struct lists, plan_no_lists,
        {.type = "test.schema.v3", .summary = "Does nothing.", .example = "{}", .fields = list_fields});

static void lists_and_maps_say_what_they_hold_and_how_many(void **state)
{
        struct buffer text = {0};
        (void)state;
        schema_render(&text, &listed, false);
        assert_non_null(strstr(text.data, "\"words\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
                                          "\"maxLength\":5},\"maxItems\":3}"));
        assert_non_null(strstr(text.data, "\"labels\":{\"type\":\"object\",\"additionalProperties\":{"
                                          "\"type\":\"string\",\"maxLength\":7},\"maxProperties\":2}"));
        assert_non_null(strstr(text.data, "\"bytes\":{\"type\":[\"string\",\"null\"],\"contentEncoding\":"
                                          "\"base64\"}"));
        buffer_fini(&text);
}

static void a_pretty_schema_has_a_member_a_line(void **state)
{
        struct buffer text = {0};
        (void)state;
        schema_render(&text, &handler, true);
        assert_non_null(strstr(text.data, "{\n  \"$schema\": \"https:"));
        assert_string_equal(text.data + text.len - 2, "}\n");
        buffer_fini(&text);
}

HANDLER(shut, struct sample, plan_nothing,
        {.type = "test.schema.v2",
         .summary = "Does nothing.",
         .example = "{}",
         .fields = fields,
         .closed = true});

static size_t count_of(const char *text, const char *part)
{
        size_t count = 0;
        for (; (text = strstr(text, part)); text++)
                count++;
        return count;
}

static void a_closed_type_is_closed_in_its_schema_too(void **state)
{
        struct buffer text = {0};
        (void)state;
        schema_render(&text, &shut, false);
        assert_int_equal(count_of(text.data, "\"additionalProperties\":false"),
                         4); /* and three nested ones */
        buffer_fini(&text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_schema_says_what_the_table_says),
                cmocka_unit_test(a_closed_type_is_closed_in_its_schema_too),
                cmocka_unit_test(lists_and_maps_say_what_they_hold_and_how_many),
                cmocka_unit_test(a_pretty_schema_has_a_member_a_line),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
