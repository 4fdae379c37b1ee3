#include "core/broker/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct topology_queue work = {
        .name = "work",
        .arguments = {.items = {{.name = "x-dead-letter-exchange", .text = "leveret.dlx"},
                                {.name = "x-delivery-limit", .integer = 1000}},
                      .count = 2}};
static const struct topology_queue tier = {
        .name = "work.retry.2s",
        .arguments = {.items = {{.name = "x-message-ttl", .integer = 2000},
                                {.name = "x-dead-letter-exchange", .text = "leveret.return"}},
                      .count = 2}};
static const struct topology_queue kept = {
        .name = "work.dlq",
        .arguments = {.items = {{.name = "x-delivery-limit", .integer = 1000000}}, .count = 1}};

/* What is found in the definition, as "loses hinders"; of the only one also its text. */
static void found_is(const struct topology_queue *queue, const char *definition, const char *words,
                     const char *text)
{
        struct arena arena;
        struct policy_finding findings[POLICY_FINDINGS_MAX];
        struct buffer seen = {0}, body = {0};
        char cause[JSON_CAUSE_MAX];
        arena_init(&arena);
        buffer_printf(&body, "{\"name\":\"q\",\"policy\":\"p\",\"operator_policy\":null%s%s}",
                      definition ? ",\"effective_policy_definition\":" : "", definition ? definition : "");
        json_t *answer = json_parse((struct slice){.data = body.data, .len = body.len}, cause);
        assert_non_null(answer);
        size_t count = policy_look(&arena, queue, answer, findings);
        for (size_t i = 0; i < count; i++)
                buffer_printf(&seen, "%s%s", i ? " " : "", policy_harm_word(findings[i].harm));
        assert_string_equal(seen.data ? seen.data : "", words);
        if (text) {
                assert_int_equal(count, 1);
                assert_non_null(strstr(findings[0].text, text));
        }
        json_decref(answer);
        buffer_fini(&seen);
        buffer_fini(&body);
        arena_fini(&arena);
}

static void each_limit_harms_each_queue_in_its_own_way(void **state)
{
        (void)state;
        found_is(&work, "{\"expires\":5}", "loses", "policy \"p\": expires=5: ");
        found_is(&tier, "{\"expires\":5}", "loses", NULL);
        found_is(&kept, "{\"expires\":5}", "loses", NULL);
        found_is(&work, "{\"message-ttl\":5}", "loses", "unhandled");
        found_is(&kept, "{\"message-ttl\":5}", "loses", "gone");
        found_is(&work, "{\"max-length\":5,\"max-length-bytes\":5}", "hinders hinders", NULL);
        found_is(&tier, "{\"max-length\":5}", "hinders", "copies");
        found_is(&kept, "{\"max-length-bytes\":5}", "hinders", "copies");
}

static void a_limit_of_the_queue_itself_is_harmed_only_by_a_lesser_one(void **state)
{
        (void)state;
        found_is(&tier, "{\"message-ttl\":1999}", "hinders", "message-ttl=1999");
        found_is(&tier, "{\"message-ttl\":2000}", "", NULL);
        found_is(&work, "{\"delivery-limit\":999}", "hinders", NULL);
        found_is(&work, "{\"delivery-limit\":1000}", "", NULL);
        found_is(&kept, "{\"delivery-limit\":999999}", "loses", NULL);
        found_is(&kept, "{\"delivery-limit\":1000000}", "", NULL);
        found_is(&tier, "{\"delivery-limit\":1}", "", NULL);
}

static void what_harms_nothing_is_not_found(void **state)
{
        (void)state;
        found_is(&work, "{}", "", NULL);
        found_is(&work, "[]", "", NULL);
        found_is(&work, "{\"overflow\":\"drop-head\",\"dead-letter-exchange\":\"x\",\"expires\":\"no\"}", "",
                 NULL);
}

static void an_api_that_does_not_know_is_no_api_without_policies(void **state)
{
        (void)state;
        found_is(&work, NULL, "unknown", "does not know");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_limit_harms_each_queue_in_its_own_way),
                cmocka_unit_test(a_limit_of_the_queue_itself_is_harmed_only_by_a_lesser_one),
                cmocka_unit_test(what_harms_nothing_is_not_found),
                cmocka_unit_test(an_api_that_does_not_know_is_no_api_without_policies),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
