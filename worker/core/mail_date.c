#include "core/mail_date.h"

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static const int64_t last_s = 253402300799; /* the end of the year 9999 */

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar; `month` from 1. The year is counted
 * from March, so that the leap day is its last. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
        year -= month <= 2;
        int64_t era = year / 400, of_era = year % 400;
        int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The inverse, for days from 1970 on. */
static void civil_from_days(int64_t count, int64_t *year, int64_t *month, int64_t *day)
{
        count += 719468;
        int64_t era = count / 146097, of_era = count % 146097;
        int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
        int64_t m = (5 * of_year + 2) / 153;
        *day = of_year - (153 * m + 2) / 5 + 1;
        *month = m < 10 ? m + 3 : m - 9;
        *year = y + era * 400 + (*month <= 2);
}

void mail_date_add(struct buffer *out, int64_t time_s)
{
        int64_t s = time_s < 0 ? 0 : time_s > last_s ? last_s : time_s;
        int64_t year, month, day, count = s / 86400, second = s % 86400;
        civil_from_days(count, &year, &month, &day);
        buffer_printf(out, "%.3s, %02d %.3s %04d %02d:%02d:%02d +0000", days + 3 * ((count + 4) % 7),
                      (int)day, months + 3 * (month - 1), (int)year, (int)(second / 3600),
                      (int)(second / 60 % 60), (int)(second % 60));
}

/* `len` decimal digits, or -1. */
static int64_t number_at(const char *text, size_t len)
{
        int64_t value = 0;
        for (size_t i = 0; i < len; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -1;
                value = value * 10 + (text[i] - '0');
        }
        return value;
}

static int64_t month_at(const char *text)
{
        for (int64_t i = 0; i < 12; i++)
                if (memcmp(months + 3 * i, text, 3) == 0)
                        return i + 1;
        return -1;
}

bool mail_date_parse_http(struct slice text, int64_t *time_s)
{
        static const char form[] = "???, ?? ??? ???? ??:??:?? GMT";
        if (text.len != sizeof form - 1)
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (form[i] != '?' && form[i] != text.data[i])
                        return false;
        const char *t = text.data;
        int64_t day = number_at(t + 5, 2), month = month_at(t + 8), year = number_at(t + 12, 4);
        int64_t hour = number_at(t + 17, 2), minute = number_at(t + 20, 2), second = number_at(t + 23, 2);
        bool date_ok = day >= 1 && day <= 31 && month >= 1 && year >= 1970;
        bool time_ok = hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
        if (!date_ok || !time_ok)
                return false;
        *time_s = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
        return true;
}
