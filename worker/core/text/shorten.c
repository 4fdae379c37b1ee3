#include "core/text/shorten.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static const char gap[] = " .. ";

static bool is_inside(const char *at)
{
        return ((unsigned char)*at & 0xc0) == 0x80; /* a byte of a UTF-8 sequence that is not its first */
}

void text_shorten(char *out, size_t size, const char *text)
{
        const size_t gap_len = sizeof(gap) - 1;
        size_t len = strlen(text);
        assert(size >= 16);
        if (len < size) {
                memmove(out, text, len + 1);
                return;
        }
        size_t head = (size - 1 - gap_len) / 2;
        const char *tail = text + len - (size - 1 - gap_len - head);
        while (head > 0 && is_inside(text + head))
                head--;
        while (is_inside(tail))
                tail++;
        size_t tail_len = (size_t)(text + len - tail);
        memmove(out + head + gap_len, tail, tail_len + 1);
        memmove(out, text, head);
        memcpy(out + head, gap, gap_len);
}
