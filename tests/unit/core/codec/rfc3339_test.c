#include "core/codec/rfc3339.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void reads_times_as_milliseconds(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                int64_t time_ms;
        } good[] = {
                {"1970-01-01T00:00:00Z", 0},
                {"1970-01-01t00:00:00z", 0},
                {"1969-12-31T23:59:59.999Z", -1},
                {"2026-11-21T07:15:20.123Z", 1795245320123},
                {"2026-11-21T07:15:20.1Z", 1795245320100},
                {"2026-11-21T07:15:20.123999999999999999999Z", 1795245320123},
                {"2026-11-21T08:15:20+01:00", 1795245320000},
                {"2026-11-20T23:45:20-07:30", 1795245320000},
                {"2026-11-21T07:15:20-00:00", 1795245320000},
                {"2000-02-29T12:00:00Z", 951825600000},
                {"2024-02-29T23:59:59Z", 1709251199000},
                {"1990-12-31T23:59:60Z", 662687999000},
                {"1990-12-31T15:59:60-08:00", 662687999000},
                {"0000-01-01T00:00:00Z", RFC3339_MIN_MS},
                {"9999-12-31T23:59:59.999Z", RFC3339_MAX_MS},
        };
        for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
                int64_t time_ms = 77;
                if (!rfc3339_parse(slice_of(good[i].text), &time_ms) || time_ms != good[i].time_ms)
                        fail_msg("%s: %lld", good[i].text, (long long)time_ms);
        }
}

static void refuses_everything_else(void **state)
{
        (void)state;
        static const char *const bad[] = {
                "",
                "2026",
                "2026-11-21",
                "2026-11-21T07:15:20",
                "2026-11-21 07:15:20Z",
                "2026-11-21T07:15Z",
                "2026-11-21T07:15:20.Z",
                "2026-11-21T07:15:20,5Z",
                "2026-11-21T07:15:20Z ",
                " 2026-11-21T07:15:20Z",
                "2026-11-21T07:15:20ZZ",
                "2026-11-21T07:15:20+0100",
                "2026-11-21T07:15:20+01",
                "2026-11-21T07:15:20+24:00",
                "2026-11-21T07:15:20+01:60",
                "2026-11-21T24:00:00Z",
                "2026-11-21T07:60:00Z",
                "2026-11-21T07:15:61Z",
                "2026-11-21T07:15:60Z",
                "2026-13-01T00:00:00Z",
                "2026-00-01T00:00:00Z",
                "2026-01-00T00:00:00Z",
                "2026-04-31T00:00:00Z",
                "2026-02-29T00:00:00Z",
                "1900-02-29T00:00:00Z",
                "-026-01-01T00:00:00Z",
                "+2026-01-01T00:00:00Z",
                "12026-01-01T00:00:00Z",
                "2026-1-01T00:00:00Z",
                "1795245320",
                "now",
        };
        int64_t time_ms;
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                if (rfc3339_parse(slice_of(bad[i]), &time_ms))
                        fail_msg("taken: %s", bad[i]);
        assert_false(rfc3339_parse((struct slice){0}, &time_ms));
}

static void writes_utc_with_milliseconds(void **state)
{
        (void)state;
        char text[RFC3339_SIZE];
        rfc3339_format(1795245320123, text);
        assert_string_equal(text, "2026-11-21T07:15:20.123Z");
        rfc3339_format(-1, text);
        assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void reads_back_what_it_wrote(void **state)
{
        (void)state;
        char text[RFC3339_SIZE];
        for (int64_t time_ms = RFC3339_MIN_MS; time_ms <= RFC3339_MAX_MS; time_ms += INT64_C(9876543210123)) {
                int64_t again;
                rfc3339_format(time_ms, text);
                assert_true(rfc3339_parse(slice_of(text), &again));
                assert_true(again == time_ms);
        }
}

static void a_time_out_of_range_is_written_as_the_nearest_in_it(void **state)
{
        (void)state;
        char text[RFC3339_SIZE];
        rfc3339_format(INT64_MAX, text);
        assert_string_equal(text, "9999-12-31T23:59:59.999Z");
        rfc3339_format(INT64_MIN, text);
        assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_times_as_milliseconds),
                cmocka_unit_test(refuses_everything_else),
                cmocka_unit_test(writes_utc_with_milliseconds),
                cmocka_unit_test(reads_back_what_it_wrote),
                cmocka_unit_test(a_time_out_of_range_is_written_as_the_nearest_in_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
