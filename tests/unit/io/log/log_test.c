#include "core/address/mask.h"
#include "io/log/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t now_ms;
static int pipe_ends[2];

static int64_t fake_now_ms(void)
{
        return now_ms;
}

static int set_up(void **state)
{
        (void)state;
        now_ms = 1000;
        signal(SIGPIPE, SIG_IGN);
        if (pipe(pipe_ends) != 0)
                return -1;
        fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        log_close();
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        return 0;
}

static void open_log(enum log_level level, enum log_format format)
{
        log_open_with(&(struct log_options){
                .fd = pipe_ends[1], .level = level, .format = format, .now_ms = fake_now_ms});
}

/* All that was written, with the time stamp of every line's start cut off by the caller. */
static const char *written(void)
{
        static char text[1 << 17];
        size_t len = 0;
        for (ssize_t got;
             len < sizeof(text) - 1 && (got = read(pipe_ends[0], text + len, sizeof(text) - 1 - len)) > 0;)
                len += (size_t)got;
        text[len] = '\0';
        return text;
}

static const char *after_ts(const char *line)
{
        const char *level = strstr(line, ",\"level\"");
        return level ? level : line;
}

static size_t lines_in(const char *text)
{
        size_t count = 0;
        for (; (text = strchr(text, '\n')); text++)
                count++;
        return count;
}

static void an_event_is_one_json_object_a_line(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        log_worker("host-1");
        LOG(LOG_LEVEL_INFO, .event = "job_done", .msg = "a \"quoted\"\nline", .queue = "leveret.work",
            .type = SLICE_LITERAL("order.created.v1"), .id = SLICE_LITERAL("o-1"), .has_attempt = true,
            .attempt = 0, .outcome = "completed", .has_duration = true, .duration_ms = 12);
        const char *line = written();
        assert_memory_equal(line, "{\"ts\":\"20", 9);
        assert_string_equal(
                after_ts(line),
                ",\"level\":\"info\",\"msg\":\"a \\\"quoted\\\"\\nline\",\"event\":\"job_done\",\"worker\":"
                "\"host-1\",\"queue\":\"leveret.work\",\"type\":\"order.created.v1\",\"id\":\"o-1\","
                "\"attempt\":0,\"outcome\":\"completed\",\"duration_ms\":12}\n");
}

static void text_is_for_people(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        LOG(LOG_LEVEL_WARN, .event = "retry", .queue = "q", .error = "time-out");
        const char *line = written();
        assert_string_equal(line + strlen("2026-01-01T00:00:00.000Z "),
                            "warn  event=\"retry\" queue=\"q\" error=\"time-out\"\n");
}

static const char *must_not_be_asked(void)
{
        fail_msg("formatted a line that is not written");
        return "";
}

static void what_is_not_written_is_not_formatted(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_WARN, LOG_FORMAT_JSON);
        assert_false(log_enabled(LOG_LEVEL_INFO));
        assert_true(log_enabled(LOG_LEVEL_WARN));
        LOG(LOG_LEVEL_INFO, .event = must_not_be_asked());
        assert_string_equal(written(), "");
}

static void addresses_and_secrets_are_masked_in_every_value(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        log_redact("re_s3cr3t");
        LOG(LOG_LEVEL_INFO, .event = "e", .msg = "to jane@example.com with re_s3cr3t",
            .subject = SLICE_LITERAL("customer/joe@example.com"));
        assert_string_equal(after_ts(written()),
                            ",\"level\":\"info\",\"msg\":\"to j***@example.com with ***\","
                            "\"event\":\"e\",\"subject\":\"c***@example.com\"}\n");
}

static void secrets_of_the_configuration_are_known(void **state)
{
        (void)state;
        struct config *config = calloc(1, sizeof(*config));
        config->amqp.url = "amqps://shop:pass%40word@broker/";
        config->redis.url = "redis://127.0.0.1:6379/0";
        config->mail.http.api_key = "re_key";
        config->alerts.webhook = "https://hooks.example.com/T0";
        log_redact_config(config);
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        LOG(LOG_LEVEL_INFO, .event = "e", .msg = "pass@word pass%40word re_key https://hooks.example.com/T0");
        assert_non_null(strstr(written(), "\"msg\":\"*** *** *** ***\""));
        free(config);
}

static void more_secrets_than_fit_forget_the_oldest(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        for (int i = 0; i < 200; i++) {
                char secret[16];
                snprintf(secret, sizeof(secret), "secret%03d", i);
                log_redact(secret);
                log_redact(secret);
        }
        LOG(LOG_LEVEL_INFO, .event = "e", .msg = "secret000 secret199 secret150");
        assert_non_null(strstr(written(), "\"msg\":\"secret000 *** ***\""));
}

static void long_values_and_lines_are_bounded(void **state)
{
        (void)state;
        static char nasty[5000];
        memset(nasty, '"', sizeof(nasty) - 1);
        struct slice value = slice_of(nasty);
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        LOG(LOG_LEVEL_INFO, .event = nasty, .msg = nasty, .queue = nasty, .outcome = nasty, .reason = nasty,
            .error = nasty, .type = value, .id = value, .correlation_id = value, .subject = value,
            .trace_id = value, .has_duration = true);
        const char *line = written();
        assert_true(strlen(line) <= LOG_LINE_MAX);
        assert_int_equal(lines_in(line), 1);
        assert_string_equal(line + strlen(line) - 2, "}\n");
}

static void a_repeated_error_is_held_back_and_summed_up(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        uint64_t before = log_suppressed();
        for (int i = 0; i < 100; i++)
                LOG(LOG_LEVEL_WARN, .event = "retry", .error = "refused");
        assert_int_equal(lines_in(written()), 20);
        assert_int_equal(log_suppressed() - before, 80);
        LOG(LOG_LEVEL_WARN, .event = "retry", .error = "other");
        assert_int_equal(lines_in(written()), 1);
        now_ms += 10000;
        LOG(LOG_LEVEL_INFO, .event = "other");
        const char *text = written();
        assert_int_equal(lines_in(text), 2);
        assert_non_null(strstr(text, "\"event\":\"retry\",\"error\":\"refused\",\"repeated\":80}\n"));
        LOG(LOG_LEVEL_WARN, .event = "retry", .error = "refused");
        assert_int_equal(lines_in(written()), 1);
}

static void a_summary_that_is_due_waits_for_no_other_line(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        for (int i = 0; i < 25; i++)
                LOG(LOG_LEVEL_WARN, .event = "retry", .error = "refused");
        assert_int_equal(lines_in(written()), 20);
        now_ms += 9999;
        log_tick();
        assert_string_equal(written(), "");
        now_ms += 1;
        log_tick();
        assert_non_null(strstr(written(), "\"event\":\"retry\",\"error\":\"refused\",\"repeated\":5}\n"));
        log_tick();
        assert_string_equal(written(), "");
}

static void events_without_an_error_are_never_held_back(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        for (int i = 0; i < 100; i++)
                LOG(LOG_LEVEL_INFO, .event = "job_done");
        assert_int_equal(lines_in(written()), 100);
}

static void many_different_errors_are_all_told(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        for (int i = 0; i < 100; i++) {
                char error[16];
                snprintf(error, sizeof(error), "error %d", i);
                LOG(LOG_LEVEL_WARN, .event = "retry", .error = error);
        }
        assert_int_equal(lines_in(written()), 100);
}

static void a_stalled_reader_costs_lines_and_no_time(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        uint64_t before = log_dropped();
        for (int i = 0; i < 2000; i++)
                LOG(LOG_LEVEL_INFO, .event = "job_done",
                    .msg = "a line that is about a hundred bytes long in all");
        uint64_t lost = log_dropped() - before;
        assert_true(lost > 0 && lost < 2000);
        assert_int_equal(lines_in(written()), 2000 - lost);
        LOG(LOG_LEVEL_INFO, .event = "job_done");
        char expected[64];
        snprintf(expected, sizeof(expected), "\"repeated\":%llu}", (unsigned long long)lost);
        const char *text = written();
        assert_int_equal(lines_in(text), 2);
        assert_non_null(strstr(text, "\"event\":\"log_dropped\""));
        assert_non_null(strstr(text, expected));
        assert_int_equal(log_dropped() - before, lost);
}

static void while_batching_lines_wait_for_the_flush_or_for_a_warning(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        log_batch(true);
        LOG(LOG_LEVEL_INFO, .event = "a");
        LOG(LOG_LEVEL_INFO, .event = "b");
        assert_int_equal(lines_in(written()), 0);
        log_flush();
        assert_int_equal(lines_in(written()), 2);
        LOG(LOG_LEVEL_INFO, .event = "c");
        LOG(LOG_LEVEL_WARN, .event = "d");
        assert_int_equal(lines_in(written()), 2);
        LOG(LOG_LEVEL_INFO, .event = "e");
        log_batch(false);
        assert_int_equal(lines_in(written()), 1);
}

static void every_line_of_a_lost_batch_is_counted(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        uint64_t before = log_dropped();
        log_batch(true);
        for (int i = 0; i < 2000; i++)
                LOG(LOG_LEVEL_INFO, .event = "job_done",
                    .msg = "a line that is about a hundred bytes long in all");
        log_flush();
        uint64_t lost = log_dropped() - before;
        assert_true(lost > 0 && lost < 2000);
        assert_int_equal(lines_in(written()), 2000 - lost);
}

static void a_closed_reader_and_a_full_disk_are_survived(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        uint64_t before = log_dropped();
        close(pipe_ends[0]);
        LOG(LOG_LEVEL_INFO, .event = "a");
        assert_int_equal(log_dropped() - before, 1);
        int full = open("/dev/full", O_WRONLY);
        assert_true(full >= 0);
        log_open_with(&(struct log_options){.fd = full, .now_ms = fake_now_ms});
        LOG(LOG_LEVEL_INFO, .event = "b");
        assert_int_equal(log_dropped() - before, 2);
        log_open_with(&(struct log_options){.fd = 999, .now_ms = fake_now_ms});
        LOG(LOG_LEVEL_INFO, .event = "c");
        assert_int_equal(log_dropped() - before, 3);
        close(full);
        pipe_ends[0] = dup(pipe_ends[1]);
}

/* As `2>>` opens it; another program may write to it too. */
static void a_file_that_is_appended_to_keeps_what_it_holds(void **state)
{
        (void)state;
        char path[] = "/tmp/log_test_XXXXXX", text[4096] = "";
        int file = mkstemp(path);
        assert_int_equal(write(file, "before\n", 7), 7);
        for (int i = 0; i < 2; i++) {
                int fd = open(path, O_WRONLY | O_APPEND);
                assert_true(fd >= 0);
                log_open_with(&(struct log_options){.fd = fd, .now_ms = fake_now_ms});
                LOG(LOG_LEVEL_INFO, .event = i == 0 ? "first" : "second");
                log_close();
                close(fd);
        }
        ssize_t len = pread(file, text, sizeof(text) - 1, 0);
        close(file);
        unlink(path);
        assert_true(len > 0);
        assert_memory_equal(text, "before\n", 7);
        assert_int_equal(lines_in(text), 3);
        const char *first = strstr(text, "\"first\""), *second = strstr(text, "\"second\"");
        assert_true(first && second && first < second);
}

static void *write_many(void *unused)
{
        (void)unused;
        for (int i = 0; i < 50; i++) {
                LOG(LOG_LEVEL_INFO, .event = "threaded", .msg = "the same line from every thread");
                log_redact("shared-secret");
        }
        return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
        (void)state;
        open_log(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        pthread_t threads[4];
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, write_many, NULL), 0);
        for (size_t i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        const char *text = written();
        size_t whole = 0;
        for (const char *at = text;
             (at = strstr(at, ",\"msg\":\"the same line from every thread\",\"event\":\"threaded\"}\n"));
             at++)
                whole++;
        assert_int_equal(whole, 200);
        assert_int_equal(lines_in(text), 200);
}

static void masking_is_exact(void **state)
{
        (void)state;
        static const struct slice secrets[] = {{.data = "hunter2", .len = 7},
                                               {.data = "hunter2xyz", .len = 10}};
        static const char *const cases[][2] = {
                {"", ""},
                {"plain", "plain"},
                {"a@b.c", "a***@b.c"},
                {"<john.doe+x@example.com>", "<j***@example.com>"},
                {"a@x.y, bob@x.y", "a***@x.y, b***@x.y"},
                {"\"john doe\"@x.y", "\"***@x.y"},
                {"\"quoted\" text", "\"quoted\" text"},
                {"amqp://user:pw@host/", "amqp://user:***@host/"},
                {"j\xc3\xb6rg@x.y \xc3\xb6@x.y", "j***@x.y \xc3\xb6***@x.y"},
                {"at @ sign, a@ b", "at @ sign, a@ b"},
                {"key=hunter2.", "key=***."},
                {"hunter2xyz", "***"},
                {"hunter2hunter2", "******"},
                {"\x1b[31m\x7f\xc2\x9b\xff\r", "?[31m????"},
                {"tab\tline\n", "tab\tline\n"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char out[64];
                size_t len = mask_text(out, sizeof(out), slice_of(cases[i][0]),
                                       (struct mask){.secrets = secrets, .count = 2});
                assert_string_equal(out, cases[i][1]);
                assert_int_equal(len, strlen(cases[i][1]));
        }
}

static void a_cut_never_shows_part_of_a_secret_or_a_character(void **state)
{
        (void)state;
        static const struct slice secret = {.data = "hunter2", .len = 7};
        for (size_t size = 8; size < 40; size++) {
                char out[40];
                mask_text(out, size,
                          SLICE_LITERAL(
                                  "aaaa hunter2 hunter2 \xe2\x82\xac\xe2\x82\xac joe@example.com and more"),
                          (struct mask){.secrets = &secret, .count = 1});
                assert_true(strlen(out) < size);
                assert_null(strstr(out, "hu"));
                assert_null(strstr(out, "?"));
                assert_null(strstr(out, "jo"));
                assert_non_null(strstr(out, "..."));
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_event_is_one_json_object_a_line),
                TEST(text_is_for_people),
                TEST(what_is_not_written_is_not_formatted),
                TEST(addresses_and_secrets_are_masked_in_every_value),
                TEST(secrets_of_the_configuration_are_known),
                TEST(more_secrets_than_fit_forget_the_oldest),
                TEST(long_values_and_lines_are_bounded),
                TEST(a_repeated_error_is_held_back_and_summed_up),
                TEST(a_summary_that_is_due_waits_for_no_other_line),
                TEST(events_without_an_error_are_never_held_back),
                TEST(many_different_errors_are_all_told),
                TEST(a_stalled_reader_costs_lines_and_no_time),
                TEST(while_batching_lines_wait_for_the_flush_or_for_a_warning),
                TEST(every_line_of_a_lost_batch_is_counted),
                TEST(a_closed_reader_and_a_full_disk_are_survived),
                TEST(a_file_that_is_appended_to_keeps_what_it_holds),
                TEST(lines_of_threads_do_not_mix),
                cmocka_unit_test(masking_is_exact),
                cmocka_unit_test(a_cut_never_shows_part_of_a_secret_or_a_character),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
