#include "core/watch/last_words.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <signal.h>

static const struct last_words_job job = {
        .id = "order-42", .type = "order.created.v1", .queue = "leveret.work", .owner = "host-1-abc:1:7"};

static struct last_words words_of(const struct last_words_job *of)
{
        return (struct last_words){.event = "fatal_signal",
                                   .msg = "the process ends by a signal",
                                   .signal = "SIGSEGV",
                                   .worker = "host-1-abc",
                                   .now_ms = 1732147200123,
                                   .job = of};
}

static void the_line_is_one_object_in_the_words_of_the_log(void **state)
{
        (void)state;
        char out[512];
        struct last_words words = words_of(&job);
        size_t len = last_words_line(out, sizeof(out), &words);
        out[len] = '\0';
        assert_string_equal(out,
                            "{\"ts\":\"2024-11-21T00:00:00.123Z\",\"level\":\"error\","
                            "\"msg\":\"the process ends by a signal\",\"event\":\"fatal_signal\","
                            "\"worker\":\"host-1-abc\",\"queue\":\"leveret.work\","
                            "\"type\":\"order.created.v1\",\"id\":\"order-42\",\"error\":\"SIGSEGV\"}\n");
}

static void a_line_without_a_job_names_none(void **state)
{
        (void)state;
        char out[512];
        struct last_words words = words_of(NULL);
        size_t len = last_words_line(out, sizeof(out), &words);
        out[len] = '\0';
        assert_null(strstr(out, "\"id\""));
        assert_non_null(strstr(out, "\"error\":\"SIGSEGV\"}\n"));
}

static void what_json_would_escape_is_not_let_through(void **state)
{
        (void)state;
        char out[512];
        struct last_words_job hostile = {.queue = "a\"b\\c\nd\xc3\xa4"};
        struct last_words words = words_of(&hostile);
        out[last_words_line(out, sizeof(out), &words)] = '\0';
        assert_non_null(strstr(out, "\"queue\":\"a?b?c?d??\""));
}

static void the_command_calls_the_script_for_the_job_and_its_claim(void **state)
{
        (void)state;
        char out[512];
        struct last_words words = words_of(&job);
        size_t len = last_words_command(out, sizeof(out), &words, "leveret", "0123456789");
        out[len] = '\0';
        assert_string_equal(out, "*16\r\n$7\r\nEVALSHA\r\n$10\r\n0123456789\r\n$1\r\n2\r\n"
                                 "$22\r\nleveret:job:{order-42}\r\n$25\r\nleveret:events:{order-42}\r\n"
                                 "$14\r\nhost-1-abc:1:7\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n"
                                 "$0\r\n\r\n$0\r\n\r\n$10\r\nhost-1-abc\r\n$0\r\n\r\n$7\r\nSIGSEGV\r\n");
}

static void nothing_is_asked_of_redis_without_a_job_that_has_a_record(void **state)
{
        (void)state;
        char out[512];
        struct last_words_job nameless = {.type = "order.created.v1", .owner = "host-1-abc:1:7"};
        struct last_words words = words_of(NULL);
        assert_int_equal(last_words_command(out, sizeof(out), &words, "leveret", "0"), 0);
        words = words_of(&nameless);
        assert_int_equal(last_words_command(out, sizeof(out), &words, "leveret", "0"), 0);
}

static void half_a_line_or_command_is_none(void **state)
{
        (void)state;
        char out[512];
        struct last_words words = words_of(&job);
        size_t line = last_words_line(out, sizeof(out), &words);
        size_t command = last_words_command(out, sizeof(out), &words, "leveret", "0");
        assert_int_equal(last_words_line(out, line, &words), line);
        assert_int_equal(last_words_line(out, line - 1, &words), 0);
        assert_int_equal(last_words_command(out, command, &words, "leveret", "0"), command);
        for (size_t size = 0; size < command; size++)
                assert_int_equal(last_words_command(out, size, &words, "leveret", "0"), 0);
}

static void the_error_tells_what_is_known(void **state)
{
        (void)state;
        static const struct {
                const char *signal, *error;
        } cases[] = {
                {"SIGSEGV", "killed its worker 3 times, last by signal 11 (SIGSEGV)"},
                {"SIGABRT", "killed its worker 3 times, last by signal 6 (SIGABRT)"},
                {"watchdog", "killed its worker 3 times, last by the watchdog (time limit of the handler)"},
                {"", "killed its worker 3 times, signal unknown (killed from outside, or out of memory)"},
                {"SIGNEW", "killed its worker 3 times, last by SIGNEW"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                char out[128];
                last_words_error(out, sizeof(out), 3, slice_of(cases[i].signal));
                assert_string_equal(out, cases[i].error);
        }
        char small[8];
        last_words_error(small, sizeof(small), 3, slice_of("SIGSEGV"));
        assert_string_equal(small, "killed ");
}

static void only_signals_of_a_fault_of_ones_own_have_a_name(void **state)
{
        (void)state;
        assert_string_equal(last_words_signal(SIGBUS), "SIGBUS");
        assert_null(last_words_signal(SIGTERM));
        assert_null(last_words_signal(SIGKILL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_line_is_one_object_in_the_words_of_the_log),
                cmocka_unit_test(a_line_without_a_job_names_none),
                cmocka_unit_test(what_json_would_escape_is_not_let_through),
                cmocka_unit_test(the_command_calls_the_script_for_the_job_and_its_claim),
                cmocka_unit_test(nothing_is_asked_of_redis_without_a_job_that_has_a_record),
                cmocka_unit_test(half_a_line_or_command_is_none),
                cmocka_unit_test(the_error_tells_what_is_known),
                cmocka_unit_test(only_signals_of_a_fault_of_ones_own_have_a_name),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
