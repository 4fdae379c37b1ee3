#include "core/text/buffer.h"
#include "core/memory/memory.h"
#include "core/text/utf8.h"

#include <stdio.h>
#include <stdlib.h>

void buffer_fini(struct buffer *buffer)
{
        free(buffer->data);
        *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
        buffer->len = 0;
        if (buffer->data)
                buffer->data[0] = '\0';
}

void buffer_recycle(struct buffer *buffer, size_t keep)
{
        if (buffer->capacity > keep)
                buffer_fini(buffer);
        else
                buffer_clear(buffer);
}

char *buffer_grow(struct buffer *buffer, size_t extra)
{
        size_t need = buffer->len + extra + 1;
        if (need < extra)
                abort();
        size_t capacity = buffer->capacity ? buffer->capacity : 256;
        while (capacity < need)
                capacity *= 2;
        buffer->data = memory_resized(buffer->data, capacity);
        buffer->capacity = capacity;
        return buffer->data + buffer->len;
}

void buffer_add(struct buffer *buffer, const void *data, size_t len)
{
        char *to = buffer_reserve(buffer, len);
        if (len)
                memcpy(to, data, len);
        to[len] = '\0';
        buffer->len += len;
}

void buffer_add_integer(struct buffer *buffer, int64_t value)
{
        char digits[20], *at = digits + sizeof(digits);
        uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
        do
                *--at = (char)('0' + left % 10);
        while (left /= 10);
        if (value < 0)
                buffer_add_char(buffer, '-');
        buffer_add(buffer, at, (size_t)(digits + sizeof(digits) - at));
}

void buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
{
        va_list again;
        va_copy(again, args);
        int len = vsnprintf(NULL, 0, format, again);
        va_end(again);
        if (len < 0)
                abort();
        vsnprintf(buffer_reserve(buffer, (size_t)len), (size_t)len + 1, format, args);
        buffer->len += (size_t)len;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        buffer_vprintf(buffer, format, args);
        va_end(args);
}

static void add_escaped(struct buffer *buffer, unsigned char c)
{
        switch (c) {
        case '"':
                buffer_add(buffer, "\\\"", 2);
                return;
        case '\\':
                buffer_add(buffer, "\\\\", 2);
                return;
        case '\n':
                buffer_add(buffer, "\\n", 2);
                return;
        case '\r':
                buffer_add(buffer, "\\r", 2);
                return;
        case '\t':
                buffer_add(buffer, "\\t", 2);
                return;
        default:
                buffer_printf(buffer, "\\u%04x", c);
                return;
        }
}

void buffer_add_json_string(struct buffer *buffer, struct slice text)
{
        buffer_add_char(buffer, '"');
        size_t plain = 0, at = utf8_plain_run(text.data, text.len);
        while (at < text.len) {
                unsigned char c = (unsigned char)text.data[at];
                if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
                        at++;
                        continue;
                }
                size_t width = c < 0x80 ? 1 : utf8_width(text.data + at, text.len - at);
                bool escape = width == 0 || c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
                if (!escape) {
                        at += width;
                        at += utf8_plain_run(text.data + at, text.len - at);
                        continue;
                }
                buffer_add(buffer, text.data + plain, at - plain);
                if (width == 0)
                        buffer_add_text(buffer, "\xef\xbf\xbd");
                else
                        add_escaped(buffer, c);
                plain = ++at;
                at += utf8_plain_run(text.data + at, text.len - at);
        }
        buffer_add(buffer, text.data ? text.data + plain : NULL, at - plain);
        buffer_add_char(buffer, '"');
}
