#include "core/outbox/outbox_numbers.h"
#include "core/watch/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CONSUMED "messaging_client_consumed_messages_total"
#define LANE(queue, type)                                                                                    \
        "{messaging_system=\"rabbitmq\",messaging_operation_name=\"process\",messaging_destination_name="    \
        "\"" queue "\",queue=\"" queue "\",type=\"" type "\""

static void ends(struct metrics *metrics, size_t queue, size_t type, enum metrics_outcome outcome,
                 double duration_s, double at_s)
{
        metrics_message_end(metrics, &(struct metrics_end){queue, type, outcome, duration_s, at_s});
}

static struct metrics *make(void)
{
        return metrics_new(&(struct metrics_labels){
                .version = "1.2.3",
                .outlets = (const char *const[]){"mail", "backup"},
                .transports = (const char *const[]){"http", "smtp"},
                .outlet_count = 2,
                .queues = (const char *const[]){"orders", "odd\"name\\with\nall"},
                .queue_count = 2,
                .types = (const char *const[]){"order.created.v1", "email.send.v1"},
                .type_count = 2,
        });
}

static char *text; /* of the last rendering; freed by the next */

static const char *render(const struct metrics *metrics)
{
        struct buffer out = {0};
        metrics_render(metrics, &out);
        free(text);
        text = out.data;
        return text;
}

/* Is this a whole line of the rendering? */
static bool shows(const struct metrics *metrics, const char *line)
{
        const char *all = render(metrics);
        size_t len = strlen(line);
        for (const char *at = all; (at = strstr(at, line)); at++)
                if ((at == all || at[-1] == '\n') && at[len] == '\n')
                        return true;
        return false;
}

static void counts_an_end_by_queue_type_and_outcome(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        ends(metrics, 0, 0, METRICS_COMPLETED, 0.004, 1000);
        ends(metrics, 0, 0, METRICS_COMPLETED, 0.004, 1000);
        ends(metrics, 0, 1, METRICS_DUPLICATE, -1, 1000);
        assert_true(shows(metrics, CONSUMED LANE("orders", "order.created.v1") ",outcome=\"completed\"} 2"));
        assert_true(shows(metrics, CONSUMED LANE("orders", "order.created.v1") ",outcome=\"dead\"} 0"));
        assert_true(shows(metrics, CONSUMED LANE("orders", "email.send.v1") ",outcome=\"duplicate\"} 1"));
        metrics_free(metrics);
}

static void buckets_are_cumulative_and_sum_and_count_agree(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        ends(metrics, 0, 0, METRICS_COMPLETED, 0.001, 1000); /* the bound belongs to its bucket */
        ends(metrics, 0, 0, METRICS_COMPLETED, 0.5, 1000);
        ends(metrics, 0, 0, METRICS_COMPLETED, 100, 1000);
        ends(metrics, 0, 0, METRICS_DUPLICATE, -1, 1000); /* never started */
#define DURATION(part) "messaging_process_duration_seconds" part LANE("orders", "order.created.v1")
        assert_true(shows(metrics, DURATION("_bucket") ",le=\"0.001\"} 1"));
        assert_true(shows(metrics, DURATION("_bucket") ",le=\"0.25\"} 1"));
        assert_true(shows(metrics, DURATION("_bucket") ",le=\"0.5\"} 2"));
        assert_true(shows(metrics, DURATION("_bucket") ",le=\"60\"} 2"));
        assert_true(shows(metrics, DURATION("_bucket") ",le=\"+Inf\"} 3"));
        assert_true(shows(metrics, DURATION("_sum") "} 100.501"));
        assert_true(shows(metrics, DURATION("_count") "} 3"));
        metrics_free(metrics);
}

static void a_duration_that_is_no_number_counts_as_zero(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        metrics_queue_wait(metrics, 0, -3600);
        metrics_queue_wait(metrics, 0, (double)NAN);
        assert_true(shows(metrics, "leveret_queue_wait_seconds_bucket{queue=\"orders\",le=\"0.005\"} 2"));
        assert_true(shows(metrics, "leveret_queue_wait_seconds_sum{queue=\"orders\"} 0"));
        metrics_free(metrics);
}

static void label_values_are_escaped(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        metrics_set_in_flight(metrics, 1, 7);
        assert_true(shows(metrics, "leveret_in_flight_messages{queue=\"odd\\\"name\\\\with\\nall\"} 7"));
        metrics_free(metrics);
}

static void a_type_without_handler_is_other(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        ends(metrics, 0, METRICS_TYPE_OTHER, METRICS_DEAD, 0, 1000);
        ends(metrics, 0, 77, METRICS_DEAD, 0, 1000);
        assert_true(shows(metrics, CONSUMED LANE("orders", "other") ",outcome=\"dead\"} 2"));
        metrics_free(metrics);
}

static size_t count_lines(const struct metrics *metrics, const char *start)
{
        size_t count = 0, len = strlen(start);
        for (const char *at = render(metrics); at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
                count += strncmp(at, start, len) == 0;
        return count;
}

/* What a reload brings takes the spare places, then it is "other". */
static void a_type_is_known_again_by_its_name(void **state)
{
        (void)state;
        struct metrics *metrics = metrics_new(&(struct metrics_labels){
                .version = "1", .types = (const char *const[]){"a", "b"}, .type_count = 2, .type_spare = 1});
        assert_int_equal(metrics_type(metrics, "a"), 0);
        assert_int_equal(metrics_type(metrics, "b"), 1);
        assert_int_equal(metrics_type(metrics, "c"), 2);
        assert_int_equal(metrics_type(metrics, "c"), 2);
        assert_true(metrics_type(metrics, "d") == METRICS_TYPE_OTHER);
        assert_int_equal(metrics_type(metrics, "a"), 0);
        metrics_free(metrics);
}

static void the_number_of_series_is_bounded_and_nothing_is_lost(void **state)
{
        (void)state;
        enum { TYPES = 1000, QUEUES = 3 };
        static char names[TYPES][16];
        static const char *types[TYPES];
        for (size_t i = 0; i < TYPES; i++) {
                snprintf(names[i], sizeof names[i], "type.v%zu", i);
                types[i] = names[i];
        }
        struct metrics *metrics = metrics_new(&(struct metrics_labels){
                .version = "",
                .outlets = (const char *const[]){"mail"},
                .transports = (const char *const[]){"log"},
                .outlet_count = 1,
                .queues = (const char *const[]){"a", "b", "c"},
                .queue_count = QUEUES,
                .types = types,
                .type_count = TYPES,
        });
        for (size_t queue = 0; queue < QUEUES; queue++)
                for (size_t i = 0; i < TYPES; i++)
                        ends(metrics, queue, i, METRICS_COMPLETED, 0, 1000);
        assert_int_equal(count_lines(metrics, "messaging_process_duration_seconds_count"),
                         METRICS_LANES_MAX + QUEUES);
        assert_true(shows(metrics, CONSUMED LANE("b", "other") ",outcome=\"completed\"} 1000"));
        metrics_free(metrics);
}

static void failures_in_a_row_end_with_a_success(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        ends(metrics, 0, 0, METRICS_RETRY, 1, 1000);
        ends(metrics, 0, 0, METRICS_DEFER, 1, 1001); /* an innocent end */
        ends(metrics, 1, 0, METRICS_DEAD, 1, 1002);
        assert_true(shows(metrics, "leveret_consecutive_failures{type=\"order.created.v1\"} 2"));
        assert_int_equal(count_lines(metrics, "leveret_last_success_timestamp_seconds{"), 0);
        ends(metrics, 0, 0, METRICS_COMPLETED, 1, 1700000000.25);
        assert_true(shows(metrics, "leveret_consecutive_failures{type=\"order.created.v1\"} 0"));
        assert_true(shows(metrics,
                          "leveret_last_success_timestamp_seconds{type=\"order.created.v1\"} 1700000000.25"));
        assert_true(shows(metrics, "leveret_retries_total{queue=\"orders\",type=\"order.created.v1\"} 1"));
        metrics_free(metrics);
}

static void counters_of_closed_lists_start_at_zero(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        assert_true(shows(metrics, "leveret_dead_letters_total{queue=\"orders\",reason=\"bad_payload\"} 0"));
        assert_true(shows(metrics, "leveret_claims_total{answer=\"conflict\"} 0"));
        assert_true(shows(metrics,
                          "leveret_mails_total{outlet=\"mail\",transport=\"http\",outcome=\"ambiguous\"} 0"));
        metrics_dead_letter(metrics, 0, REASON_BAD_PAYLOAD);
        metrics_claim(metrics, CLAIM_CONFLICT);
        metrics_mail_end(metrics, 0, SEND_AMBIGUOUS, 30);
        assert_true(shows(metrics, "leveret_dead_letters_total{queue=\"orders\",reason=\"bad_payload\"} 1"));
        assert_true(shows(metrics, "leveret_claims_total{answer=\"conflict\"} 1"));
        assert_true(shows(metrics,
                          "leveret_mails_total{outlet=\"mail\",transport=\"http\",outcome=\"ambiguous\"} 1"));
        assert_true(
                shows(metrics,
                      "leveret_mails_total{outlet=\"backup\",transport=\"smtp\",outcome=\"ambiguous\"} 0"));
        metrics_free(metrics);
}

static void each_loss_of_a_connection_is_counted_once(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        metrics_connection(metrics, METRICS_REDIS, false); /* never was up */
        metrics_connection(metrics, METRICS_REDIS, true);
        assert_true(shows(metrics, "leveret_connection_up{connection=\"redis\"} 1"));
        assert_true(shows(metrics, "leveret_connection_losses_total{connection=\"redis\"} 0"));
        metrics_connection(metrics, METRICS_REDIS, false);
        metrics_connection(metrics, METRICS_REDIS, false);
        assert_true(shows(metrics, "leveret_connection_up{connection=\"redis\"} 0"));
        assert_true(shows(metrics, "leveret_connection_losses_total{connection=\"redis\"} 1"));
        metrics_free(metrics);
}

static void an_unknown_depth_is_not_shown(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        assert_int_equal(count_lines(metrics, "leveret_queue_messages{"), 0);
        assert_int_equal(count_lines(metrics, "leveret_queue_oldest_seconds{"), 0);
        assert_int_equal(count_lines(metrics, "leveret_queue_retry_messages{"), 0);
        metrics_set_queue_depth(metrics, 0, 12);
        metrics_set_queue_oldest(metrics, 0, 0.25);
        metrics_set_queue_retrying(metrics, 0, 3);
        assert_true(shows(metrics, "leveret_queue_messages{queue=\"orders\"} 12"));
        assert_true(shows(metrics, "leveret_queue_oldest_seconds{queue=\"orders\"} 0.25"));
        assert_true(shows(metrics, "leveret_queue_retry_messages{queue=\"orders\"} 3"));
        metrics_free(metrics);
}

static void the_breaker_is_in_exactly_one_state(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        metrics_set_breaker(metrics, 0, BREAKER_OPEN, 3);
        assert_true(shows(metrics,
                          "leveret_breaker_state{outlet=\"mail\",transport=\"http\",state=\"closed\"} 0"));
        assert_true(
                shows(metrics, "leveret_breaker_state{outlet=\"mail\",transport=\"http\",state=\"open\"} 1"));
        assert_true(shows(metrics,
                          "leveret_breaker_state{outlet=\"mail\",transport=\"http\",state=\"half_open\"} 0"));
        assert_true(shows(metrics,
                          "leveret_breaker_state{outlet=\"backup\",transport=\"smtp\",state=\"closed\"} 1"));
        assert_true(shows(metrics, "leveret_breaker_openings_total{outlet=\"mail\",transport=\"http\"} 3"));
        metrics_free(metrics);
}

static void a_publish_word_that_is_not_known_is_other(void **state)
{
        (void)state;
        struct metrics *metrics = make();
#define SENT                                                                                                 \
        "messaging_client_sent_messages_total{messaging_system=\"rabbitmq\",messaging_operation_name="       \
        "\"publish\""
        metrics_publish_end(metrics, "confirmed");
        metrics_publish_end(metrics, "eaten");
        assert_true(shows(metrics, SENT ",outcome=\"confirmed\"} 1"));
        assert_true(shows(metrics, SENT ",outcome=\"other\"} 1"));
        metrics_free(metrics);
}

static void the_longest_callback_is_kept(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        metrics_loop_callback(metrics, 0.25);
        metrics_loop_callback(metrics, 0.125);
        assert_true(shows(metrics, "leveret_loop_callback_cpu_max_seconds 0.25"));
        assert_true(shows(metrics, "leveret_loop_callback_cpu_seconds_count 2"));
        metrics_free(metrics);
}

static void readiness_and_the_process_are_shown_as_they_are(void **state)
{
        (void)state;
        struct metrics *metrics = make();
        assert_true(shows(metrics, "leveret_ready 0"));
        metrics_set_ready(metrics, true);
        metrics_set_log_lines_dropped(metrics, 7);
        metrics_set_stuck_jobs(metrics, 3);
        metrics_set_process(metrics, &(struct metrics_process){.start_s = 1700000000.5,
                                                               .cpu_s = 12.25,
                                                               .resident_bytes = 9437184,
                                                               .open_fds = 31});
        assert_true(shows(metrics, "leveret_ready 1"));
        assert_true(shows(metrics, "leveret_log_lines_dropped_total 7"));
        assert_true(shows(metrics, "leveret_stuck_jobs 3"));
        assert_true(shows(metrics, "process_start_time_seconds 1700000000.5"));
        assert_true(shows(metrics, "process_cpu_seconds_total 12.25"));
        assert_true(shows(metrics, "process_resident_memory_bytes 9437184"));
        assert_true(shows(metrics, "process_open_fds 31"));
        metrics_free(metrics);
}

/* Everything that can be shown is shown, so that promtool sees every family with samples. */
static struct metrics *make_busy(void)
{
        struct metrics *metrics = make();
        ends(metrics, 0, 0, METRICS_COMPLETED, 0.25, 1700000000);
        ends(metrics, 1, METRICS_TYPE_OTHER, METRICS_RETRY, 0.25, 1700000000);
        metrics_set_queue_depth(metrics, 1, 5);
        metrics_set_queue_retrying(metrics, 1, 2);
        metrics_set_queue_oldest(metrics, 1, 2.5);
        metrics_loop_callback(metrics, 0.00002);
        return metrics;
}

static void promtool_finds_nothing_to_complain_about(void **state)
{
        (void)state;
        if (access("/usr/bin/promtool", X_OK) != 0) {
                print_message("skipped: /usr/bin/promtool is not installed (package prometheus)\n");
                skip();
        }
        struct metrics *metrics = make_busy();
        FILE *promtool = popen("/usr/bin/promtool check metrics", "w");
        assert_non_null(promtool);
        fputs(render(metrics), promtool);
        assert_int_equal(pclose(promtool), 0);
        metrics_free(metrics);
}

/* Those of the relay. */
static void add_outbox(struct buffer *out)
{
        struct outbox_numbers numbers = {
                .version = "1", .worker = "w", .postgres_trouble = "", .publisher_trouble = ""};
        outbox_metrics_render(&numbers, out);
}

/* `--print`: the families with their kinds; `--render`: samples of all of them. For the test of rules and
 * dashboard. */
static int print(const char *what)
{
        struct buffer out = {0};
        struct metrics *metrics = make_busy();
        if (strcmp(what, "--print") == 0)
                metrics_list(&out), outbox_metrics_list(&out);
        else
                metrics_render(metrics, &out), add_outbox(&out);
        fputs(out.data, stdout);
        buffer_fini(&out);
        metrics_free(metrics);
        return 0;
}

int main(int argc, char **argv)
{
        if (argc > 1)
                return print(argv[1]);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(counts_an_end_by_queue_type_and_outcome),
                cmocka_unit_test(buckets_are_cumulative_and_sum_and_count_agree),
                cmocka_unit_test(a_duration_that_is_no_number_counts_as_zero),
                cmocka_unit_test(label_values_are_escaped),
                cmocka_unit_test(a_type_without_handler_is_other),
                cmocka_unit_test(a_type_is_known_again_by_its_name),
                cmocka_unit_test(the_number_of_series_is_bounded_and_nothing_is_lost),
                cmocka_unit_test(failures_in_a_row_end_with_a_success),
                cmocka_unit_test(counters_of_closed_lists_start_at_zero),
                cmocka_unit_test(each_loss_of_a_connection_is_counted_once),
                cmocka_unit_test(an_unknown_depth_is_not_shown),
                cmocka_unit_test(the_breaker_is_in_exactly_one_state),
                cmocka_unit_test(a_publish_word_that_is_not_known_is_other),
                cmocka_unit_test(the_longest_callback_is_kept),
                cmocka_unit_test(readiness_and_the_process_are_shown_as_they_are),
                cmocka_unit_test(promtool_finds_nothing_to_complain_about),
        };
        int failed = cmocka_run_group_tests(tests, NULL, NULL);
        free(text);
        return failed;
}
