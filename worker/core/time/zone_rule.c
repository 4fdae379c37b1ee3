#include "core/time/zone_rule.h"

#include "core/codec/calendar.h"

#include <string.h>

enum { HOUR_S = 3600, DAY_S = 86400, OFFSET_HOURS_MAX = 24, TIME_HOURS_MAX = 167 };

/* What is left to read. */
struct reading {
        const char *at, *end;
};

static bool zone_rule_take(struct reading *reading, char c)
{
        if (reading->at == reading->end || *reading->at != c)
                return false;
        reading->at++;
        return true;
}

static bool rule_is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool rule_is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool rule_read_number(struct reading *reading, int max, int *number)
{
        const char *begin = reading->at;
        *number = 0;
        while (reading->at < reading->end && rule_is_digit(*reading->at) && *number <= max)
                *number = *number * 10 + (*reading->at++ - '0');
        return reading->at > begin && *number <= max;
}

/* Three letters or more, or anything of the kind in <>. */
static bool read_name(struct reading *reading)
{
        const char *begin = reading->at;
        if (zone_rule_take(reading, '<')) {
                while (reading->at < reading->end &&
                       (rule_is_letter(*reading->at) || rule_is_digit(*reading->at) || *reading->at == '+' ||
                        *reading->at == '-'))
                        reading->at++;
                return zone_rule_take(reading, '>');
        }
        while (reading->at < reading->end && rule_is_letter(*reading->at))
                reading->at++;
        return reading->at - begin >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool rule_read_time(struct reading *reading, int hours_max, int32_t *seconds)
{
        int hours, minutes = 0, rest = 0;
        bool minus = zone_rule_take(reading, '-');
        if (!minus)
                (void)zone_rule_take(reading, '+');
        if (!rule_read_number(reading, hours_max, &hours))
                return false;
        if (zone_rule_take(reading, ':') && !rule_read_number(reading, 59, &minutes))
                return false;
        if (zone_rule_take(reading, ':') && !rule_read_number(reading, 59, &rest))
                return false;
        *seconds = hours * HOUR_S + minutes * 60 + rest;
        if (minus)
                *seconds = -*seconds;
        return true;
}

static bool read_weekday(struct reading *reading, struct zone_day *day)
{
        day->kind = ZONE_DAY_WEEKDAY;
        return rule_read_number(reading, 12, &day->month) && day->month >= 1 &&
               zone_rule_take(reading, '.') && rule_read_number(reading, 5, &day->week) && day->week >= 1 &&
               zone_rule_take(reading, '.') && rule_read_number(reading, 6, &day->day);
}

static bool read_day(struct reading *reading, struct zone_day *day)
{
        *day = (struct zone_day){.kind = ZONE_DAY_ORDINAL, .time = 2 * HOUR_S};
        bool good;
        if (zone_rule_take(reading, 'M')) {
                good = read_weekday(reading, day);
        } else {
                day->kind = zone_rule_take(reading, 'J') ? ZONE_DAY_JULIAN : ZONE_DAY_ORDINAL;
                good = rule_read_number(reading, 365, &day->day) &&
                       (day->kind == ZONE_DAY_ORDINAL || day->day > 0);
        }
        return good && (!zone_rule_take(reading, '/') || rule_read_time(reading, TIME_HOURS_MAX, &day->time));
}

bool zone_rule_parse(struct zone_rule *rule, struct slice text)
{
        struct reading reading = {text.data, text.data + text.len};
        *rule = (struct zone_rule){0};
        if (!read_name(&reading) || !rule_read_time(&reading, OFFSET_HOURS_MAX, &rule->standard))
                return false;
        rule->standard = -rule->standard; /* POSIX counts westward */
        if (reading.at == reading.end)
                return true;
        rule->changes = true;
        rule->daylight = rule->standard + HOUR_S;
        if (!read_name(&reading))
                return false;
        if (reading.at < reading.end && *reading.at != ',') {
                if (!rule_read_time(&reading, OFFSET_HOURS_MAX, &rule->daylight))
                        return false;
                rule->daylight = -rule->daylight;
        }
        return zone_rule_take(&reading, ',') && read_day(&reading, &rule->begin) &&
               zone_rule_take(&reading, ',') && read_day(&reading, &rule->end) && reading.at == reading.end;
}

static int64_t day_of(const struct zone_day *day, int year)
{
        int64_t first = calendar_days(year, 1, 1);
        if (day->kind == ZONE_DAY_ORDINAL)
                return first + day->day;
        if (day->kind == ZONE_DAY_JULIAN)
                return first + day->day - 1 + (day->day >= 60 && calendar_month_days(year, 2) == 29);
        int64_t month = calendar_days(year, day->month, 1);
        int weekday = (int)(((month + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
        int in_month = (day->day - weekday + 7) % 7 + 7 * (day->week - 1);
        if (in_month >= calendar_month_days(year, day->month))
                in_month -= 7;
        return month + in_month;
}

void zone_rule_changes(const struct zone_rule *rule, int year, int64_t *begin, int64_t *end)
{
        *begin = day_of(&rule->begin, year) * DAY_S + rule->begin.time - rule->standard;
        *end = day_of(&rule->end, year) * DAY_S + rule->end.time - rule->daylight;
}
