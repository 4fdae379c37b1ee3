#include "core/codec/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void days_and_dates_are_each_others_inverse(void **state)
{
        (void)state;
        static const struct {
                int year, month, day;
                int64_t days;
        } cases[] = {
                {1970, 1, 1, 0},     {1969, 12, 31, -1},   {2000, 2, 29, 11016},
                {2000, 3, 1, 11017}, {1900, 3, 1, -25508}, {2100, 2, 28, 47540},
                {0, 1, 1, -719528},  {0, 2, 29, -719469},  {9999, 12, 31, 2932896},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                int year, month, day;
                assert_int_equal(calendar_days(cases[i].year, cases[i].month, cases[i].day), cases[i].days);
                calendar_date(cases[i].days, &year, &month, &day);
                assert_int_equal(year, cases[i].year);
                assert_int_equal(month, cases[i].month);
                assert_int_equal(day, cases[i].day);
        }
}

/* Every day of four centuries, after which the calendar repeats. */
static void each_day_is_followed_by_the_next(void **state)
{
        (void)state;
        int64_t days = calendar_days(1800, 1, 1);
        for (int year = 1800; year < 2200; year++)
                for (int month = 1; month <= 12; month++)
                        for (int day = 1; day <= calendar_month_days(year, month); day++)
                                assert_int_equal(calendar_days(year, month, day), days++);
        assert_int_equal(days - calendar_days(1800, 1, 1), 146097);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(days_and_dates_are_each_others_inverse),
                cmocka_unit_test(each_day_is_followed_by_the_next),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
