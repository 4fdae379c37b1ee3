#include "core/serve/route.h"

#include "core/codec/json.h"
#include "core/serve/openapi.h"
#include "core/serve/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int begin(void **state)
{
        (void)state;
        arena_init(&arena);
        return 0;
}

static int end(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

static void a_path_finds_its_row_and_its_words(void **state)
{
        (void)state;
        struct serve_match match = serve_route_match(&arena, "GET", "/v1/jobs/order%2F42:a");
        assert_int_equal(match.route->action, SERVE_JOB);
        assert_string_equal(match.words[0], "order/42:a");
        assert_int_equal(serve_route_match(&arena, "HEAD", "/v1/jobs").route->action, SERVE_JOBS);
        match = serve_route_match(&arena, "GET", "/v1/types/a.v1/schema");
        assert_int_equal(match.route->action, SERVE_TYPE_SCHEMA);
        assert_string_equal(match.words[0], "a.v1");
}

static void what_is_no_path_finds_nothing(void **state)
{
        static const char *const wrong[] = {
                "",          "/",         "/v1",          "/v1/jobs/",    "/v1/jobs/a/b", "/v1/job",
                "/v1/jobsx", "v1/jobs",   "/v1/jobs/%0a", "/v1/jobs/%00", "/v1/jobs/%4",  "/v1/jobs/%zz",
                "//v1/jobs", "/v1//jobs", "/V1/jobs"};
        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
                struct serve_match match = serve_route_match(&arena, "GET", wrong[i]);
                assert_null(match.route);
                assert_null(match.allow);
        }
}

static void a_method_that_a_path_does_not_have_is_told_from_no_path(void **state)
{
        (void)state;
        struct serve_match match = serve_route_match(&arena, "PATCH", "/v1/jobs");
        assert_null(match.route);
        assert_string_equal(match.allow, "GET");
        assert_string_equal(serve_route_match(&arena, "GET", "/v1/types/a.v1/plan").allow, "POST");
        assert_null(serve_route_match(&arena, "get", "/v1/jobs").route);
}

static void the_description_is_json_and_has_every_row(void **state)
{
        (void)state;
        struct buffer out = {0};
        char error[JSON_CAUSE_MAX];
        openapi_render(&out, "1.2.3", "https://mails.example.com");
        json_t *document = json_parse((struct slice){.data = out.data, .len = out.len}, error);
        assert_non_null(document);
        const json_t *paths = json_object_get(document, "paths");
        for (const struct serve_route *route = serve_routes; route->method; route++) {
                char method[8] = "";
                for (size_t i = 0; route->method[i]; i++)
                        method[i] = (char)(route->method[i] | 0x20);
                const json_t *operation = json_object_get(json_object_get(paths, route->path), method);
                assert_non_null(operation);
                assert_true(slice_is(json_text(json_object_get(operation, "summary")), route->summary));
        }
        json_decref(document);
        buffer_fini(&out);
}

static void a_fault_has_its_pointer_apart(void **state)
{
        (void)state;
        struct faults faults = {.arena = &arena};
        struct buffer out = {0};
        faults_add(&faults, "/to: required");
        faults_add(&faults, "line 1: no \"JSON\"");
        problem_add_faults(&out, 400, "no", "/data", &faults);
        assert_string_equal(out.data,
                            "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":"
                            "\"no\",\"errors\":[{\"pointer\":\"/data/to\",\"detail\":\"required\"},"
                            "{\"pointer\":\"/data\",\"detail\":\"line 1: no \\\"JSON\\\"\"}]}");
        buffer_fini(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_path_finds_its_row_and_its_words, begin, end),
                cmocka_unit_test_setup_teardown(what_is_no_path_finds_nothing, begin, end),
                cmocka_unit_test_setup_teardown(a_method_that_a_path_does_not_have_is_told_from_no_path,
                                                begin, end),
                cmocka_unit_test_setup_teardown(the_description_is_json_and_has_every_row, begin, end),
                cmocka_unit_test_setup_teardown(a_fault_has_its_pointer_apart, begin, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
