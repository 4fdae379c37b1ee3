#include "core/codec/json.h"
#include "core/codec/json_wide.h"
#include "core/memory/memory.h"
#include "core/text/utf8.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A pass over the text that checks what jansson does not bound or does not explain. Grammar is left to
 * jansson. */
struct scan {
        const char *start, *at, *end;
        size_t depth, values;
        const char *cause; /* NULL as long as all is well */

        /* The text up to `copied` with its wide numbers marked; empty as long as there is none. */
        struct buffer marked;
        const char *copied;
};

static bool scan_fail(struct scan *scan, const char *cause)
{
        scan->cause = cause;
        return false;
}

/* The line and column of a byte, from 1; columns count characters. */
static void write_error(char *error, struct slice text, size_t offset, const char *cause)
{
        size_t line = 1, column = 1;
        for (size_t i = 0; i < offset && i < text.len; i++) {
                bool inside = ((unsigned char)text.data[i] & 0xc0) == 0x80;
                if (text.data[i] == '\n') {
                        line++;
                        column = 1;
                } else if (!inside) {
                        column++;
                }
        }
        snprintf(error, JSON_CAUSE_MAX, "line %zu, column %zu: %s", line, column, cause);
}

static int json_hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The code unit of the \uXXXX at `at`, or -1 if there is none. */
static int32_t unicode_escape(const char *at, const char *end)
{
        if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
                return -1;
        int32_t unit = 0;
        for (int i = 2; i < 6; i++) {
                int digit = json_hex_digit(at[i]);
                if (digit < 0)
                        return -1;
                unit = unit * 16 + digit;
        }
        return unit;
}

/* At a backslash inside a string. */
static bool scan_escape(struct scan *scan)
{
        if (scan->end - scan->at < 2)
                return scan_fail(scan, "ends inside a string");
        if (scan->at[1] != 'u') {
                scan->at += 2;
                return true;
        }
        int32_t unit = unicode_escape(scan->at, scan->end);
        if (unit < 0)
                return scan_fail(scan, "expected four hexadecimal digits after \\u");
        if (unit == 0)
                return scan_fail(scan, "the character U+0000 is not allowed");
        if (unit >= 0xd800 && unit <= 0xdfff) {
                int32_t low = unicode_escape(scan->at + 6, scan->end);
                if (unit >= 0xdc00 || low < 0xdc00 || low > 0xdfff)
                        return scan_fail(scan, "half of a surrogate pair");
                scan->at += 6;
        }
        scan->at += 6;
        return true;
}

static bool scan_wide(struct scan *scan)
{
        size_t width = utf8_width(scan->at, (size_t)(scan->end - scan->at));
        if (width == 0)
                return scan_fail(scan, "not UTF-8");
        scan->at += width;
        return true;
}

static void scan_plain(struct scan *scan)
{
        scan->at += utf8_plain_run(scan->at, (size_t)(scan->end - scan->at));
}

/* At the opening quote. */
static bool scan_string(struct scan *scan)
{
        scan->at++;
        scan_plain(scan);
        while (scan->at < scan->end) {
                unsigned char c = (unsigned char)*scan->at;
                if (c == '"') {
                        scan->at++;
                        return true;
                }
                if (c < 0x20)
                        return scan_fail(scan, "control character inside a string");
                if (c != '\\' && c < 0x80) {
                        scan->at++;
                        continue;
                }
                if (c == '\\' ? !scan_escape(scan) : !scan_wide(scan))
                        return false;
                scan_plain(scan);
        }
        return scan_fail(scan, "ends inside a string");
}

static bool is_scalar_byte(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '+' || c == '.' || c == '_';
}

static void mark_if_wide(struct scan *scan, const char *token)
{
        struct slice text = {.data = token, .len = (size_t)(scan->at - token)};
        if (!json_wide_is(text))
                return;
        buffer_add(&scan->marked, scan->copied, (size_t)(token - scan->copied));
        json_wide_mark(&scan->marked, text);
        scan->copied = scan->at;
}

/* A number or a word; anything else that is not white space is a syntax error. */
static bool scan_scalar(struct scan *scan)
{
        const char *token = scan->at;
        if (*scan->at == '\0')
                return scan_fail(scan, "NUL byte");
        if (utf8_width(scan->at, (size_t)(scan->end - scan->at)) == 0)
                return scan_fail(scan, "not UTF-8");
        if (!is_scalar_byte(*scan->at))
                return scan_fail(scan, "expected a JSON value");
        while (scan->at < scan->end && is_scalar_byte(*scan->at))
                scan->at++;
        mark_if_wide(scan, token);
        return true;
}

static bool scan_open(struct scan *scan)
{
        if (++scan->depth > JSON_NESTING_MAX)
                return scan_fail(scan, "nested deeper than 64");
        scan->at++;
        return true;
}

static bool scan_token(struct scan *scan)
{
        switch (*scan->at) {
        case ' ':
        case '\t':
        case '\n':
        case '\r':
        case ',':
        case ':':
                scan->at++;
                return true;
        case '}':
        case ']':
                scan->depth -= scan->depth > 0;
                scan->at++;
                return true;
        }
        if (++scan->values > JSON_VALUES_MAX)
                return scan_fail(scan, "more than 20000 values and keys");
        switch (*scan->at) {
        case '{':
        case '[':
                return scan_open(scan);
        case '"':
                return scan_string(scan);
        }
        return scan_scalar(scan);
}

static bool scan_text(struct scan *scan)
{
        size_t len = (size_t)(scan->end - scan->start);
        if (utf8_mark_len(scan->start, len))
                return scan_fail(scan, "starts with a byte order mark");
        while (scan->at < scan->end)
                if (!scan_token(scan))
                        return false;
        return scan->values > 0 || scan_fail(scan, "empty");
}

/* jansson's own text quotes the input ("near 'secret'"), so only its code is used. */
static const char *cause_of(enum json_error_code code)
{
        switch (code) {
        case json_error_out_of_memory:
                memory_out();
        case json_error_premature_end_of_input:
                return "ends too early";
        case json_error_end_of_input_expected:
                return "expected nothing after the value";
        case json_error_duplicate_key:
                return "duplicate key";
        case json_error_numeric_overflow:
                return "number out of range";
        case json_error_invalid_utf8:
                return "not UTF-8";
        case json_error_null_character: /* of scan_escape; here only a wide number as a key has one */
        case json_error_null_byte_in_key:
        case json_error_unknown:
        case json_error_stack_overflow:
        case json_error_cannot_open_file:
        case json_error_invalid_argument:
        case json_error_invalid_syntax:
        case json_error_invalid_format:
        case json_error_wrong_type:
        case json_error_null_value:
        case json_error_item_not_found:
        case json_error_index_out_of_range:
                break;
        }
        return "not JSON";
}

void json_use_memory(void)
{
        json_set_alloc_funcs(memory_raw, free);
}

/* What scan_text has passed. The strings that stand for wide numbers are the only ones with U+0000. */
static json_t *load(struct scan *scan, struct slice text, char error[JSON_CAUSE_MAX])
{
        struct slice loaded = text;
        size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
        if (scan->marked.len) {
                buffer_add(&scan->marked, scan->copied, (size_t)(scan->end - scan->copied));
                loaded = (struct slice){.data = scan->marked.data, .len = scan->marked.len};
                flags |= JSON_ALLOW_NUL;
        }
        json_error_t refused;
        json_t *value = json_loadb(loaded.data, loaded.len, flags, &refused);
        if (!value) {
                size_t position = (size_t)refused.position;
                position -= scan->marked.len ? json_wide_growth(loaded, position) : 0;
                write_error(error, text, position, cause_of(json_error_code(&refused)));
        }
        return value;
}

json_t *json_parse(struct slice text, char error[JSON_CAUSE_MAX])
{
        struct scan scan = {
                .start = text.data, .at = text.data, .copied = text.data, .end = text.data + text.len};
        json_t *value = NULL;
        error[0] = '\0';
        if (text.len == 0)
                snprintf(error, JSON_CAUSE_MAX, "empty");
        else if (!scan_text(&scan))
                write_error(error, text, (size_t)(scan.at - scan.start), scan.cause);
        else
                value = load(&scan, text, error);
        buffer_fini(&scan.marked);
        return value;
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
                *whole = strtoll(wide.data, NULL, 10);
                bool fits = !json_wide_is((struct slice){.data = wide.data, .len = digits});
                return fits || *whole == 0; /* -0 */
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
