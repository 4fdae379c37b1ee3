#include "core/time/cron.h"

#include "core/codec/calendar.h"
#include "core/text/word.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DAY_S = 86400, MINUTE_S = 60, HOURS_ALL = 0xffffff, SEARCH_DAYS = 40 * 366 };

/* One of the five fields. */
struct cron_field {
        const char *name;
        int min, max;
        const char *const *names; /* of its values from `first_name` on, or NULL */
        int first_name;
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

enum { FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY, FIELD_COUNT };

static const struct cron_field fields[FIELD_COUNT] = {
        [FIELD_MINUTE] = {"minute", 0, 59, NULL, 0},
        [FIELD_HOUR] = {"hour", 0, 23, NULL, 0},
        [FIELD_DAY] = {"day of month", 1, 31, NULL, 0},
        [FIELD_MONTH] = {"month", 1, 12, month_names, 1},
        [FIELD_WEEKDAY] = {"day of week", 0, 7, weekday_names, 0},
};

static const char *const nicknames[][2] = {
        {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
};

/* One item of a list in one field. */
struct item {
        const struct cron_field *field;
        struct slice text;
        char *error;
};

static bool cron_wrong(const struct item *item, const char *what)
{
        size_t shown = item->text.len < 40 ? item->text.len : 40;
        snprintf(item->error, CRON_ERROR_SIZE, "%s \"%.*s\": %s", item->field->name, (int)shown,
                 text_or(item->text.data, ""), what);
        return false;
}

static bool out_of_range(const struct item *item)
{
        char what[64];
        snprintf(what, sizeof(what), "not within %d to %d", item->field->min, item->field->max);
        return cron_wrong(item, what);
}

static bool cron_is_name(struct slice text, const char *name)
{
        return text.len == strlen(name) && strncasecmp(text.data, name, text.len) == 0;
}

static bool read_value(const struct item *item, struct slice text, int *value)
{
        for (int i = 0; item->field->names && item->field->names[i]; i++)
                if (cron_is_name(text, item->field->names[i])) {
                        *value = item->field->first_name + i;
                        return true;
                }
        if (text.len == 0)
                return cron_wrong(item, "a number is missing");
        *value = 0;
        for (size_t i = 0; i < text.len; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return cron_wrong(item, item->field->names
                                                        ? "expected *, a number or a name of three letters"
                                                        : "expected *, a number, a range a-b or a step */n");
                *value = *value * 10 + (text.data[i] - '0');
                if (*value > 999)
                        return out_of_range(item);
        }
        return (*value >= item->field->min && *value <= item->field->max) || out_of_range(item);
}

/* What stands before and after the first `c`; without one `after` has no data. */
static struct slice cron_split(struct slice text, char c, struct slice *after)
{
        const char *at = text.len > 0 ? memchr(text.data, c, text.len) : NULL;
        *after = (struct slice){0};
        if (!at)
                return text;
        *after = (struct slice){at + 1, (size_t)(text.data + text.len - at - 1)};
        return (struct slice){text.data, (size_t)(at - text.data)};
}

static bool read_range(const struct item *item, struct slice text, bool stepped, int range[2])
{
        struct slice end;
        struct slice begin = cron_split(text, '-', &end);
        if (slice_is(text, "*")) {
                range[0] = item->field->min;
                range[1] = item->field->names == weekday_names ? 6 : item->field->max;
                return true;
        }
        if (!read_value(item, begin, &range[0]))
                return false;
        range[1] = range[0];
        if (!end.data)
                return !stepped || cron_wrong(item, "a step needs * or a range, as in 5-59/15");
        if (!read_value(item, end, &range[1]))
                return false;
        if (item->field->names == weekday_names && range[1] == 0 && range[0] > 0)
                range[1] = 7; /* fri-sun */
        return range[0] <= range[1] || cron_wrong(item, "the range runs backwards");
}

static bool read_step(const struct item *item, struct slice text, const int range[2], int *step)
{
        *step = 1;
        if (!text.data)
                return true;
        if (text.len == 0 || text.len > 3)
                return cron_wrong(item, "the step is no number of up to three digits");
        *step = 0;
        for (size_t i = 0; i < text.len; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return cron_wrong(item, "the step is no number of up to three digits");
                *step = *step * 10 + (text.data[i] - '0');
        }
        if (*step == 0)
                return cron_wrong(item, "the step is 0");
        return *step <= range[1] - range[0] ||
               cron_wrong(item, "the step is longer than its range: only its beginning would count");
}

static bool read_item(const struct item *item, uint64_t *bits)
{
        struct slice step_text;
        int range[2], step;
        struct slice text = cron_split(item->text, '/', &step_text);
        if (!read_range(item, text, step_text.data != NULL, range) ||
            !read_step(item, step_text, range, &step))
                return false;
        for (int value = range[0]; value <= range[1]; value += step)
                *bits |= (uint64_t)1 << value;
        return true;
}

static bool read_field(const struct cron_field *field, struct slice text, uint64_t *bits, char *error)
{
        *bits = 0;
        for (struct slice rest = text; rest.data;) {
                struct item item = {.field = field, .error = error};
                item.text = cron_split(rest, ',', &rest);
                if (!read_item(&item, bits))
                        return false;
        }
        return true;
}

static bool cron_is_space(char c)
{
        return c == ' ' || c == '\t';
}

/* The words of the text, at most `max`; how many there are. */
static size_t split_words(struct slice text, struct slice *words, size_t max)
{
        size_t count = 0;
        for (size_t i = 0; i < text.len;) {
                size_t begin = i;
                while (i < text.len && !cron_is_space(text.data[i]))
                        i++;
                if (i > begin && count < max)
                        words[count] = (struct slice){text.data + begin, i - begin};
                count += i > begin;
                while (i < text.len && cron_is_space(text.data[i]))
                        i++;
        }
        return count;
}

static bool read_nickname(struct slice *text, char *error)
{
        for (size_t i = 0; i < sizeof(nicknames) / sizeof(*nicknames); i++)
                if (cron_is_name(*text, nicknames[i][0])) {
                        *text = slice_of(nicknames[i][1]);
                        return true;
                }
        snprintf(error, CRON_ERROR_SIZE,
                 "expected five fields, or @hourly, @daily, @weekly, @monthly or @yearly");
        return false;
}

static bool is_day(const struct cron *cron, int64_t days)
{
        int year, month, day;
        calendar_date(days, &year, &month, &day);
        int weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
        bool by_day = cron->days >> day & 1, by_weekday = cron->weekdays >> weekday & 1;
        if (!(cron->months >> month & 1))
                return false;
        return cron->days_given && cron->weekdays_given ? by_day || by_weekday : by_day && by_weekday;
}

/* The first time that the fields name, from this local time on; INT64_MAX: none in 40 years. */
static int64_t next_local(const struct cron *cron, int64_t local)
{
        int64_t day = local / DAY_S - (local % DAY_S < 0);
        int64_t minute = (local - day * DAY_S + MINUTE_S - 1) / MINUTE_S; /* of the day, 1440: the next */
        for (int64_t last = day + SEARCH_DAYS; day <= last; day++, minute = 0) {
                if (minute == 1440 || !is_day(cron, day))
                        continue;
                for (; minute < 1440; minute++)
                        if (!(cron->hours >> (minute / 60) & 1))
                                minute += 59 - minute % 60;
                        else if (cron->minutes >> (minute % 60) & 1)
                                return day * DAY_S + minute * MINUTE_S;
        }
        return INT64_MAX;
}

bool cron_parse(struct cron *cron, struct slice text, char error[CRON_ERROR_SIZE])
{
        struct slice words[FIELD_COUNT];
        uint64_t *bits[] = {&cron->minutes, &cron->hours, &cron->days, &cron->months, &cron->weekdays};
        *cron = (struct cron){0};
        if (text.len > CRON_TEXT_MAX) {
                snprintf(error, CRON_ERROR_SIZE, "longer than %d characters", CRON_TEXT_MAX);
                return false;
        }
        if (text.len > 0 && text.data[0] == '@' && !read_nickname(&text, error))
                return false;
        size_t count = split_words(text, words, FIELD_COUNT);
        if (count != FIELD_COUNT) {
                snprintf(error, CRON_ERROR_SIZE,
                         "%zu fields, expected five: minute, hour, day of month, month, day of week%s", count,
                         count == 6 ? " (there is none for seconds)" : "");
                return false;
        }
        for (size_t i = 0; i < FIELD_COUNT; i++)
                if (!read_field(&fields[i], words[i], bits[i], error))
                        return false;
        cron->weekdays |= cron->weekdays >> 7 & 1;
        cron->days_given = words[FIELD_DAY].data[0] != '*';
        cron->weekdays_given = words[FIELD_WEEKDAY].data[0] != '*';
        if (next_local(cron, 0) != INT64_MAX)
                return true;
        snprintf(error, CRON_ERROR_SIZE, "there is no such day in any year");
        return false;
}

/* For every hour: as far apart as on other days, whatever the clocks do. */
static int64_t next_by_hours(const struct cron *cron, const struct zone *zone, int64_t t)
{
        for (;;) {
                struct zone_span span = zone_span_at(zone, t + 1);
                int64_t local = next_local(cron, t + 1 + span.offset);
                if (local == INT64_MAX || local - span.offset < span.until)
                        return local == INT64_MAX ? local : local - span.offset;
                t = span.until - 1;
        }
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t t)
{
        if (cron->hours == HOURS_ALL)
                return next_by_hours(cron, zone, t);
        int64_t local = t + zone_span_at(zone, t).offset;
        for (;;) {
                local = next_local(cron, local + 1);
                if (local == INT64_MAX)
                        return local;
                int64_t next = zone_of_local(zone, local);
                if (next > t)
                        return next;
        }
}

int64_t cron_last(const struct cron *cron, const struct zone *zone, int64_t since, int64_t t)
{
        static const int64_t reach_s[] = {3600, DAY_S, 32 * DAY_S, 400 * DAY_S, INT64_C(16) * 366 * DAY_S};
        for (size_t i = 0; i < sizeof(reach_s) / sizeof(*reach_s); i++) {
                int64_t from = t - reach_s[i] > since ? t - reach_s[i] : since, last = from, next;
                while ((next = cron_next(cron, zone, last)) <= t)
                        last = next;
                if (last > from || from == since)
                        return last > from ? last : since;
        }
        return since;
}
