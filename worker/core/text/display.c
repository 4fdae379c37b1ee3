#include "core/text/display.h"

#include "core/text/utf8.h"

#include <inttypes.h>

struct range {
        uint32_t first, last;
};

/* East Asian Width W and F (Unicode UAX 11), in blocks. */
static const struct range wide[] = {
        {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
        {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
        {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
        {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

/* Marks that stand on the character before them, and what is not seen at all. */
static const struct range zero[] = {
        {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},   {0x0610, 0x061a}, {0x064b, 0x065f},
        {0x0900, 0x0902}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
        {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x206f},   {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
        {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};

static const struct range hidden[] = {
        {0x061c, 0x061c}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},
};

static bool display_is_among(const struct range *ranges, size_t count, uint32_t code)
{
        for (size_t i = 0; i < count; i++)
                if (code >= ranges[i].first && code <= ranges[i].last)
                        return true;
        return false;
}

#define IS_AMONG(ranges, code) display_is_among(ranges, sizeof(ranges) / sizeof(*(ranges)), code)

bool display_is_hidden(uint32_t code)
{
        return IS_AMONG(hidden, code);
}

uint32_t display_code(const char *text, size_t width)
{
        static const unsigned char leads[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
        uint32_t code = (unsigned char)text[0] & leads[width];
        for (size_t i = 1; i < width; i++)
                code = code << 6 | ((unsigned char)text[i] & 0x3f);
        return code;
}

/* Columns of the character at `text`; its bytes go into `bytes`. */
static size_t character(struct slice text, size_t at, size_t *bytes)
{
        size_t width = utf8_width(text.data + at, text.len - at);
        *bytes = width ? width : 1;
        if (width <= 1)
                return 1;
        uint32_t code = display_code(text.data + at, width);
        if (IS_AMONG(zero, code))
                return 0;
        return IS_AMONG(wide, code) ? 2 : 1;
}

size_t display_width(struct slice text)
{
        size_t columns = 0, bytes;
        for (size_t at = 0; at < text.len; at += bytes)
                columns += character(text, at, &bytes);
        return columns;
}

/* The bytes at the start that take at most `width` columns, marks on the last character with them. */
static size_t prefix(struct slice text, size_t width)
{
        size_t at = 0, columns = 0, bytes;
        for (; at < text.len; at += bytes) {
                columns += character(text, at, &bytes);
                if (columns > width)
                        break;
        }
        return at;
}

/* Where the part begins that takes at most the last `width` columns. */
static size_t suffix(struct slice text, size_t width)
{
        size_t at = 0, left = display_width(text), bytes;
        for (; at < text.len && left > width; at += bytes)
                left -= character(text, at, &bytes);
        return at;
}

void display_shorten(struct buffer *out, struct slice text, size_t width)
{
        static const char gap[] = "..";
        enum { GAP = sizeof(gap) - 1, MIDDLE_MIN = 5 };
        if (display_width(text) <= width) {
                buffer_add_slice(out, text);
        } else if (width < MIDDLE_MIN) {
                buffer_add(out, text.data, prefix(text, width));
        } else {
                size_t begin = prefix(text, (width - GAP + 1) / 2), end = suffix(text, (width - GAP) / 2);
                buffer_add(out, text.data, begin);
                buffer_add_text(out, gap);
                buffer_add(out, text.data + end, text.len - end);
        }
}

void display_age(struct buffer *out, int64_t ms)
{
        static const struct {
                int64_t ms;
                const char *name;
        } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
                /* 90 minutes say more than one hour. */
                if (ms >= units[i].ms * (i < 2 ? 2 : 1)) {
                        buffer_printf(out, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
                        return;
                }
        buffer_printf(out, "%" PRId64 "ms", ms > 0 ? ms : 0);
}
