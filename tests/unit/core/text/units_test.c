#include "core/text/expand.h"
#include "core/text/suggest.h"
#include "core/text/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void durations_have_one_unit(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                int64_t ms;
        } good[] = {{"300ms", 300},    {"30s", 30000}, {"5m", 300000}, {"1h", 3600000},
                    {"7d", 604800000}, {"0", 0},       {"0s", 0}};
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
                int64_t ms = -1;
                assert_true(duration_parse(good[i].text, &ms));
                assert_int_equal(ms, good[i].ms);
        }
        static const char *const bad[] = {"",
                                          "30",
                                          "s",
                                          "-1s",
                                          "1.5s",
                                          "30 s",
                                          " 30s",
                                          "30s ",
                                          "30S",
                                          "1h30m",
                                          "1e3s",
                                          "0x10s",
                                          "106751991168d",
                                          "9223372036854775808ms",
                                          "99999999999999999999s"};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                int64_t ms = 42;
                if (duration_parse(bad[i], &ms) || ms != 42)
                        fail_msg("took %s", bad[i]);
        }
}

static void sizes_count_in_powers_of_two(void **state)
{
        (void)state;
        int64_t bytes;
        assert_true(size_parse("262144", &bytes) && bytes == 262144);
        assert_true(size_parse("100B", &bytes) && bytes == 100);
        assert_true(size_parse("64KiB", &bytes) && bytes == 65536);
        assert_true(size_parse("16MiB", &bytes) && bytes == 16 << 20);
        assert_true(size_parse("1GiB", &bytes) && bytes == 1 << 30);
        static const char *const bad[] = {"", "-1", "64KB", "64k", "1.5MiB", "KiB", "9223372036854775807GiB"};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_false(size_parse(bad[i], &bytes));
}

static void rates_are_per_second_minute_or_hour(void **state)
{
        (void)state;
        double rate;
        assert_true(rate_parse("100/s", &rate) && rate > 99.9 && rate < 100.1);
        assert_true(rate_parse("90/m", &rate) && rate > 1.49 && rate < 1.51);
        assert_true(rate_parse("0.5/s", &rate) && rate > 0.49 && rate < 0.51);
        assert_true(rate_parse("0", &rate) && rate == 0);
        static const char *const bad[] = {"",      "100",   "100/d", "-1/s",   "/s", "nan/s",
                                          "inf/s", "1e9/s", "0x1/s", "1..2/s", ".",  "1/ s"};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                if (rate_parse(bad[i], &rate))
                        fail_msg("took %s", bad[i]);
}

static void printed_quantities_parse_to_the_same_value(void **state)
{
        (void)state;
        static const int64_t values[] = {0, 1, 999, 1000, 1500, 60000, 90000, 3600000, 86400000, 604800000};
        static const char *const texts[] = {"0",  "1ms", "999ms", "1s", "1500ms",
                                            "1m", "90s", "1h",    "1d", "7d"};
        struct buffer out = {0};
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                buffer_clear(&out);
                duration_add(&out, values[i]);
                assert_string_equal(out.data, texts[i]);
        }
        buffer_clear(&out);
        size_add(&out, 262144);
        assert_string_equal(out.data, "256KiB");
        buffer_clear(&out);
        size_add(&out, 0);
        assert_string_equal(out.data, "0B");
        buffer_clear(&out);
        rate_add(&out, 1.5);
        assert_string_equal(out.data, "90/m");
        buffer_clear(&out);
        rate_add(&out, 100);
        assert_string_equal(out.data, "100/s");
        buffer_fini(&out);
}

static void distance_counts_single_mistakes(void **state)
{
        (void)state;
        assert_int_equal(suggest_distance("amqp", "amqp"), 0);
        assert_int_equal(suggest_distance("amqp", "ampq"), 1);
        assert_int_equal(suggest_distance("prefech", "prefetch"), 1);
        assert_int_equal(suggest_distance("kitten", "sitting"), 3);
        assert_int_equal(suggest_distance("", "abc"), 3);
        char word[100];
        memset(word, 'a', 99);
        word[99] = '\0';
        assert_int_equal(suggest_distance(word, "a"), 99);
}

static const char *lookup(void *context, const char *name)
{
        (void)context;
        if (strcmp(name, "HOST") == 0)
                return "broker";
        return strcmp(name, "EMPTY") == 0 ? "" : strcmp(name, "TRICK") == 0 ? "${HOST}" : NULL;
}

static void variables_are_replaced_once(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"amqp://${HOST}:5672", "amqp://broker:5672"},
                {"${NONE:-x}", "x"},
                {"${EMPTY:-x}", "x"},
                {"${EMPTY}", ""},
                {"${NONE:-}", ""},
                {"a$b$", "a$b$"},
                {"$${HOST}", "${HOST}"},
                {"${TRICK}", "${HOST}"},
                {"${NONE:-a:-b}", "a:-b"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct buffer out = {0};
                char error[EXPAND_ERROR_MAX];
                buffer_add_text(&out, "");
                assert_true(expand(&out, cases[i][0], lookup, NULL, error));
                assert_string_equal(out.data ? out.data : "", cases[i][1]);
                buffer_fini(&out);
        }
}

static void a_bad_expansion_says_why_without_a_value(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"${NONE}", "the variable NONE is not set"},
                {"x${HOST", "`${` without its `}`"},
                {"${}", "expected ${NAME} or ${NAME:-otherwise}"},
                {"${A-B}", "expected ${NAME} or ${NAME:-otherwise}"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct buffer out = {0};
                char error[EXPAND_ERROR_MAX];
                assert_false(expand(&out, cases[i][0], lookup, NULL, error));
                assert_string_equal(error, cases[i][1]);
                buffer_fini(&out);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(durations_have_one_unit),
                cmocka_unit_test(sizes_count_in_powers_of_two),
                cmocka_unit_test(rates_are_per_second_minute_or_hour),
                cmocka_unit_test(printed_quantities_parse_to_the_same_value),
                cmocka_unit_test(distance_counts_single_mistakes),
                cmocka_unit_test(variables_are_replaced_once),
                cmocka_unit_test(a_bad_expansion_says_why_without_a_value),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
