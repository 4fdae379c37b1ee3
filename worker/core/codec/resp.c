#include "core/codec/resp.h"

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

enum { HEAD_MAX = 1 + 20 + 2 };

/* "$12\r\n" at `to`, which has room for HEAD_MAX bytes; returns where it ends. */
static char *head_write(char *to, char kind, uint64_t value)
{
        char digits[20];
        const char *from = digits_of(value, digits);
        size_t len = (size_t)(digits + sizeof(digits) - from);
        *to = kind;
        memcpy(to + 1, from, len);
        memcpy(to + 1 + len, "\r\n", 2);
        return to + len + 3;
}

void resp_begin(struct buffer *out, size_t count)
{
        char *to = buffer_reserve(out, HEAD_MAX);
        out->len += (size_t)(head_write(to, '*', count) - to);
}

void resp_add(struct buffer *out, struct slice value)
{
        char *head = buffer_reserve(out, HEAD_MAX + value.len + 2);
        char *to = head_write(head, '$', value.len);
        if (value.len)
                memcpy(to, value.data, value.len);
        memcpy(to + value.len, "\r\n", 2);
        out->len += (size_t)(to - head) + value.len + 2;
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
