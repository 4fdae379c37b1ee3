#include "core/codec/rfc3339.h"
#include "core/time/ticker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct zone zone_by_rule(const char *rule)
{
        struct zone zone = {.has_rule = true};
        assert_true(zone_rule_parse(&zone.rule, slice_of(rule)));
        zone.first_offset = zone.rule.standard;
        return zone;
}

static int64_t at(const char *time)
{
        int64_t ms;
        assert_true(rfc3339_parse(slice_of(time), &ms));
        return ms / 1000;
}

static void assert_next(const char *rule, const char *text, const char *after, const char *wanted)
{
        char error[CRON_ERROR_SIZE], got[RFC3339_SIZE];
        struct zone zone = zone_by_rule(rule);
        struct cron cron;
        assert_true(cron_parse(&cron, slice_of(text), error));
        rfc3339_format(cron_next(&cron, &zone, at(after)) * 1000, got);
        got[19] = 'Z';
        got[20] = '\0';
        assert_string_equal(got, wanted);
}

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define CHICAGO "CST6CDT,M3.2.0,M11.1.0"
#define DUBLIN "IST-1GMT0,M10.5.0,M3.5.0/1"
#define LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define SANTIAGO "<-04>4<-03>,M9.1.6/24,M4.1.6/24"
#define SAO_PAULO "<-03>3<-02>,M11.1.0/0,M2.3.0/0" /* as it was until 2018 */

static void test_ticks_follow_the_clocks_of_the_zone(void **state)
{
        (void)state;
        assert_next("UTC0", "0 9 * * 1-5", "2026-12-04T09:00:00Z", "2026-12-07T09:00:00Z");
        assert_next(BERLIN, "0 9 * * mon-fri", "2026-12-01T00:00:00Z", "2026-12-01T08:00:00Z");
        assert_next(BERLIN, "0 9 * * *", "2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z");
        assert_next("UTC0", "0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z");
        assert_next("UTC0", "@weekly", "2026-12-01T00:00:00Z", "2026-12-06T00:00:00Z");
        assert_next("UTC0", "0 0 * * fri-sun", "2026-12-06T00:00:00Z", "2026-12-11T00:00:00Z");
}

static void test_both_days_given_are_either_but_a_star_is_none(void **state)
{
        (void)state;
        assert_next("UTC0", "0 0 13 * 5", "2026-12-05T00:00:00Z", "2026-12-11T00:00:00Z");
        assert_next("UTC0", "0 0 13 * 5", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z");
        assert_next("UTC0", "0 0 */2 * 5", "2026-12-05T00:00:00Z", "2026-12-11T00:00:00Z");
}

static void test_a_time_in_the_gap_is_the_next_one_and_comes_once(void **state)
{
        (void)state;
        assert_next(BERLIN, "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
        assert_next(BERLIN, "30 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z");
        assert_next(BERLIN, "0,30 2-3 * * *", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z");
}

static void test_a_time_that_is_shown_twice_is_taken_the_first_time(void **state)
{
        (void)state;
        assert_next(BERLIN, "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z");
        assert_next(BERLIN, "30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
}

static void test_every_hour_is_an_hour_apart_on_every_day(void **state)
{
        (void)state;
        assert_next(BERLIN, "30 * * * *", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z");
        assert_next(BERLIN, "30 * * * *", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
        assert_next(BERLIN, "*/15 * * * *", "2026-10-25T00:45:00Z", "2026-10-25T01:00:00Z");
}

/* What was reported of others, in the words of their reports: nats-server 8543 (a midnight that does not
 * exist hides the day), cronie 218 and cron-parser 400 (a day of 23 hours is skipped), crontap 2, cron-utils
 * 61, croner 132, node-cron 492 (no way out of the hour that comes twice). */
static void test_inputs_that_others_stumbled_over(void **state)
{
        (void)state;
        assert_next(SAO_PAULO, "0 1 4 11 *", "2018-11-04T02:00:00Z", "2018-11-04T03:00:00Z");
        assert_next(SAO_PAULO, "0 1 * * 0", "2018-11-04T02:00:00Z", "2018-11-04T03:00:00Z");
        assert_next(SAO_PAULO, "0 2 4 * *", "2018-11-04T02:00:00Z", "2018-11-04T04:00:00Z");
        assert_next(SAO_PAULO, "0 0 4 11 *", "2018-11-04T02:00:00Z", "2018-11-04T03:00:00Z");
        assert_next(BERLIN, "0 12 * * 0", "2022-03-24T11:00:00Z", "2022-03-27T10:00:00Z");
        assert_next(CHICAGO, "0 8 * * 0", "2026-03-08T05:45:00Z", "2026-03-08T13:00:00Z");
        assert_next(BERLIN, "30 * 1 * *", "2023-03-01T23:00:00Z", "2023-03-31T22:30:00Z");
        assert_next(NEW_YORK, "0 17 * * *", "2016-03-12T22:00:00Z", "2016-03-13T21:00:00Z");
        assert_next(SANTIAGO, "0 0 * * *", "2025-09-06T04:00:00Z", "2025-09-07T04:00:00Z");
        assert_next(SANTIAGO, "0 0 * * *", "2025-04-05T03:00:00Z", "2025-04-06T04:00:00Z");
        assert_next(SANTIAGO, "30 23 * * *", "2025-04-05T12:00:00Z", "2025-04-06T02:30:00Z");
        assert_next(SANTIAGO, "30 23 * * *", "2025-04-06T02:30:00Z", "2025-04-07T03:30:00Z");
        assert_next(BERLIN, "* 2 * * *", "2025-10-26T00:59:00Z", "2025-10-27T01:00:00Z");
        assert_next(LORD_HOWE, "15 2 * * *", "2025-10-04T00:00:00Z", "2025-10-04T15:30:00Z");
        assert_next(DUBLIN, "30 1 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
        assert_next("UTC0", "0 9 1-31 * 1", "2026-12-02T09:00:00Z", "2026-12-03T09:00:00Z");
        assert_next("UTC0", "0 10 8-14,22-28 * 0", "2026-12-01T00:00:00Z", "2026-12-06T10:00:00Z");
}

static void test_what_is_wrong_is_told_with_its_place(void **state)
{
        static const char *const cases[][2] = {
                {"", "0 fields, expected five"},
                {"* * * *", "4 fields, expected five"},
                {"0 0 9 * * *", "none for seconds"},
                {"60 * * * *", "minute \"60\": not within 0 to 59"},
                {"* 24 * * *", "hour \"24\": not within 0 to 23"},
                {"* * 0 * *", "day of month \"0\": not within 1 to 31"},
                {"* * * foo *", "month \"foo\": expected *, a number or a name"},
                {"* * * * 8", "day of week \"8\": not within 0 to 7"},
                {"30-10 * * * *", "minute \"30-10\": the range runs backwards"},
                {"*/0 * * * *", "minute \"*/0\": the step is 0"},
                {"*/90 * * * *", "the step is longer than its range"},
                {"5/15 * * * *", "a step needs * or a range"},
                {"1,,2 * * * *", "a number is missing"},
                {"* * L * *", "day of month \"L\""},
                {"@reboot", "expected five fields, or @hourly"},
                {"0 0 31 2 *", "there is no such day"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                char error[CRON_ERROR_SIZE] = "";
                struct cron cron;
                assert_false(cron_parse(&cron, slice_of(cases[i][0]), error));
                if (!strstr(error, cases[i][1]))
                        fail_msg("%s: %s", cases[i][0], error);
        }
}

static void test_the_last_tick_is_found_backwards(void **state)
{
        char error[CRON_ERROR_SIZE];
        struct zone zone = zone_by_rule(BERLIN);
        struct cron cron;
        (void)state;
        assert_true(cron_parse(&cron, slice_of("30 2 1 * *"), error));
        int64_t now = at("2026-12-15T00:00:00Z"), since = at("2020-01-01T00:00:00Z");
        assert_int_equal(cron_last(&cron, &zone, since, now), at("2026-12-01T01:30:00Z"));
        assert_int_equal(cron_last(&cron, &zone, at("2026-12-02T00:00:00Z"), now),
                         at("2026-12-02T00:00:00Z"));
}

static void test_ids_of_ticks(void **state)
{
        char id[TICKER_ID_SIZE], key[TICKER_ID_SIZE], other[TICKER_ID_SIZE];
        (void)state;
        ticker_id("nightly", at("2026-12-24T08:00:00Z") * 1000, id);
        assert_string_equal(id, "schedule/nightly/2026-12-24T08:00:00Z");
        assert_true(ticker_id_is(id));
        assert_false(ticker_id_is("schedule/nightly/2026-12-24T08:00:00.123Z"));
        assert_false(ticker_id_is("schedule/nightly"));
        assert_false(ticker_id_is("order-1"));
        ticker_key("a", "0 9 * * *", "UTC", key);
        ticker_key("a", "0 9 * * *", "Europe/Berlin", other);
        assert_string_not_equal(key, other);
        assert_true(ticker_name_is_good("a.b_c-1"));
        assert_false(ticker_name_is_good("A"));
        assert_false(ticker_name_is_good(""));
}

static void test_rules_and_names_of_zones(void **state)
{
        static const char *const bad[] = {"",
                                          "C1",
                                          "CET",
                                          "CET-1CEST",
                                          "CET-1CEST,M13.1.0,M1.1.0",
                                          "CET-1CEST,M3.5.0",
                                          "CET-99",
                                          "<+03-3",
                                          "CET-1CEST,M3.5.0,M10.5.0/3x"};
        struct zone_rule rule;
        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                assert_false(zone_rule_parse(&rule, slice_of(bad[i])));
        assert_true(zone_rule_parse(&rule, slice_of("<-02>2<-01>,M3.5.0/-1,M10.5.0/0")));
        assert_int_equal(rule.standard, -7200);
        assert_int_equal(rule.begin.time, -3600);
        assert_true(zone_name_is_good(slice_of("America/Argentina/Buenos_Aires")));
        assert_true(zone_name_is_good(slice_of("Etc/GMT+1")));
        static const char *const names[] = {"", "/etc/passwd", "../x", "Europe//Berlin", "Europe/", "a.b"};
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                assert_false(zone_name_is_good(slice_of(names[i])));
}

/* Jn counts no 29 February, n does. Days since 1970-01-01, in UTC. */
static void test_days_of_the_year_are_counted_with_and_without_the_leap_day(void **state)
{
        (void)state;
        static const struct {
                const char *rule;
                int year;
                int64_t begin, end;
        } cases[] = {
                {"AAA0BBB0,J59/0,J60/0", 2023, 19416, 19417}, /* 28 February, 1 March */
                {"AAA0BBB0,J59/0,J60/0", 2024, 19781, 19783},
                {"AAA0BBB0,J1/0,J365/0", 2024, 19723, 20088}, /* 1 January, 31 December */
                {"AAA0BBB0,58/0,59/0", 2023, 19416, 19417},
                {"AAA0BBB0,58/0,59/0", 2024, 19781, 19782}, /* 28 and 29 February */
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct zone_rule rule;
                int64_t begin, end;
                assert_true(zone_rule_parse(&rule, slice_of(cases[i].rule)));
                zone_rule_changes(&rule, cases[i].year, &begin, &end);
                assert_int_equal(begin, cases[i].begin * 86400);
                assert_int_equal(end, cases[i].end * 86400);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ticks_follow_the_clocks_of_the_zone),
                cmocka_unit_test(test_both_days_given_are_either_but_a_star_is_none),
                cmocka_unit_test(test_a_time_in_the_gap_is_the_next_one_and_comes_once),
                cmocka_unit_test(test_a_time_that_is_shown_twice_is_taken_the_first_time),
                cmocka_unit_test(test_every_hour_is_an_hour_apart_on_every_day),
                cmocka_unit_test(test_inputs_that_others_stumbled_over),
                cmocka_unit_test(test_what_is_wrong_is_told_with_its_place),
                cmocka_unit_test(test_the_last_tick_is_found_backwards),
                cmocka_unit_test(test_ids_of_ticks),
                cmocka_unit_test(test_rules_and_names_of_zones),
                cmocka_unit_test(test_days_of_the_year_are_counted_with_and_without_the_leap_day),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
