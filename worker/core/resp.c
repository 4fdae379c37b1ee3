#include "core/resp.h"

#include <string.h>

/* Decimal digits of `value` at the end of `digits` (20 bytes); returns where they begin. */
static char *digits_of(uint64_t value, char digits[20])
{
        char *at = digits + 20;
        do
                *--at = (char)('0' + value % 10);
        while (value /= 10);
        return at;
}

static void add_head(struct buffer *out, char kind, uint64_t value)
{
        char digits[20];
        char *from = digits_of(value, digits);
        size_t len = (size_t)(digits + sizeof(digits) - from);
        char *to = buffer_reserve(out, len + 3);
        to[0] = kind;
        memcpy(to + 1, from, len);
        memcpy(to + 1 + len, "\r\n", 2);
        out->len += len + 3;
}

void resp_begin(struct buffer *out, size_t count)
{
        add_head(out, '*', count);
}

void resp_add(struct buffer *out, struct slice value)
{
        add_head(out, '$', value.len);
        char *to = buffer_reserve(out, value.len + 2);
        if (value.len)
                memcpy(to, value.data, value.len);
        memcpy(to + value.len, "\r\n", 2);
        out->len += value.len + 2;
}

void resp_add_text(struct buffer *out, const char *value)
{
        resp_add(out, slice_of(value));
}

void resp_add_integer(struct buffer *out, int64_t value)
{
        char digits[21];
        bool negative = value < 0;
        char *from = digits_of(negative ? 0 - (uint64_t)value : (uint64_t)value, digits + 1);
        if (negative)
                *--from = '-';
        resp_add(out, (struct slice){.data = from, .len = (size_t)(digits + sizeof(digits) - from)});
}
