#include "plan_text.h"

#include "core/plan/fields.h"
#include "core/plan/registry.h"
#include "core/plan/schema.h"

/* What holds for every handler in the table. */

static void every_type_is_found_by_its_own_name_only(void **state)
{
        (void)state;
        for (const struct handler *const *handler = handlers; *handler; handler++)
                assert_ptr_equal(handler_find(handlers, slice_of((*handler)->type)), *handler);
        assert_null(handler_find(handlers, slice_of("order.created.v2")));
        assert_null(handler_find(handlers, slice_of("order.created.v")));
        assert_null(handler_find(handlers, slice_of("Order.created.v1")));
        assert_null(handler_find(handlers, SLICE_LITERAL("order.created.v1\0")));
        assert_null(handler_find(handlers, slice_of("")));
        assert_null(handler_find(handlers, (struct slice){0}));
}

static void the_first_three_types_are_there(void **state)
{
        (void)state;
        assert_non_null(handler_find(handlers, slice_of("email.send.v1")));
        assert_non_null(handler_find(handlers, slice_of("order.created.v1")));
        assert_non_null(handler_find(handlers, slice_of("invoice.overdue.v1")));
}

static void every_handler_is_complete(void **state)
{
        char error[FIELDS_ERROR_MAX];
        (void)state;
        for (const struct handler *const *each = handlers; *each; each++) {
                const struct handler *handler = *each;
                assert_true(handler_type_valid(slice_of(handler->type)));
                assert_true(handler->summary && handler->summary[0]);
                assert_non_null(handler->plan);
                if (!fields_check(handler->fields, handler->size, error))
                        fail_msg("%s: %s", handler->type, error);
        }
}

static void a_table_that_cannot_be_worked_with_is_told_by_the_type(void **state)
{
        (void)state;
        char error[HANDLERS_ERROR_MAX];
        const struct handler *good = handlers[0];
        struct handler other = *good, bad = *good;
        assert_true(handlers_check(handlers, error));
        assert_false(handlers_check((const struct handler *[]){good, &other, NULL}, error));
        assert_string_equal(error, "email.send.v1: another handler has the same type");
        bad.type = "Email.Send";
        assert_false(handlers_check((const struct handler *[]){good, &bad, NULL}, error));
        assert_non_null(strstr(error, "Email.Send: a type is"));
        bad.type = "email.send.v2";
        bad.size = 1; /* the fields lie outside of it */
        assert_false(handlers_check((const struct handler *[]){good, &bad, NULL}, error));
        assert_non_null(strstr(error, "email.send.v2: "));
}

/* The plan of a handler's example as text. */
static struct buffer example_plan(const struct handler *handler)
{
        struct arena arena;
        struct buffer text = {0};
        struct plan *plan;
        struct faults faults = {.arena = &arena};
        arena_init(&arena);
        if (plan_build_text(handler, slice_of(handler->example), &plan, &faults) != PLAN_OK)
                fail_msg("%s: %s", handler->type, faults.first->text);
        plan_render(&text, plan);
        arena_fini(&arena);
        return text;
}

static void every_example_gives_a_plan_and_always_the_same(void **state)
{
        (void)state;
        for (const struct handler *const *handler = handlers; *handler; handler++) {
                struct buffer first = example_plan(*handler), again = example_plan(*handler);
                assert_string_equal(first.data, again.data);
                buffer_fini(&first);
                buffer_fini(&again);
        }
}

static void every_schema_is_json_of_the_2020_draft(void **state)
{
        char error[JSON_CAUSE_MAX];
        (void)state;
        for (const struct handler *const *handler = handlers; *handler; handler++) {
                struct buffer text = {0};
                schema_render(&text, *handler, true);
                json_t *schema = json_parse((struct slice){text.data, text.len}, error);
                assert_non_null(schema);
                assert_string_equal(json_string_value(json_object_get(schema, "$schema")),
                                    "https://json-schema.org/draft/2020-12/schema");
                assert_string_equal(json_string_value(json_object_get(schema, "title")), (*handler)->type);
                json_decref(schema);
                buffer_fini(&text);
        }
}

static void a_type_is_dotted_lower_case_with_a_version(void **state)
{
        static const char *const good[] = {"a.v1", "order.created.v1", "order_line.created2.v12"};
        static const char *const bad[] = {"",          "v1",        "order",     "order.v",   "order.v0",
                                          "order.v01", "order.v1x", "Order.v1",  ".order.v1", "order..v1",
                                          "order.v1.", "order.1",   "or der.v1", "order.v1\n"};
        (void)state;
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
                assert_true(handler_type_valid(slice_of(good[i])));
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_false(handler_type_valid(slice_of(bad[i])));
        assert_false(handler_type_valid((struct slice){0}));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_type_is_found_by_its_own_name_only),
                cmocka_unit_test(the_first_three_types_are_there),
                cmocka_unit_test(every_handler_is_complete),
                cmocka_unit_test(a_table_that_cannot_be_worked_with_is_told_by_the_type),
                cmocka_unit_test(every_example_gives_a_plan_and_always_the_same),
                cmocka_unit_test(every_schema_is_json_of_the_2020_draft),
                cmocka_unit_test(a_type_is_dotted_lower_case_with_a_version),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
