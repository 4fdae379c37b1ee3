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
static int date_number_at(const char *text, size_t len)
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

/* What follows the name of the day, and where in it the parts are. */
struct date_form {
        const char *text; /* '#' is any byte */
        size_t day, month, year, year_len, clock;
};

static const struct date_form date_forms[] = {
        {", ## ### #### ##:##:## GMT", 2, 5, 9, 4, 14}, /* IMF-fixdate */
        {", ##-###-## ##:##:## GMT", 2, 5, 9, 2, 12},   /* RFC 850 */
        {" ### ## ##:##:## ####", 5, 1, 17, 4, 8},      /* asctime */
};

static bool date_fits(const struct date_form *form, struct slice text)
{
        if (text.len != strlen(form->text))
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (form->text[i] != '#' && form->text[i] != text.data[i])
                        return false;
        return true;
}

/* The form that the text has after the name of its day, of which only the letters are looked at. */
static const struct date_form *date_form_of(struct slice *text)
{
        while (text->len && ((text->data[0] | 0x20) >= 'a' && (text->data[0] | 0x20) <= 'z'))
                *text = (struct slice){.data = text->data + 1, .len = text->len - 1};
        for (size_t i = 0; i < sizeof date_forms / sizeof *date_forms; i++)
                if (date_fits(&date_forms[i], *text))
                        return &date_forms[i];
        return NULL;
}

/* Of two digits: the year that ends in them and is at most 50 years ahead. */
static int full_year(int year, int64_t now_s)
{
        int now_year, month, day;
        calendar_date(now_s / 86400, &now_year, &month, &day);
        year += now_year / 100 * 100;
        if (year > now_year + 50)
                return year - 100;
        return year + 100 <= now_year + 50 ? year + 100 : year;
}

bool mail_date_parse_http(struct slice text, int64_t now_s, int64_t *time_s)
{
        const struct date_form *form = date_form_of(&text);
        if (!form)
                return false;
        const char *t = text.data, *clock = t + form->clock;
        bool padded = t[form->day] == ' ';
        int day = date_number_at(t + form->day + padded, 2 - (size_t)padded),
            month = month_at(t + form->month);
        int year = date_number_at(t + form->year, form->year_len);
        int hour = date_number_at(clock, 2), minute = date_number_at(clock + 3, 2),
            second = date_number_at(clock + 6, 2);
        if (form->year_len == 2 && year >= 0)
                year = full_year(year, now_s);
        bool date_ok = year >= 1970 && month >= 1 && day >= 1 && day <= calendar_month_days(year, month);
        bool time_ok = hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
        if (!date_ok || !time_ok)
                return false;
        *time_s = calendar_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
        return true;
}
