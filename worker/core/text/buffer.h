#ifndef LEVERET_CORE_BUFFER_H
#define LEVERET_CORE_BUFFER_H

#include "core/memory/slice.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* A growing run of bytes, always NUL-terminated after the last one. Out of memory aborts. */
struct buffer {
        char *data; /* NULL until something was added */
        size_t len, capacity;
};

/* Frees the memory. `{0}` is a valid empty buffer, and so is a freed one. */
void buffer_fini(struct buffer *buffer);
/* Empties it and keeps the memory. */
void buffer_clear(struct buffer *buffer);
/* Empties it and frees memory beyond `keep` bytes. */
void buffer_recycle(struct buffer *buffer, size_t keep);
/* Enlarges the memory for `extra` more bytes plus the NUL; returns where they go. */
char *buffer_grow(struct buffer *buffer, size_t extra);
/* Room for `extra` more bytes plus the NUL; returns where they go. The caller then raises `len`. Inline:
 * nearly always there is room. */
static inline char *buffer_reserve(struct buffer *buffer, size_t extra)
{
        return buffer->capacity - buffer->len > extra ? buffer->data + buffer->len
                                                      : buffer_grow(buffer, extra);
}
/* Add to the end: bytes (NULL is fine for none), a C string, a slice, a character, a decimal integer, and as
 * by printf. The data may not lie in the buffer itself. */
void buffer_add(struct buffer *buffer, const void *data, size_t len);
static inline void buffer_add_text(struct buffer *buffer, const char *text)
{
        buffer_add(buffer, text, strlen(text));
}
static inline void buffer_add_slice(struct buffer *buffer, struct slice slice)
{
        buffer_add(buffer, slice.data, slice.len);
}
static inline void buffer_add_char(struct buffer *buffer, char c)
{
        char *to = buffer_reserve(buffer, 1);
        to[0] = c;
        to[1] = '\0';
        buffer->len++;
}
void buffer_add_integer(struct buffer *buffer, int64_t value);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
        __attribute__((format(printf, 2, 0)));
/* Adds a JSON string with its quotes (RFC 8259 section 7). Bytes that are not UTF-8 become U+FFFD. */
void buffer_add_json_string(struct buffer *buffer, struct slice text);

#endif
