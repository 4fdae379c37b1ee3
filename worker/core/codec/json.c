#include "core/codec/json.h"
#include "core/codec/json_wide.h"
#include "core/memory/memory.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void json_use_memory(void)
{
        json_set_alloc_funcs(memory_raw, free);
}

static int dump_to_buffer(const char *data, size_t len, void *out)
{
        buffer_add(out, data, len);
        return 0;
}

static void dump(struct buffer *out, const json_t *value, size_t flags)
{
        if (json_dump_callback(value, dump_to_buffer, out, flags | JSON_ENCODE_ANY) != 0)
                abort();
}

void json_write(struct buffer *out, const json_t *value, size_t flags)
{
        size_t from = out->len;
        dump(out, value, flags);
        json_wide_unmark(out, from);
}

void json_compact_sorted(struct buffer *out, const json_t *value)
{
        json_write(out, value, JSON_COMPACT | JSON_SORT_KEYS);
}

void json_compact_both(struct buffer *out, struct buffer *doubles, const json_t *value)
{
        size_t from = out->len;
        dump(out, value, JSON_COMPACT | JSON_SORT_KEYS);
        json_wide_doubles(doubles, (struct slice){.data = out->data + from, .len = out->len - from});
        json_wide_unmark(out, from);
}

static struct slice string_of(const json_t *value)
{
        return (struct slice){.data = json_string_value(value), .len = json_string_length(value)};
}

static bool is_wide(const json_t *value)
{
        return json_string_length(value) > 0 && json_string_value(value)[0] == '\0';
}

struct slice json_text(const json_t *value)
{
        return json_is_string(value) && !is_wide(value) ? string_of(value) : (struct slice){0};
}

struct slice json_wide(const json_t *value)
{
        if (!json_is_string(value) || !is_wide(value))
                return (struct slice){0};
        struct slice marked = string_of(value);
        return (struct slice){.data = marked.data + 1, .len = marked.len - 1};
}

bool json_number(const json_t *value, double *number)
{
        struct slice wide = json_wide(value);
        *number = wide.len ? strtod(wide.data, NULL) : json_number_value(value);
        return wide.len || json_is_number(value);
}

bool json_real_number(const json_t *value, double *number)
{
        struct slice wide = json_wide(value);
        bool real = json_is_real(value) || (wide.len && strpbrk(wide.data, ".eE"));
        return real && json_number(value, number) && isfinite(*number);
}

/* Digits, perhaps a point and zeros: read exactly. What has an exponent is read as a double. */
static bool wide_whole(struct slice wide, int64_t *whole)
{
        const double exact_max = 9007199254740992.0; /* 2^53 */
        size_t digits = strspn(wide.data, "-0123456789");
        size_t zeros = digits + (wide.data[digits] == '.');
        zeros += strspn(wide.data + zeros, "0");
        if (zeros == wide.len) {
                struct slice integer = {.data = wide.data, .len = digits};
                *whole = 0;
                return json_number_read(integer, whole) == NUMBER_INT64 || slice_is(integer, "-0");
        }
        if (!memchr(wide.data, 'e', wide.len) && !memchr(wide.data, 'E', wide.len))
                return false;
        double number = strtod(wide.data, NULL);
        if (number != floor(number) || fabs(number) > exact_max)
                return false;
        *whole = (int64_t)number;
        return true;
}

bool json_whole(const json_t *value, int64_t *whole)
{
        struct slice wide = json_wide(value);
        if (wide.len)
                return wide_whole(wide, whole);
        *whole = json_integer_value(value);
        return json_is_integer(value);
}

const char *json_kind(const json_t *value)
{
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return "an object";
        case JSON_ARRAY:
                return "a list";
        case JSON_STRING:
                return is_wide(value) ? "a number" : "a string";
        case JSON_INTEGER:
        case JSON_REAL:
                return "a number";
        case JSON_TRUE:
                return "true";
        case JSON_FALSE:
                return "false";
        case JSON_NULL:
                break;
        }
        return "null";
}

static size_t json_digits_at(struct slice text, size_t at)
{
        size_t end = at;
        while (end < text.len && text.data[end] >= '0' && text.data[end] <= '9')
                end++;
        return end - at;
}

bool json_number_is(struct slice text)
{
        size_t at = text.len > 0 && text.data[0] == '-' ? 1 : 0;
        size_t whole = json_digits_at(text, at);
        if (whole == 0 || (whole > 1 && text.data[at] == '0'))
                return false;
        at += whole;
        if (at == text.len)
                return true;
        size_t fraction = text.data[at] == '.' ? json_digits_at(text, at + 1) : 0;
        return fraction > 0 && at + 1 + fraction == text.len;
}
