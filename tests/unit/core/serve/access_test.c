#include "core/serve/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static struct arena arena;

static const struct serve_route *route_of(const char *method, const char *path)
{
        return serve_route_match(&arena, method, path).route;
}

/* A request that is carried out, to be spoilt. */
static struct serve_asked good(void)
{
        return (struct serve_asked){.method = "POST",
                                    .host = "127.0.0.1:8080",
                                    .content_type = "application/json",
                                    .authorization = "Bearer read-0123456789ab"};
}

static int judged(const char *path, struct serve_asked asked)
{
        return serve_judge(&arena, &config, route_of(asked.method, path), &asked).status;
}

static int begin(void **state)
{
        (void)state;
        arena_init(&arena);
        config = (struct config){
                .serve = {.listen = "127.0.0.1:8080", .base_url = "https://mails.example.com/x"}};
        config.serve.tokens[0] =
                (struct config_token){.name = "r", .role = SERVE_READ, .token = "read-0123456789ab"};
        config.serve.tokens[1] =
                (struct config_token){.name = "p", .role = SERVE_PUBLISH, .token = "publish-0123456789"};
        config.serve.token_count = 2;
        return 0;
}

static int end(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

static void a_token_does_what_its_role_may(void **state)
{
        (void)state;
        struct serve_asked asked = good();
        asked.method = "GET";
        assert_int_equal(judged("/v1/jobs", asked), 0);
        struct serve_verdict verdict = serve_judge(&arena, &config, route_of("GET", "/v1/jobs"), &asked);
        assert_string_equal(verdict.token, "r");
        asked.authorization = "bearer publish-0123456789";
        assert_int_equal(judged("/v1/jobs", asked), 403);
        assert_int_equal(judged("/v1/types", asked), 0);
        assert_int_equal(judged("/v1/jobs/x", asked), 0);
}

/* RFC 9110 sections 5.5 and 11.4: one space or more, and none of those at the end counts. */
static void spaces_around_a_token_do_not_count(void **state)
{
        static const char *const right[] = {"Bearer  read-0123456789ab", "Bearer read-0123456789ab ",
                                            "BEARER \tread-0123456789ab\t "};
        (void)state;
        for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++) {
                struct serve_asked asked = good();
                asked.method = "GET";
                asked.authorization = right[i];
                assert_int_equal(judged("/v1/jobs", asked), 0);
        }
}

static void what_is_no_token_is_refused(void **state)
{
        static const char *const wrong[] = {NULL,
                                            "",
                                            "Bearer",
                                            "Bearer ",
                                            "Bearer   ",
                                            "Bearerread-0123456789ab",
                                            "Bearer read-0123456789ab x",
                                            "Bearer read-0123456789a",
                                            "Bearer read-0123456789abc",
                                            "Basic read-0123456789ab",
                                            "read-0123456789ab"};
        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
                struct serve_asked asked = good();
                asked.method = "GET";
                asked.authorization = wrong[i];
                assert_int_equal(judged("/v1/jobs", asked), 401);
                assert_int_equal(judged("/livez", asked), 0);
        }
}

static void without_tokens_it_only_reads(void **state)
{
        (void)state;
        config.serve.token_count = 0;
        struct serve_asked asked = good();
        asked.authorization = NULL;
        assert_int_equal(judged("/v1/types/a.v1/plan", asked), 0);
        assert_true(serve_may(SERVE_READ, SERVE_FOR_READ) && !serve_may(SERVE_READ, SERVE_FOR_OPERATE));
        assert_true(!serve_may(SERVE_READ, SERVE_FOR_PUBLISH) && serve_may(SERVE_OPERATE, SERVE_FOR_PUBLISH));
}

static void a_foreign_name_for_this_server_is_refused(void **state)
{
        static const struct {
                const char *host;
                int status;
        } cases[] = {{"127.0.0.1:8080", 0},
                     {"localhost", 0},
                     {"[::1]:8080", 0},
                     {"MAILS.example.com", 0},
                     {"evil.example", 421},
                     {"127.0.0.1.evil.example", 421},
                     {"10.0.0.1", 421},
                     {"", 421},
                     {NULL, 421}};
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct serve_asked asked = good();
                asked.host = cases[i].host;
                assert_int_equal(judged("/v1/types/a.v1/plan", asked), cases[i].status);
        }
        config.serve.listen = "0.0.0.0:8080";
        struct serve_asked asked = good();
        asked.host = "10.0.0.1:8080";
        assert_int_equal(judged("/v1/types/a.v1/plan", asked), 0);
        asked.host = "evil.example";
        assert_int_equal(judged("/v1/types/a.v1/plan", asked), 421);
}

static void what_carries_a_body_comes_as_json_from_no_other_site(void **state)
{
        static const struct {
                const char *origin, *content_type;
                int status;
        } cases[] = {{NULL, "application/json; charset=utf-8", 0},
                     {"http://127.0.0.1:8080", "application/json", 0},
                     {"https://mails.example.com", "application/json", 0},
                     {"https://mails.example.com.evil.example", "application/json", 403},
                     {"https://mails.example", "application/json", 403},
                     {"null", "application/json", 403},
                     {NULL, "text/plain", 415},
                     {NULL, "application/x-www-form-urlencoded", 415},
                     {NULL, NULL, 415}};
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct serve_asked asked = good();
                asked.origin = cases[i].origin;
                asked.content_type = cases[i].content_type;
                assert_int_equal(judged("/v1/types/a.v1/plan", asked), cases[i].status);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_token_does_what_its_role_may, begin, end),
                cmocka_unit_test_setup_teardown(spaces_around_a_token_do_not_count, begin, end),
                cmocka_unit_test_setup_teardown(what_is_no_token_is_refused, begin, end),
                cmocka_unit_test_setup_teardown(without_tokens_it_only_reads, begin, end),
                cmocka_unit_test_setup_teardown(a_foreign_name_for_this_server_is_refused, begin, end),
                cmocka_unit_test_setup_teardown(what_carries_a_body_comes_as_json_from_no_other_site, begin,
                                                end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
