#include "core/codec/json.h"
#include "io/plan/planner.h"
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>
#include <sys/stat.h>

#include <cmocka.h>

/* What comes of questions, by a service on loopback and by programs. */

enum { QUESTIONS_MAX = 20 };

struct stage {
        uv_loop_t loop;
        struct config_handler settings;
        char url[64];
        struct peer *peer;
        const char *answer; /* of the service; NULL: it says nothing */
        struct planner *planner;
        int ended;
        enum planner_end ends[QUESTIONS_MAX];
        char errors[QUESTIONS_MAX][256];
        int64_t retry_after_ms;
};

/* Answers each request the same way, and hangs up. */
static void service_run(struct peer *peer, int fd, int connection)
{
        const struct stage *stage = peer->script;
        char data[8192];
        size_t len = 0;
        (void)connection;
        while (len + 1 < sizeof(data)) {
                ssize_t got = recv(fd, data + len, sizeof(data) - 1 - len, 0);
                if (got <= 0)
                        return;
                len += (size_t)got;
                data[len] = '\0';
                const char *body = strstr(data, "\r\n\r\n"), *length = strcasestr(data, "content-length:");
                if (body && length && len >= (size_t)(body + 4 - data) + strtoul(length + 15, NULL, 10))
                        break;
        }
        if (stage->answer)
                peer_write(fd, stage->answer);
        else
                peer_wait_end(fd);
}

static void stage_open(struct stage *stage, const char *answer, int64_t timeout_ms)
{
        *stage = (struct stage){.answer = answer, .settings = {.type = "cart.left.v1"}};
        uv_loop_init(&stage->loop);
        stage->peer = peer_open(service_run, stage);
        snprintf(stage->url, sizeof(stage->url), "http://127.0.0.1:%d/plan", stage->peer->port);
        stage->settings.plan = (struct config_plan){.url = stage->url, .timeout_ms = timeout_ms};
        stage->planner = planner_open(&stage->loop, &stage->settings);
}

static void stage_run_program(struct stage *stage, const char *program, int64_t processes)
{
        *stage = (struct stage){.settings = {.type = "cart.left.v1",
                                             .plan = {.exec = {program},
                                                      .exec_count = 1,
                                                      .processes = processes,
                                                      .timeout_ms = 20000}}};
        uv_loop_init(&stage->loop);
        stage->planner = planner_open(&stage->loop, &stage->settings);
}

static void stage_close(struct stage *stage)
{
        int ended = stage->ended;
        planner_close(stage->planner);
        uv_run(&stage->loop, UV_RUN_DEFAULT);
        assert_int_equal(stage->ended, ended);
        assert_int_equal(uv_loop_close(&stage->loop), 0);
        if (stage->peer)
                peer_close(stage->peer);
}

static void on_done(void *context, const struct planner_answer *answer)
{
        struct stage *stage = context;
        int number = stage->ended++;
        stage->ends[number] = answer->end;
        stage->retry_after_ms = answer->retry_after_ms;
        assert_int_equal(answer->end == PLANNER_ANSWERED, answer->answer != NULL);
        if (answer->end != PLANNER_ANSWERED)
                snprintf(stage->errors[number], sizeof(stage->errors[number]), "%s", answer->error);
}

static struct planner_ask *ask(struct stage *stage)
{
        static const struct plan_question question = {
                .id = "j-1", .type = "cart.left.v1", .data = SLICE_LITERAL("{\"number\":1}")};
        return planner_ask(stage->planner, &question, on_done, stage);
}

static void wait_for(struct stage *stage, int ended)
{
        while (stage->ended < ended)
                uv_run(&stage->loop, UV_RUN_ONCE);
}

static void expect_numbers(const struct stage *stage, size_t under_way, size_t waiting)
{
        struct planner_numbers numbers = planner_numbers(stage->planner);
        assert_int_equal(numbers.under_way, under_way);
        assert_int_equal(numbers.waiting, waiting);
}

/* ---- a service ---- */

#define OK_HEAD "HTTP/1.1 200 OK\r\n\r\n"
#define LATER "\r\nRetry-After: 7\r\n\r\n"

static const struct answer_case {
        const char *answer;
        enum planner_end end;
        int64_t retry_after_ms;
        const char *error; /* or a part of it; NULL: curl says it, and no status */
} answer_cases[] = {
        {OK_HEAD "{\"effects\":[]}", PLANNER_ANSWERED, -1, ""},
        {"HTTP/1.1 299 Fine\r\n\r\n{}", PLANNER_ANSWERED, -1, ""},
        {OK_HEAD "{\"id\":\"j-1\"}", PLANNER_ANSWERED, -1, ""},
        {OK_HEAD "{\"id\":\"j-2\"}", PLANNER_GARBAGE, -1, "/id: expected that of the question"},
        {OK_HEAD "{\"id\":1}", PLANNER_GARBAGE, -1, "/id: expected that of the question"},
        {OK_HEAD "nothing", PLANNER_GARBAGE, -1, "no JSON: "},
        {OK_HEAD, PLANNER_GARBAGE, -1, "no JSON: "},
        {"HTTP/1.1 300 Where" LATER, PLANNER_FAILED, 7000, "planner: HTTP 300"},
        {"HTTP/1.1 302 There\r\nLocation: /other" LATER, PLANNER_FAILED, 7000, "planner: HTTP 302"},
        {"HTTP/1.1 400 No" LATER, PLANNER_REFUSED, -1, "planner: HTTP 400"},
        {"HTTP/1.1 407 No" LATER, PLANNER_REFUSED, -1, "planner: HTTP 407"},
        {"HTTP/1.1 408 Slow" LATER, PLANNER_FAILED, 7000, "planner: HTTP 408"},
        {"HTTP/1.1 422 No" LATER, PLANNER_REFUSED, -1, "planner: HTTP 422"},
        {"HTTP/1.1 425 Early" LATER, PLANNER_FAILED, 7000, "planner: HTTP 425"},
        {"HTTP/1.1 429 Many" LATER, PLANNER_FAILED, 7000, "planner: HTTP 429"},
        {"HTTP/1.1 499 No" LATER, PLANNER_REFUSED, -1, "planner: HTTP 499"},
        {"HTTP/1.1 500 Oops\r\n\r\n", PLANNER_FAILED, -1, "planner: HTTP 500"},
        {"HTTP/1.1 503 Away" LATER, PLANNER_FAILED, 7000, "planner: HTTP 503"},
        {"HTTP/1.1 503 Away\r\nRetry-After: 86400\r\n\r\n", PLANNER_FAILED, 3600000, "planner: HTTP 503"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9" LATER "{}", PLANNER_FAILED, -1, NULL},
        {"", PLANNER_FAILED, -1, NULL},
};

static bool error_fits(const char *error, const char *expected)
{
        if (expected)
                return strstr(error, expected) != NULL;
        return strncmp(error, "planner: ", 9) == 0 && error[9] && !strstr(error, "HTTP");
}

static void what_a_service_says_is_an_end(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(answer_cases) / sizeof(*answer_cases); i++) {
                const struct answer_case *expected = &answer_cases[i];
                struct stage stage;
                stage_open(&stage, expected->answer, 20000);
                assert_non_null(ask(&stage));
                wait_for(&stage, 1);
                if (stage.ends[0] != expected->end || !error_fits(stage.errors[0], expected->error) ||
                    stage.retry_after_ms != expected->retry_after_ms)
                        fail_msg("%s: end %d, \"%s\", %lld ms", expected->answer, stage.ends[0],
                                 stage.errors[0], (long long)stage.retry_after_ms);
                expect_numbers(&stage, 0, 0);
                stage_close(&stage);
        }
}

static void an_answer_has_4_mib_at_most(void **state)
{
        (void)state;
        static char answer[sizeof(OK_HEAD) + PLAN_ANSWER_MAX + 1];
        for (size_t more = 0; more < 2; more++) {
                struct stage stage;
                memcpy(answer, OK_HEAD "{}", sizeof(OK_HEAD "{}") - 1);
                memset(answer + sizeof(OK_HEAD "{}") - 1, ' ', PLAN_ANSWER_MAX - 2 + more);
                stage_open(&stage, answer, 20000);
                ask(&stage);
                wait_for(&stage, 1);
                assert_int_equal(stage.ends[0], more ? PLANNER_GARBAGE : PLANNER_ANSWERED);
                assert_string_equal(stage.errors[0], more ? "longer than 4 MiB" : "");
                stage_close(&stage);
        }
}

static void a_service_that_says_nothing_is_late(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, NULL, 100);
        ask(&stage);
        wait_for(&stage, 1);
        assert_int_equal(stage.ends[0], PLANNER_LATE);
        assert_string_equal(stage.errors[0], "planner: no answer within its time limit");
        stage_close(&stage);
}

static void what_there_is_no_place_for_waits_and_may_be_forgotten(void **state)
{
        (void)state;
        struct stage stage;
        struct planner_ask *asked[18];
        stage_open(&stage, NULL, 20000);
        for (size_t i = 0; i < 18; i++)
                asked[i] = ask(&stage);
        expect_numbers(&stage, 16, 2);
        assert_true(planner_ask_began(asked[15]));
        assert_false(planner_ask_began(asked[16]));
        planner_ask_forget(asked[16]);
        expect_numbers(&stage, 16, 1);
        planner_ask_forget(asked[0]);
        expect_numbers(&stage, 16, 1);
        stage_close(&stage);
}

/* ---- is it the same? ---- */

static void only_other_settings_make_another_planner(void **state)
{
        (void)state;
        static const struct config_handler of_programs = {
                .type = "a.v1",
                .plan = {.exec = {"cat", "-u"}, .exec_count = 2, .processes = 1, .timeout_ms = 20000}};
        static const struct config_handler of_a_service = {.type = "a.v1",
                                                           .plan = {.url = "http://a/", .timeout_ms = 20000}};
        struct config_handler others[7];
        for (size_t i = 0; i < 7; i++)
                others[i] = i < 5 ? of_programs : of_a_service;
        others[0].type = "b.v1";
        others[1].plan.exec[1] = "-n";
        others[2].plan.exec_count = 1;
        others[3].plan.processes = 2;
        others[4].plan.timeout_ms = 20001;
        others[5].plan.url = "http://b/";
        others[6] = of_programs;
        for (size_t i = 0; i < 7; i++) {
                uv_loop_t loop;
                const struct config_handler *settings = i < 5 ? &of_programs : &of_a_service;
                uv_loop_init(&loop);
                struct planner *planner = planner_open(&loop, settings);
                assert_true(planner_is(planner, settings));
                assert_false(planner_is(planner, &others[i]));
                planner_close(planner);
                uv_run(&loop, UV_RUN_DEFAULT);
                assert_int_equal(uv_loop_close(&loop), 0);
        }
}

/* ---- programs ---- */

static void no_limit_runs(uv_handle_t *handle, void *context)
{
        (void)context;
        assert_false(handle->type == UV_TIMER && uv_is_active(handle));
}

/* cat says what it is asked, with the question's id. Who is asked nothing is late with nothing. */
static void programs_plan_one_job_each(void **state)
{
        (void)state;
        struct stage stage;
        stage_run_program(&stage, "cat", 2);
        for (int i = 0; i < 3; i++)
                assert_non_null(ask(&stage));
        expect_numbers(&stage, 2, 1);
        assert_int_equal(planner_numbers(stage.planner).running, 2);
        wait_for(&stage, 3);
        for (int i = 0; i < 3; i++)
                assert_int_equal(stage.ends[i], PLANNER_ANSWERED);
        expect_numbers(&stage, 0, 0);
        uv_walk(&stage.loop, no_limit_runs, NULL);
        assert_int_equal(planner_numbers(stage.planner).starts, 2);
        assert_string_equal(planner_trouble(stage.planner), "");
        stage_close(&stage);
}

static void a_program_that_is_not_there_is_asked_nothing(void **state)
{
        (void)state;
        struct stage stage;
        stage_run_program(&stage, "/nowhere/planner", 1);
        assert_null(ask(&stage));
        assert_non_null(strstr(planner_trouble(stage.planner), "/nowhere/planner cannot be started"));
        stage_close(&stage);
        stage_run_program(&stage, "/nowhere/python3 planner.py", 1);
        assert_non_null(strstr(planner_trouble(stage.planner), "; exec is a list, as [python3, planner.py]"));
        stage_close(&stage);
}

/* It is there once: the first question dies with it, and the others would wait for ever. */
static void who_waits_is_told_that_no_program_can_be_started(void **state)
{
        (void)state;
        static const char text[] = "#!/bin/sh\nrm -- \"$0\"\nread -r line\nexit 3\n";
        char path[] = "/tmp/leveret-planner-XXXXXX";
        int fd = mkstemp(path);
        assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
        assert_int_equal(fchmod(fd, 0700), 0);
        close(fd);
        struct stage stage;
        stage_run_program(&stage, path, 1);
        for (int i = 0; i < 3; i++)
                assert_non_null(ask(&stage));
        wait_for(&stage, 3);
        assert_int_equal(stage.ends[0], PLANNER_DIED);
        assert_string_equal(stage.errors[0], "planner: the program ended with status 3");
        for (int i = 1; i < 3; i++) {
                assert_int_equal(stage.ends[i], PLANNER_FAILED);
                assert_string_equal(stage.errors[i], planner_trouble(stage.planner));
        }
        expect_numbers(&stage, 0, 0);
        assert_null(ask(&stage));
        stage_close(&stage);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_a_service_says_is_an_end),
                cmocka_unit_test(an_answer_has_4_mib_at_most),
                cmocka_unit_test(a_service_that_says_nothing_is_late),
                cmocka_unit_test(what_there_is_no_place_for_waits_and_may_be_forgotten),
                cmocka_unit_test(only_other_settings_make_another_planner),
                cmocka_unit_test(programs_plan_one_job_each),
                cmocka_unit_test(a_program_that_is_not_there_is_asked_nothing),
                cmocka_unit_test(who_waits_is_told_that_no_program_can_be_started),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
