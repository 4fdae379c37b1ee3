#include "core/codec/json_wide.h"

#include "core/codec/json.h"

#include <stdlib.h>

/* What stands before the digits; a quote stands after them. */
static const char mark[] = "\"\\u0000";
enum { MARK_LEN = sizeof(mark) - 1, INT64_DIGITS = 19 };

static size_t json_wide_digits_at(struct slice text, size_t at)
{
        size_t end = at;
        while (end < text.len && text.data[end] >= '0' && text.data[end] <= '9')
                end++;
        return end - at;
}

/* The parts of a number; a part that is not there has length 0. */
struct number {
        bool negative;
        struct slice whole, fraction, exponent; /* digits alone */
};

/* Reads `.digits` or `e+digits`, whose digits must be there once the part was begun. */
static bool read_part(struct slice token, size_t *at, bool sign, struct slice *part)
{
        size_t first = *at + 1;
        if (sign && first < token.len && (token.data[first] == '+' || token.data[first] == '-'))
                first++;
        *part = (struct slice){.data = token.data + first, .len = json_wide_digits_at(token, first)};
        *at = first + part->len;
        return part->len > 0;
}

/* False if it is none by the grammar. */
static bool number_read(struct slice token, struct number *number)
{
        *number = (struct number){.negative = token.len > 0 && token.data[0] == '-'};
        size_t at = number->negative;
        number->whole = (struct slice){.data = token.data + at, .len = json_wide_digits_at(token, at)};
        at += number->whole.len;
        if (number->whole.len == 0 || (number->whole.len > 1 && number->whole.data[0] == '0'))
                return false;
        if (at < token.len && token.data[at] == '.' && !read_part(token, &at, false, &number->fraction))
                return false;
        if (at < token.len && (token.data[at] | 0x20) == 'e' &&
            !read_part(token, &at, true, &number->exponent))
                return false;
        return at == token.len;
}

/* -0 too: of an integer no sign would be left. */
static bool leaves_int64(const struct number *number)
{
        const char *most = number->negative ? "9223372036854775808" : "9223372036854775807";
        if (number->negative && number->whole.data[0] == '0')
                return true;
        if (number->whole.len != INT64_DIGITS)
                return number->whole.len > INT64_DIGITS;
        return memcmp(number->whole.data, most, INT64_DIGITS) > 0;
}

static int64_t number_value(const struct number *number)
{
        uint64_t value = 0;
        for (size_t i = 0; i < number->whole.len; i++)
                value = value * 10 + (uint64_t)(number->whole.data[i] - '0');
        return (int64_t)(number->negative ? 0 - value : value);
}

enum number_kind json_number_read(struct slice token, int64_t *number)
{
        struct number read;
        if (!number_read(token, &read))
                return NUMBER_NONE;
        if (read.fraction.len > 0 || read.exponent.len > 0 || leaves_int64(&read))
                return NUMBER_WIDE;
        *number = number_value(&read);
        return NUMBER_INT64;
}

/* A quote, one backslash: no other string begins so, as none holds U+0000 and a backslash is written as two.
 */
static const char *next_mark(const char *at, const char *end)
{
        while (at < end && (at = memchr(at, mark[1], (size_t)(end - at)))) {
                if (end - at >= MARK_LEN - 1 && memcmp(at - 1, mark, MARK_LEN) == 0)
                        return at - 1;
                at += 2; /* the backslash and what it escapes */
        }
        return NULL;
}

void json_wide_unmark(struct buffer *text, size_t from)
{
        if (text->len <= from + MARK_LEN)
                return;
        const char *end = text->data + text->len, *at = text->data + from;
        const char *found = next_mark(at + 1, end);
        if (!found)
                return;
        char *to = text->data + from;
        for (; found; found = at < end ? next_mark(at + 1, end) : NULL) {
                memmove(to, at, (size_t)(found - at));
                to += found - at;
                const char *digits = found + MARK_LEN, *quote = memchr(digits, '"', (size_t)(end - digits));
                memmove(to, digits, (size_t)(quote - digits));
                to += quote - digits;
                at = quote + 1;
        }
        memmove(to, at, (size_t)(end - at));
        to += end - at;
        text->len = (size_t)(to - text->data);
        *to = '\0';
}

/* As jansson writes what it reads of these digits; as they are if it reads no number of them. */
static void double_add(struct buffer *out, struct slice digits)
{
        json_t *number = json_loadb(digits.data, digits.len, JSON_DECODE_ANY, NULL);
        char *text = number ? json_dumps(number, JSON_ENCODE_ANY) : NULL;
        if (text)
                buffer_add_text(out, text);
        else
                buffer_add_slice(out, digits);
        free(text);
        json_decref(number);
}

void json_wide_doubles(struct buffer *out, struct slice text)
{
        const char *end = text.data + text.len, *at = text.data;
        for (const char *found; at < end && (found = next_mark(at + 1, end));) {
                const char *digits = found + MARK_LEN, *quote = memchr(digits, '"', (size_t)(end - digits));
                buffer_add(out, at, (size_t)(found - at));
                double_add(out, (struct slice){.data = digits, .len = (size_t)(quote - digits)});
                at = quote + 1;
        }
        if (at > text.data)
                buffer_add(out, at, (size_t)(end - at));
}
