#include "core/text/utf8.h"

#include <string.h>

static bool continuation(unsigned char c)
{
        return (c & 0xc0) == 0x80;
}

size_t utf8_width(const char *text, size_t len)
{
        const unsigned char *t = (const unsigned char *)text;
        if (len >= 1 && t[0] < 0x80)
                return 1;
        if (len >= 2 && t[0] >= 0xc2 && t[0] <= 0xdf && continuation(t[1]))
                return 2;
        if (len >= 3 && (t[0] & 0xf0) == 0xe0 && continuation(t[1]) && continuation(t[2])) {
                bool overlong = t[0] == 0xe0 && t[1] < 0xa0;
                bool surrogate = t[0] == 0xed && t[1] >= 0xa0;
                return overlong || surrogate ? 0 : 3;
        }
        if (len >= 4 && t[0] >= 0xf0 && t[0] <= 0xf4 && continuation(t[1]) && continuation(t[2]) &&
            continuation(t[3])) {
                bool overlong = t[0] == 0xf0 && t[1] < 0x90;
                bool beyond = t[0] == 0xf4 && t[1] >= 0x90;
                return overlong || beyond ? 0 : 4;
        }
        return 0;
}

/* RFC 3629 section 3: six bits in each byte but the first. */
size_t utf8_write(char bytes[UTF8_WIDTH_MAX], uint32_t point)
{
        if (point < 0x80) {
                bytes[0] = (char)point;
                return 1;
        }
        size_t width = point < 0x800 ? 2 : 3 + (size_t)(point >= 0x10000);
        for (size_t i = width - 1; i > 0; i--, point >>= 6)
                bytes[i] = (char)(0x80 | (point & 0x3f));
        bytes[0] = (char)(0xf00 >> width | point);
        return width;
}

/* Bytes of ASCII at the start, eight at a time. */
static size_t ascii_run(const char *text, size_t len)
{
        size_t at = 0;
        uint64_t eight;
        for (; len - at >= sizeof(eight); at += sizeof(eight)) {
                memcpy(&eight, text + at, sizeof(eight));
                if (eight & 0x8080808080808080u)
                        break;
        }
        return at;
}

#define EACH(byte) ((byte) * (uint64_t)0x0101010101010101u)

/* Not 0 if one of the eight bytes is not printable ASCII, or is a quote or a backslash. A byte below the
 * highest bit borrows from the next only where it is one of these itself, so that no mark stands without a
 * cause (https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord). */
static uint64_t special_in(uint64_t eight)
{
        uint64_t control = eight - EACH(0x20), delete = eight + EACH(1);
        uint64_t quote = (eight ^ EACH('"')) - EACH(1), backslash = (eight ^ EACH('\\')) - EACH(1);
        return (eight | control | delete | quote | backslash) & EACH(0x80);
}

size_t utf8_plain_run(const char *text, size_t len)
{
        size_t at = 0;
        uint64_t eight;
        for (; len - at >= sizeof(eight); at += sizeof(eight)) {
                memcpy(&eight, text + at, sizeof(eight));
                if (special_in(eight))
                        break;
        }
        return at;
}

size_t utf8_mark_len(const char *text, size_t len)
{
        static const char mark[] = {'\xef', '\xbb', '\xbf'};
        return len >= sizeof(mark) && memcmp(text, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;
}

bool utf8_is_ascii(const char *text, size_t len)
{
        size_t at = ascii_run(text, len);
        while (at < len && (unsigned char)text[at] < 0x80)
                at++;
        return at == len;
}

bool utf8_valid(const char *text, size_t len)
{
        size_t at = ascii_run(text, len);
        while (at < len) {
                size_t width = utf8_width(text + at, len - at);
                if (width == 0)
                        return false;
                at += width;
        }
        return true;
}

/* `width` bytes at `t`, well-formed. */
static bool steers(const unsigned char *t, size_t width)
{
        if (width == 1)
                return t[0] < 0x20 || t[0] == 0x7f;
        if (width == 2)
                return t[0] == 0xc2 && t[1] < 0xa0;
        return width == 3 && t[0] == 0xe2 && t[1] == 0x80 && (t[2] == 0xa8 || t[2] == 0xa9);
}

bool utf8_one_line(const char *text, size_t len)
{
        size_t at = utf8_plain_run(text, len);
        while (at < len) {
                size_t width = utf8_width(text + at, len - at);
                if (width == 0 || steers((const unsigned char *)text + at, width))
                        return false;
                at += width;
        }
        return true;
}

size_t utf8_prefix(const char *text, size_t len, size_t max)
{
        if (len <= max)
                return len;
        size_t cut = max;
        while (cut > 0 && continuation((unsigned char)text[cut]))
                cut--;
        return cut;
}
