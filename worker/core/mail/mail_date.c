#include "core/mail/mail_date.h"
#include "core/codec/calendar.h"

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static const int64_t last_s = 253402300799; /* the end of the year 9999 */

void mail_date_add(struct buffer *out, int64_t time_s)
{
        int64_t s = time_s < 0 ? 0 : time_s;
        s = s > last_s ? last_s : s;
        int64_t count = s / 86400, second = s % 86400;
        int year, month, day;
        calendar_date(count, &year, &month, &day);
        buffer_printf(out, "%.3s, %02d %.3s %04d %02d:%02d:%02d +0000", days + 3 * ((count + 4) % 7), day,
                      months + 3 * (month - 1), year, (int)(second / 3600), (int)(second / 60 % 60),
                      (int)(second % 60));
}

/* `len` decimal digits, or -1. */
static int number_at(const char *text, size_t len)
{
        int value = 0;
        for (size_t i = 0; i < len; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -1;
                value = value * 10 + (text[i] - '0');
        }
        return value;
}

static int month_at(const char *text)
{
        for (int i = 0; i < 12; i++)
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
        int day = number_at(t + 5, 2), month = month_at(t + 8), year = number_at(t + 12, 4);
        int hour = number_at(t + 17, 2), minute = number_at(t + 20, 2), second = number_at(t + 23, 2);
        bool date_ok = year >= 1970 && month >= 1 && day >= 1 && day <= calendar_month_days(year, month);
        bool time_ok = hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
        if (!date_ok || !time_ok)
                return false;
        *time_s = calendar_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
        return true;
}
