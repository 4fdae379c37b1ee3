#include "core/codec/percent.h"

static int percent_hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        char lower = (char)(c | 0x20);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that "%2F" at `at` stands for; -1: it is broken. */
static int escaped_byte(struct slice text, size_t at)
{
        if (at + 2 >= text.len)
                return -1;
        int high = percent_hex_digit(text.data[at + 1]), low = percent_hex_digit(text.data[at + 2]);
        return high < 0 || low < 0 ? -1 : high << 4 | low;
}

const char *percent_decode(struct arena *arena, struct slice text, bool form)
{
        char *decoded = arena_alloc(arena, text.len + 1);
        size_t len = 0;
        for (size_t at = 0; at < text.len; at++) {
                bool escape = text.data[at] == '%';
                int byte = escape ? escaped_byte(text, at) : (unsigned char)text.data[at];
                if (byte < 0x20 || byte == 0x7f)
                        return NULL;
                decoded[len++] = form && text.data[at] == '+' ? ' ' : (char)byte;
                at += escape ? 2 : 0;
        }
        decoded[len] = '\0';
        return decoded;
}
