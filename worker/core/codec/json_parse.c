#include "core/codec/json.h"
#include "core/codec/json_wide.h"
#include "core/text/utf8.h"

#include <stdint.h>
#include <stdio.h>

/*
 * One pass over the text that makes jansson's values. jansson's own parser takes a text byte by byte through
 * four functions, which was a quarter of a message's instructions; it has no bounds, and changes numbers.
 */
struct parse {
        const char *at, *end;
        size_t depth, values;
        const char *cause;  /* NULL as long as all is well; `at` is the place */
        struct buffer text; /* of the last string that had escapes, and of the last wide number */
};

static bool parse_fail(struct parse *parse, const char *cause)
{
        parse->cause = cause;
        return false;
}

/* Something else stands here, or nothing. */
static bool parse_fail_expected(struct parse *parse, const char *expected)
{
        size_t left = (size_t)(parse->end - parse->at);
        if (left == 0)
                return parse_fail(parse, "ends too early");
        if (*parse->at == '\0')
                return parse_fail(parse, "NUL byte");
        return parse_fail(parse, utf8_width(parse->at, left) ? expected : "not UTF-8");
}

/* RFC 8259 section 2. */
static void parse_space(struct parse *parse)
{
        while (parse->at < parse->end &&
               (*parse->at == ' ' || *parse->at == '\n' || *parse->at == '\r' || *parse->at == '\t'))
                parse->at++;
}

static bool parse_count(struct parse *parse)
{
        return ++parse->values <= JSON_VALUES_MAX || parse_fail(parse, "more than 20000 values and keys");
}

/* ---- strings, RFC 8259 section 7 ---- */

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

/* At \u: one code unit, or the two of a surrogate pair. */
static bool parse_unicode(struct parse *parse)
{
        int32_t unit = unicode_escape(parse->at, parse->end);
        if (unit < 0)
                return parse_fail(parse, "expected four hexadecimal digits after \\u");
        if (unit == 0)
                return parse_fail(parse, "the character U+0000 is not allowed");
        uint32_t point = (uint32_t)unit;
        if (unit >= 0xd800 && unit <= 0xdfff) {
                int32_t low = unicode_escape(parse->at + 6, parse->end);
                if (unit >= 0xdc00 || low < 0xdc00 || low > 0xdfff)
                        return parse_fail(parse, "half of a surrogate pair");
                point = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
                parse->at += 6;
        }
        parse->at += 6;
        char bytes[UTF8_WIDTH_MAX];
        buffer_add(&parse->text, bytes, utf8_write(bytes, point));
        return true;
}

/* At a backslash. */
static bool parse_escape(struct parse *parse)
{
        static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        if (parse->end - parse->at < 2)
                return parse_fail(parse, "ends inside a string");
        if (parse->at[1] == 'u')
                return parse_unicode(parse);
        const char *name = memchr(names, parse->at[1], sizeof(names) - 1);
        if (!name)
                return parse_fail(parse, "not JSON: unknown escape in a string");
        buffer_add_char(&parse->text, meant[name - names]);
        parse->at += 2;
        return true;
}

/* At a character that is neither a quote nor a backslash: passes it, and with it all that follows and is
 * plain. */
static bool parse_characters(struct parse *parse)
{
        size_t width = utf8_width(parse->at, (size_t)(parse->end - parse->at));
        if (width == 0)
                return parse_fail(parse, "not UTF-8");
        if ((unsigned char)*parse->at < 0x20)
                return parse_fail(parse, "control character inside a string");
        parse->at += width;
        if (width > 1)
                parse->at += utf8_plain_run(parse->at, (size_t)(parse->end - parse->at));
        return true;
}

/* At the opening quote. The text is a piece of the input if it has no escapes; otherwise it stands in
 * parse->text, until the next string. */
static bool parse_string(struct parse *parse, struct slice *text)
{
        const char *from = ++parse->at;
        parse->text.len = 0;
        parse->at += utf8_plain_run(parse->at, (size_t)(parse->end - parse->at));
        while (parse->at < parse->end && *parse->at != '"') {
                if (*parse->at != '\\') {
                        if (!parse_characters(parse))
                                return false;
                        continue;
                }
                buffer_add(&parse->text, from, (size_t)(parse->at - from));
                if (!parse_escape(parse))
                        return false;
                from = parse->at;
                parse->at += utf8_plain_run(parse->at, (size_t)(parse->end - parse->at));
        }
        if (parse->at == parse->end)
                return parse_fail(parse, "ends inside a string");
        *text = (struct slice){.data = from, .len = (size_t)(parse->at++ - from)};
        if (parse->text.len == 0)
                return true;
        buffer_add_slice(&parse->text, *text);
        *text = (struct slice){.data = parse->text.data, .len = parse->text.len};
        return true;
}

/* ---- numbers and words ---- */

static bool is_scalar_byte(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '+' || c == '.' || c == '_';
}

static json_t *number_or_word(struct parse *parse, struct slice token)
{
        int64_t number;
        switch (json_number_read(token, &number)) {
        case NUMBER_INT64:
                return json_integer(number);
        case NUMBER_WIDE:
                parse->text.len = 0;
                buffer_add_char(&parse->text, JSON_WIDE_MARK);
                buffer_add_slice(&parse->text, token);
                return json_stringn_nocheck(parse->text.data, parse->text.len);
        case NUMBER_NONE:
                break;
        }
        if (slice_is(token, "true") || slice_is(token, "false"))
                return json_boolean(token.len == 4);
        return slice_is(token, "null") ? json_null() : NULL;
}

/* A token that is no value, from `parse->at` to `end`: of bytes that are no text, that is what is worth
 * saying. */
static bool parse_fail_token(struct parse *parse, const char *end)
{
        bool text = end == parse->end || utf8_width(end, (size_t)(parse->end - end)) > 0;
        if (text && end > parse->at)
                return parse_fail(parse, "not JSON: neither a number nor true, false or null");
        parse->at = end;
        return parse_fail_expected(parse, "expected a JSON value");
}

static json_t *parse_scalar(struct parse *parse)
{
        const char *end = parse->at;
        while (end < parse->end && is_scalar_byte(*end))
                end++;
        struct slice token = {.data = parse->at, .len = (size_t)(end - parse->at)};
        json_t *value = number_or_word(parse, token);
        if (value)
                parse->at = end;
        else
                parse_fail_token(parse, end);
        return value;
}

/* ---- objects and lists ---- */

static json_t *parse_value(struct parse *parse);

static bool parse_open(struct parse *parse)
{
        if (parse->depth == JSON_NESTING_MAX)
                return parse_fail(parse, "nested deeper than 64");
        parse->depth++;
        parse->at++;
        return true;
}

/* Before a member or an element: false at the end, which is passed, and if something else stands there. */
static bool parse_goes_on(struct parse *parse, char close, bool first)
{
        parse_space(parse);
        if (parse->at < parse->end && *parse->at == close) {
                parse->at++;
                parse->depth--;
                return false;
        }
        if (first)
                return true;
        if (parse->at == parse->end || *parse->at != ',')
                return parse_fail_expected(parse, close == '}' ? "not JSON: expected a comma or }"
                                                               : "not JSON: expected a comma or ]");
        parse->at++;
        return true;
}

/* A key and its colon. */
static bool parse_key(struct parse *parse, struct slice *key)
{
        parse_space(parse);
        if (parse->at == parse->end || *parse->at != '"')
                return parse_fail_expected(parse, "not JSON: expected a key in double quotes");
        return parse_count(parse) && parse_string(parse, key);
}

static bool parse_colon(struct parse *parse)
{
        parse_space(parse);
        if (parse->at == parse->end || *parse->at != ':')
                return parse_fail_expected(parse, "not JSON: expected a colon after the key");
        parse->at++;
        return true;
}

/* The object owns the value. A key that was there makes it no larger: one look in place of two. */
static bool member_take(json_t *object, struct slice key, json_t *value)
{
        size_t members = json_object_size(object);
        json_object_setn_new_nocheck(object, key.data, key.len, value);
        return json_object_size(object) > members;
}

static bool parse_member(struct parse *parse, json_t *object)
{
        struct slice key;
        if (!parse_key(parse, &key))
                return false;
        const char *after = parse->at;
        struct buffer held = {0}; /* the key, if it is not a piece of the input */
        if (key.data == parse->text.data) {
                held = parse->text;
                parse->text = (struct buffer){0};
        }
        json_t *value = parse_colon(parse) ? parse_value(parse) : NULL;
        if (value && !member_take(object, key, value)) {
                parse->at = after;
                parse_fail(parse, "duplicate key");
        }
        buffer_fini(&held);
        return !parse->cause;
}

static json_t *parse_object(struct parse *parse)
{
        if (!parse_open(parse))
                return NULL;
        json_t *object = json_object();
        for (bool first = true; parse_goes_on(parse, '}', first) && parse_member(parse, object);)
                first = false;
        if (!parse->cause)
                return object;
        json_decref(object);
        return NULL;
}

static json_t *parse_list(struct parse *parse)
{
        if (!parse_open(parse))
                return NULL;
        json_t *list = json_array(), *value;
        for (bool first = true; parse_goes_on(parse, ']', first) && (value = parse_value(parse));
             first = false)
                json_array_append_new(list, value);
        if (!parse->cause)
                return list;
        json_decref(list);
        return NULL;
}

/* NULL with a cause if it is none. */
static json_t *parse_value(struct parse *parse)
{
        struct slice text;
        parse_space(parse);
        if (!parse_count(parse))
                return NULL;
        switch (parse->at < parse->end ? *parse->at : '\0') {
        case '{':
                return parse_object(parse);
        case '[':
                return parse_list(parse);
        case '"':
                return parse_string(parse, &text) ? json_stringn_nocheck(text.data, text.len) : NULL;
        }
        return parse_scalar(parse);
}

/* ---- the whole text ---- */

static json_t *parse_text(struct parse *parse)
{
        parse_space(parse);
        if (parse->at == parse->end) {
                parse_fail(parse, "empty");
                return NULL;
        }
        json_t *value = parse_value(parse);
        if (!value)
                return NULL;
        parse_space(parse);
        if (parse->at == parse->end)
                return value;
        parse_fail_expected(parse, "expected nothing after the value");
        json_decref(value);
        return NULL;
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

json_t *json_parse(struct slice text, char error[JSON_CAUSE_MAX])
{
        struct parse parse = {.at = text.data, .end = text.data + text.len};
        json_t *value = NULL;
        error[0] = '\0';
        if (utf8_mark_len(text.data, text.len))
                parse_fail(&parse, "starts with a byte order mark");
        else
                value = parse_text(&parse);
        if (text.len == 0)
                snprintf(error, JSON_CAUSE_MAX, "empty");
        else if (!value)
                write_error(error, text, (size_t)(parse.at - text.data), parse.cause);
        buffer_fini(&parse.text);
        return value;
}
