#include "core/json_build.h"
#include "core/buffer.h"

#include <stdlib.h>

/* Fits into an int64_t whatever the digits are. */
#define DIGITS_MAX 18

struct builder {
        const char *at, *end;
        struct buffer unescaped; /* of the string at hand */
};

static json_t *value_build(struct builder *builder);

static void skip_space(struct builder *builder)
{
        while (builder->at < builder->end &&
               (*builder->at == ' ' || *builder->at == '\n' || *builder->at == '\r' || *builder->at == '\t'))
                builder->at++;
}

/* Takes white space and then the byte `c`; false, and only the space is taken, if something else follows. */
static bool take(struct builder *builder, char c)
{
        skip_space(builder);
        if (builder->at == builder->end || *builder->at != c)
                return false;
        builder->at++;
        return true;
}

static json_t *must(json_t *value)
{
        if (!value)
                abort(); /* out of memory */
        return value;
}

/* The bytes up to the closing quote or the first backslash; `at` is left there. */
static struct slice run_take(struct builder *builder)
{
        const char *start = builder->at;
        while (builder->at < builder->end && *builder->at != '"' && *builder->at != '\\')
                builder->at++;
        return (struct slice){.data = start, .len = (size_t)(builder->at - start)};
}

/* RFC 8259 section 7, but not \u; NUL: none of those. */
static char escape_of(char c)
{
        switch (c) {
        case '"':
        case '\\':
        case '/':
                return c;
        case 'b':
                return '\b';
        case 'f':
                return '\f';
        case 'n':
                return '\n';
        case 'r':
                return '\r';
        case 't':
                return '\t';
        default:
                return '\0';
        }
}

/* Behind the opening quote; the text lives until the next string is taken. */
static bool string_take(struct builder *builder, struct slice *text)
{
        *text = run_take(builder);
        if (builder->at < builder->end && *builder->at == '\\')
                buffer_clear(&builder->unescaped);
        bool escaped = false;
        while (builder->at < builder->end && *builder->at == '\\') {
                char c = builder->end - builder->at > 1 ? escape_of(builder->at[1]) : '\0';
                if (c == '\0')
                        return false;
                if (!escaped)
                        buffer_add_slice(&builder->unescaped, *text);
                escaped = true;
                buffer_add_char(&builder->unescaped, c);
                builder->at += 2;
                buffer_add_slice(&builder->unescaped, run_take(builder));
        }
        if (escaped)
                *text = (struct slice){.data = builder->unescaped.data, .len = builder->unescaped.len};
        return builder->at < builder->end && *builder->at++ == '"';
}

static bool member_build(struct builder *builder, json_t *object)
{
        struct slice text;
        char key[128];
        if (!take(builder, '"') || !string_take(builder, &text) || text.len >= sizeof(key))
                return false;
        memcpy(key, text.data, text.len);
        key[text.len] = '\0';
        if (!take(builder, ':') || json_object_get(object, key))
                return false;
        json_t *value = value_build(builder);
        if (value && json_object_set_new_nocheck(object, key, value) != 0)
                abort();
        return value;
}

static json_t *object_build(struct builder *builder)
{
        json_t *object = must(json_object());
        if (take(builder, '}'))
                return object;
        do {
                if (!member_build(builder, object)) {
                        json_decref(object);
                        return NULL;
                }
        } while (take(builder, ','));
        if (take(builder, '}'))
                return object;
        json_decref(object);
        return NULL;
}

static json_t *array_build(struct builder *builder)
{
        json_t *array = must(json_array());
        if (take(builder, ']'))
                return array;
        do {
                json_t *value = value_build(builder);
                if (!value) {
                        json_decref(array);
                        return NULL;
                }
                if (json_array_append_new(array, value) != 0)
                        abort();
        } while (take(builder, ','));
        if (take(builder, ']'))
                return array;
        json_decref(array);
        return NULL;
}

static bool is_over(const struct builder *builder)
{
        return builder->at == builder->end || memchr(" \n\r\t,]}", *builder->at, 7);
}

static json_t *integer_build(struct builder *builder)
{
        bool negative = *builder->at == '-';
        builder->at += negative;
        const char *start = builder->at;
        json_int_t value = 0;
        while (builder->at < builder->end && *builder->at >= '0' && *builder->at <= '9' &&
               builder->at - start < DIGITS_MAX)
                value = value * 10 + (*builder->at++ - '0');
        bool led_by_zero = builder->at - start > 1 && *start == '0';
        if (builder->at == start || led_by_zero || !is_over(builder))
                return NULL;
        return must(json_integer(negative ? -value : value));
}

static json_t *word_build(struct builder *builder)
{
        static const char *const words[] = {"true", "false", "null"};
        for (size_t i = 0; i < 3; i++) {
                size_t len = strlen(words[i]);
                if ((size_t)(builder->end - builder->at) < len || memcmp(builder->at, words[i], len) != 0)
                        continue;
                builder->at += len;
                if (!is_over(builder))
                        return NULL;
                return i == 0 ? json_true() : i == 1 ? json_false() : json_null();
        }
        return NULL;
}

static json_t *value_build(struct builder *builder)
{
        struct slice text;
        skip_space(builder);
        if (builder->at == builder->end)
                return NULL;
        switch (*builder->at) {
        case '{':
                builder->at++;
                return object_build(builder);
        case '[':
                builder->at++;
                return array_build(builder);
        case '"':
                builder->at++;
                return string_take(builder, &text) ? must(json_stringn_nocheck(text.data, text.len)) : NULL;
        case 't':
        case 'f':
        case 'n':
                return word_build(builder);
        default:
                return integer_build(builder);
        }
}

json_t *json_build(struct slice text)
{
        struct builder builder = {.at = text.data, .end = text.data + text.len};
        json_t *value = value_build(&builder);
        skip_space(&builder);
        buffer_fini(&builder.unescaped);
        if (!value || builder.at == builder.end)
                return value;
        json_decref(value);
        return NULL;
}
