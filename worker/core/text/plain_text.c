#include "core/text/plain_text.h"

#include "core/text/utf8.h"

size_t plain_text_width(const char *text, size_t len)
{
        size_t width = utf8_width(text, len);
        unsigned char first = (unsigned char)text[0];
        bool c0 = width == 1 && (first < 0x20 || first == 0x7f);
        bool c1 = width == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0;
        return c0 || c1 ? 0 : width;
}

char *plain_text(struct arena *arena, struct slice text, size_t max)
{
        size_t len = text.data ? utf8_prefix(text.data, text.len, max) : 0;
        char *copy = arena_copy(arena, text.data, len);
        for (size_t at = 0; at < len;) {
                size_t width = plain_text_width(copy + at, len - at);
                if (width == 0)
                        copy[at++] = '?';
                at += width;
        }
        return copy;
}

bool plain_text_is(struct slice text, size_t max)
{
        if (text.len > max)
                return false;
        for (size_t at = 0; at < text.len;) {
                size_t width = plain_text_width(text.data + at, text.len - at);
                if (width == 0)
                        return false;
                at += width;
        }
        return true;
}
