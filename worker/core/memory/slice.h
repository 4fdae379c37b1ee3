#ifndef LEVERET_CORE_SLICE_H
#define LEVERET_CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes that somebody else owns; not NUL-terminated, may hold NUL. An absent value has data NULL. */
struct slice {
        const char *data;
        size_t len;
};

#define SLICE_LITERAL(text) ((struct slice){.data = (text), .len = sizeof(text) - 1})
/* For printf: "%.*s", SLICE_PRINT(s). */
#define SLICE_PRINT(s) (int)(s).len, ((s).data ? (s).data : "")

static inline struct slice slice_of(const char *text)
{
        return (struct slice){.data = text, .len = text ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
        return slice_equal(a, slice_of(text));
}

static inline bool slice_begins(struct slice a, const char *prefix)
{
        size_t len = strlen(prefix);
        return a.len >= len && memcmp(a.data, prefix, len) == 0;
}

/* Without the bytes of `blanks` at its beginning and at its end. */
static inline struct slice slice_trimmed(struct slice text, const char *blanks)
{
        size_t count = strlen(blanks);
        while (text.len > 0 && memchr(blanks, text.data[0], count))
                text = (struct slice){.data = text.data + 1, .len = text.len - 1};
        while (text.len > 0 && memchr(blanks, text.data[text.len - 1], count))
                text.len--;
        return text;
}

#endif
