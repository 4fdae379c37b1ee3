#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/plan/fields.h"
#include "core/plan/schema.h"
#include "core/types/payload_schema.h"
#include "io/types/type_yaml.h"

/* A type in C and the schema that it writes refuse the same payloads, in the same words. */

struct inner {
        const char *email;
};

struct sample {
        int64_t count;
        double ratio;
        bool open;
        const char *name, *period, *line;
        const struct inner *owner, *copies;
        size_t copy_count;
};

static const struct field inner_fields[] = {FIELD_EMAIL(struct inner, email), FIELD_END};

static const struct field fields[] = {
        FIELD_INT(struct sample, count, .min = 1, .max = 9),
        FIELD_NUMBER(struct sample, ratio, .min = 0.5, .optional = true),
        FIELD_BOOL(struct sample, open, .optional = true),
        FIELD_STRING(struct sample, name, .min_length = 2, .max_length = 5, .optional = true),
        FIELD_STRING(struct sample, period, .one_of = FIELD_ONE_OF("daily", "weekly"), .optional = true),
        FIELD_STRING(struct sample, line, .one_line = true, .max_length = 9, .optional = true),
        FIELD_OBJECT(struct sample, owner, inner_fields, .optional = true),
        FIELD_LIST(struct sample, copies, copy_count, inner_fields, .min_items = 1, .max_items = 2,
                   .optional = true),
        FIELD_END,
};

static void plan_nothing(const struct sample *sample, struct plan *plan)
{
        (void)sample;
        (void)plan;
}

HANDLER(in_c, struct sample, plan_nothing,
        {.type = "test.schema.v1", .summary = "Nothing.", .example = "{}", .fields = fields, .closed = true});

static void texts_add(struct buffer *out, const struct faults *faults)
{
        for (const struct fault *fault = faults->first; fault; fault = fault->next)
                buffer_printf(out, "%s\n", fault->text);
        buffer_add_char(out, '.');
}

static void assert_same(const char *payload_text)
{
        struct arena arena;
        char error[JSON_CAUSE_MAX];
        struct buffer schema = {0}, told_in_c = {0}, told = {0};
        struct file_faults faults = {0};
        arena_init(&arena);
        schema_render(&schema, &in_c, true);
        const struct document *document = type_yaml_read(
                &arena, "schema", (struct slice){.data = schema.data, .len = schema.len}, &faults);
        assert_non_null(document);
        const struct payload_schema *compiled = payload_schema_compile(&arena, document, &faults);
        assert_null(faults.lines.data);
        json_t *payload = json_parse(slice_of(payload_text), error);
        assert_non_null(payload);
        struct faults in_c_faults = {.arena = &arena}, own_faults = {.arena = &arena};
        struct payload_table table = {.fields = fields, .size = sizeof(struct sample), .closed = true};
        bool in_c_good = fields_decode(&table, payload, &in_c_faults) != NULL;
        assert_int_equal(payload_check(compiled, payload, &own_faults), in_c_good);
        texts_add(&told_in_c, &in_c_faults);
        texts_add(&told, &own_faults);
        assert_string_equal(told.data, told_in_c.data);
        json_decref(payload);
        payload_schema_release(compiled);
        buffer_fini(&schema);
        buffer_fini(&told_in_c);
        buffer_fini(&told);
        arena_fini(&arena);
}

static void a_schema_refuses_what_its_type_in_c_refuses(void **state)
{
        (void)state;
        static const char *const payloads[] = {
                "{\"count\":1}",
                "{}",
                "[]",
                "\"{}\"",
                "{\"count\":0}",
                "{\"count\":10}",
                "{\"count\":1.5}",
                "{\"count\":5.0}",
                "{\"count\":-0}",
                "{\"count\":5e0}",
                "{\"count\":1,\"ratio\":1.50}",
                "{\"count\":\"1\"}",
                "{\"count\":99999999999999999999}",
                "{\"count\":1,\"ratio\":0.1}",
                "{\"count\":1,\"ratio\":\"x\"}",
                "{\"count\":1,\"ratio\":null,\"open\":null,\"name\":null,\"period\":null,\"owner\":null,"
                "\"copies\":null}",
                "{\"count\":1,\"open\":1}",
                "{\"count\":1,\"name\":\"a\"}",
                "{\"count\":1,\"name\":\"abcdef\"}",
                "{\"count\":1,\"name\":\"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\"}",
                "{\"count\":1,\"name\":5}",
                "{\"count\":1,\"line\":\"a\\nb\"}",
                "{\"count\":1,\"line\":\"0123456789\"}",
                "{\"count\":1,\"owner\":5}",
                "{\"count\":1,\"owner\":{}}",
                "{\"count\":1,\"owner\":{\"email\":\"x\"}}",
                "{\"count\":1,\"owner\":{\"email\":\"\\\"a b\\\"@x.test\"}}",
                "{\"count\":1,\"owner\":{\"email\":\"a@x.test\",\"emial\":1}}",
                "{\"count\":1,\"copies\":[]}",
                "{\"count\":1,\"copies\":[1,{}]}",
                "{\"count\":1,\"copies\":[{},{},{}]}",
                "{\"count\":1,\"copies\":{}}",
                "{\"cuont\":1,\"a@b\":2,\"x\":3}",
                "{\"count\":0,\"ratio\":0,\"owner\":{\"email\":5},\"copies\":[{\"email\":\"\"}]}",
        };
        for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++)
                assert_same(payloads[i]);
}

static void assert_refused(const char *schema, const char *payload_text, const char *expected)
{
        struct arena arena;
        char error[JSON_CAUSE_MAX];
        struct buffer told = {0};
        struct file_faults faults = {0};
        arena_init(&arena);
        const struct document *document = type_yaml_read(&arena, "s", slice_of(schema), &faults);
        const struct payload_schema *compiled = payload_schema_compile(&arena, document, &faults);
        assert_null(faults.lines.data);
        json_t *payload = json_parse(slice_of(payload_text), error);
        struct faults own = {.arena = &arena};
        payload_check(compiled, payload, &own);
        texts_add(&told, &own);
        assert_string_equal(told.data, expected);
        json_decref(payload);
        payload_schema_release(compiled);
        buffer_fini(&told);
        arena_fini(&arena);
}

static void more_than_c_knows_is_checked_too(void **state)
{
        (void)state;
        assert_refused("{type: object, properties: {a: {type: array, items: {type: string}}}}",
                       "{\"a\":[\"x\",1]}", "/a/1: expected a string\n.");
        assert_refused("{type: object, properties: {a: {const: 5}}}", "{\"a\":6}", "/a: expected 5\n.");
        assert_refused("{type: object, properties: {a: {type: integer, enum: [1, 2]}}}", "{\"a\":3}",
                       "/a: expected one of: 1, 2\n.");
        assert_refused("{type: object, properties: {a: {enum: [1, 2.50, x]}}}", "{\"a\":2.51}",
                       "/a: expected one of: 1, 2.50, x\n.");
        assert_refused("{type: object, properties: {a: {enum: [1, 2.50, x]}}}", "{\"a\":2.5}", ".");
        assert_refused("{type: object, properties: {a: {const: 1}}}", "{\"a\":1.0}", ".");
        assert_refused("{type: object, properties: {a: {type: string, format: date-time}}}",
                       "{\"a\":\"today\"}", "/a: expected a time as 2026-01-02T03:04:05Z\n.");
        assert_refused("{type: object, properties: {a: {type: string, minLength: 1}, 'b/~': {type: array, "
                       "minItems: 1}}}",
                       "{\"a\":\"\",\"b/~\":[]}",
                       "/a: expected at least 1 characters\n/b~1~0: expected at least 1 items\n.");
}

static void assert_no_schema(const char *schema, const char *expected)
{
        struct arena arena;
        struct file_faults faults = {0};
        arena_init(&arena);
        const struct document *document = type_yaml_read(&arena, "s", slice_of(schema), &faults);
        assert_null(payload_schema_compile(&arena, document, &faults));
        assert_string_equal(faults.lines.data, expected);
        file_faults_fini(&faults);
        arena_fini(&arena);
}

static void what_would_not_be_checked_is_an_error(void **state)
{
        (void)state;
        assert_no_schema("{type: object, properties: {a: {type: string, minimum: 1, oneOf: []}}}",
                         "s:1:47: minimum says nothing of this type\n"
                         "s:1:59: oneOf is no keyword that leveret checks; docs/types.md lists those\n");
        assert_no_schema("{type: object, required: [b], properties: {a: {type: string, format: uri}}}",
                         "s:1:70: expected email or date-time\ns:1:27: b is not among the properties\n");
        assert_no_schema("{type: [string, integer]}", "s:1:8: expected one type, or a type and \"null\"\n");
        assert_no_schema("{type: string}", "s:1:1: a payload is an object: expected type: object\n");
        assert_no_schema("{type: object, properties: {a: {type: integer, minimum: 5, maximum: 4}}}",
                         "s:1:32: minimum is over maximum\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_schema_refuses_what_its_type_in_c_refuses),
                cmocka_unit_test(more_than_c_knows_is_checked_too),
                cmocka_unit_test(what_would_not_be_checked_is_an_error),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
