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
