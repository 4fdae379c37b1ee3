#include "core/codec/rfc3339.h"
#include "core/codec/calendar.h"

#include <stdio.h>

#define DAY_MS INT64_C(86400000)

struct reader {
        struct slice text;
        size_t at;
};

static bool read_digits(struct reader *reader, size_t count, int *value)
{
        if (reader->text.len - reader->at < count)
                return false;
        *value = 0;
        for (size_t end = reader->at + count; reader->at < end; reader->at++) {
                char c = reader->text.data[reader->at];
                if (c < '0' || c > '9')
                        return false;
                *value = *value * 10 + (c - '0');
        }
        return true;
}

static bool read_char(struct reader *reader, char upper, char lower)
{
        if (reader->at == reader->text.len)
                return false;
        char c = reader->text.data[reader->at];
        if (c != upper && c != lower)
                return false;
        reader->at++;
        return true;
}

static bool read_date(struct reader *reader, int64_t *days)
{
        int year, month, day;
        if (!read_digits(reader, 4, &year) || !read_char(reader, '-', '-') ||
            !read_digits(reader, 2, &month) || !read_char(reader, '-', '-') || !read_digits(reader, 2, &day))
                return false;
        if (month < 1 || month > 12 || day < 1 || day > calendar_month_days(year, month))
                return false;
        *days = calendar_days(year, month, day);
        return true;
}

static bool read_fraction(struct reader *reader, int *ms)
{
        *ms = 0;
        if (!read_char(reader, '.', '.'))
                return true;
        int digit, weight = 100;
        size_t start = reader->at;
        while (read_digits(reader, 1, &digit)) {
                *ms += digit * weight;
                weight /= 10;
        }
        return reader->at > start;
}

static bool rfc3339_read_offset(struct reader *reader, int *minutes)
{
        *minutes = 0;
        if (read_char(reader, 'Z', 'z'))
                return true;
        bool west = read_char(reader, '-', '-');
        int hour, minute;
        if ((!west && !read_char(reader, '+', '+')) || !read_digits(reader, 2, &hour) ||
            !read_char(reader, ':', ':') || !read_digits(reader, 2, &minute) || hour > 23 || minute > 59)
                return false;
        *minutes = (west ? -1 : 1) * (hour * 60 + minute);
        return true;
}

bool rfc3339_parse(struct slice text, int64_t *time_ms)
{
        struct reader reader = {.text = text};
        int64_t days;
        int hour, minute, second, ms, offset;
        if (!read_date(&reader, &days) || !read_char(&reader, 'T', 't') || !read_digits(&reader, 2, &hour) ||
            !read_char(&reader, ':', ':') || !read_digits(&reader, 2, &minute) ||
            !read_char(&reader, ':', ':') || !read_digits(&reader, 2, &second) ||
            !read_fraction(&reader, &ms) || !rfc3339_read_offset(&reader, &offset) || reader.at != text.len)
                return false;
        if (hour > 23 || minute > 59 || second > 60)
                return false;
        int utc_minute = ((hour * 60 + minute - offset) % 1440 + 1440) % 1440;
        if (second == 60 && utc_minute != 23 * 60 + 59)
                return false;
        int64_t minutes = hour * 60 + minute - offset;
        *time_ms = days * DAY_MS + (minutes * 60 + (second == 60 ? 59 : second)) * 1000 + ms;
        return true;
}

/* `width` digits and the character that follows them. */
static char *rfc3339_put(char *out, int64_t number, int width, char after)
{
        for (int i = width - 1; i >= 0; i--, number /= 10)
                out[i] = (char)('0' + number % 10);
        out[width] = after;
        return out + width + 1;
}

/* Not by stdio: a signal handler writes times too. */
void rfc3339_format(int64_t time_ms, char out[RFC3339_SIZE])
{
        if (time_ms < RFC3339_MIN_MS)
                time_ms = RFC3339_MIN_MS;
        if (time_ms > RFC3339_MAX_MS)
                time_ms = RFC3339_MAX_MS;
        int64_t of_day = (time_ms % DAY_MS + DAY_MS) % DAY_MS;
        int year, month, day;
        calendar_date((time_ms - of_day) / DAY_MS, &year, &month, &day);
        out = rfc3339_put(out, year, 4, '-');
        out = rfc3339_put(out, month, 2, '-');
        out = rfc3339_put(out, day, 2, 'T');
        out = rfc3339_put(out, of_day / 3600000, 2, ':');
        out = rfc3339_put(out, of_day / 60000 % 60, 2, ':');
        out = rfc3339_put(out, of_day / 1000 % 60, 2, '.');
        out = rfc3339_put(out, of_day % 1000, 3, 'Z');
        *out = '\0';
}
