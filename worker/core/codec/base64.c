#include "core/codec/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buffer *out, const void *data, size_t len)
{
        const unsigned char *from = data;
        char *to = buffer_reserve(out, (len + 2) / 3 * 4);
        for (; len >= 3; from += 3, len -= 3) {
                *to++ = alphabet[from[0] >> 2];
                *to++ = alphabet[(from[0] & 3) << 4 | from[1] >> 4];
                *to++ = alphabet[(from[1] & 15) << 2 | from[2] >> 6];
                *to++ = alphabet[from[2] & 63];
        }
        if (len) {
                unsigned second = len > 1 ? from[1] : 0;
                *to++ = alphabet[from[0] >> 2];
                *to++ = alphabet[(from[0] & 3) << 4 | second >> 4];
                *to++ = len > 1 ? alphabet[(second & 15) << 2] : '=';
                *to++ = '=';
        }
        *to = '\0';
        out->len = (size_t)(to - out->data);
}

/* 0 to 63, or -1. */
static int base64_value_of(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        if (c == '+')
                return 62;
        return c == '/' ? 63 : -1;
}

/* Four characters, of which the last `padding` are =; false unless they are what an encoder writes. */
static bool group_decode(const char *text, size_t padding, char *out)
{
        uint32_t bits = 0;
        for (size_t i = 0; i < 4; i++) {
                int value = i < 4 - padding ? base64_value_of(text[i]) : 0;
                if (value < 0)
                        return false;
                bits = bits << 6 | (uint32_t)value;
        }
        for (size_t i = 0; i < 3 - padding; i++)
                out[i] = (char)(bits >> (16 - 8 * i));
        return (bits & ((1u << (8 * padding)) - 1)) == 0;
}

bool base64_decode(struct slice text, char *out, size_t *len)
{
        *len = 0;
        if (text.len % 4 != 0)
                return false;
        for (size_t at = 0; at < text.len; at += 4) {
                bool last = at + 4 == text.len;
                size_t padding = last ? (size_t)((text.data[at + 3] == '=') +
                                                 (text.data[at + 2] == '=' && text.data[at + 3] == '='))
                                      : 0;
                if (!group_decode(text.data + at, padding, out + *len))
                        return false;
                *len += 3 - padding;
        }
        return true;
}

bool base64_unpack(struct arena *arena, struct slice text, struct slice *bytes)
{
        char *to = arena_alloc(arena, text.len / 4 * 3 + 1);
        bytes->data = to;
        return base64_decode(text, to, &bytes->len);
}
