#include "core/text/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
        const char *name;
        int64_t factor;
};

/* Largest first, so that the first one that divides a value gives its shortest text. */
static const struct unit durations[] = {
        {.name = "d", .factor = 86400000}, {.name = "h", .factor = 3600000}, {.name = "m", .factor = 60000},
        {.name = "s", .factor = 1000},     {.name = "ms", .factor = 1},      {.name = NULL},
};
static const struct unit sizes[] = {
        {.name = "GiB", .factor = 1 << 30},
        {.name = "MiB", .factor = 1 << 20},
        {.name = "KiB", .factor = 1 << 10},
        {.name = "B", .factor = 1},
        {.name = NULL},
};

/* The digits at the start; returns where they end, NULL if there are none or too many. */
static const char *digits_parse(const char *text, int64_t *value)
{
        int64_t sum = 0;
        const char *at = text;
        for (; *at >= '0' && *at <= '9'; at++)
                if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, *at - '0', &sum))
                        return NULL;
        *value = sum;
        return at == text ? NULL : at;
}

bool integer_parse(const char *text, int64_t *value)
{
        bool negative = text[0] == '-';
        int64_t magnitude;
        const char *end = digits_parse(text + negative, &magnitude);
        if (!end || *end)
                return false;
        *value = negative ? -magnitude : magnitude;
        return true;
}

static bool quantity_parse(const char *text, const struct unit *units, int64_t *value)
{
        int64_t number;
        const char *unit = digits_parse(text, &number);
        for (; unit && units->name; units++) {
                if (strcmp(unit, units->name) != 0)
                        continue;
                if (__builtin_mul_overflow(number, units->factor, &number))
                        return false;
                *value = number;
                return true;
        }
        return false;
}

bool duration_parse(const char *text, int64_t *value_ms)
{
        if (strcmp(text, "0") != 0)
                return quantity_parse(text, durations, value_ms);
        *value_ms = 0;
        return true;
}

bool size_parse(const char *text, int64_t *value_bytes)
{
        int64_t bytes;
        if (!integer_parse(text, &bytes) || bytes < 0)
                return quantity_parse(text, sizes, value_bytes);
        *value_bytes = bytes;
        return true;
}

static double rate_seconds(const char *unit)
{
        if (strcmp(unit, "/s") == 0)
                return 1;
        if (strcmp(unit, "/m") == 0)
                return 60;
        return strcmp(unit, "/h") == 0 ? 3600 : 0;
}

bool rate_parse(const char *text, double *value_per_s)
{
        size_t len = strspn(text, "0123456789.");
        char *end;
        double number = strtod(text, &end);
        if (len == 0 || len > 15 || text[0] == '.' || end != text + len)
                return false;
        double seconds = rate_seconds(end);
        if (seconds == 0 && strcmp(text, "0") != 0)
                return false;
        *value_per_s = seconds == 0 ? 0 : number / seconds;
        return true;
}

bool boolean_parse(const char *text, bool *value)
{
        bool yes = strcmp(text, "true") == 0;
        if (!yes && strcmp(text, "false") != 0)
                return false;
        *value = yes;
        return true;
}

static void quantity_add(struct buffer *out, const struct unit *unit, int64_t value)
{
        while (unit->factor != 1 && (value == 0 || value % unit->factor != 0))
                unit++;
        buffer_printf(out, "%" PRId64 "%s", value / unit->factor, unit->name);
}

void duration_add(struct buffer *out, int64_t value_ms)
{
        if (value_ms == 0)
                buffer_add_char(out, '0');
        else
                quantity_add(out, durations, value_ms);
}

void size_add(struct buffer *out, int64_t value_bytes)
{
        quantity_add(out, sizes, value_bytes);
}

void rate_add(struct buffer *out, double value_per_s)
{
        if (value_per_s == 0)
                buffer_add_char(out, '0');
        else if (value_per_s == floor(value_per_s))
                buffer_printf(out, "%.0f/s", value_per_s);
        else if (value_per_s * 60 == floor(value_per_s * 60))
                buffer_printf(out, "%.0f/m", value_per_s * 60);
        else
                buffer_printf(out, "%.6g/h", value_per_s * 3600);
}
