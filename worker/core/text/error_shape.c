#include "core/text/error_shape.h"
#include "core/text/buffer.h"
#include "core/text/word.h"

#include <stdbool.h>

enum { ID_LEN_MIN = 8 };

static bool error_is_word(char c)
{
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
               (unsigned char)c >= 0x80;
}

static bool error_ends_with(struct slice text, size_t end, const char *word)
{
        size_t len = strlen(word);
        return end >= len && memcmp(text.data + end - len, word, len) == 0;
}

static bool is_status(struct slice error, size_t at, size_t len)
{
        bool said = at == 0 || error_ends_with(error, at, "HTTP ") || error_ends_with(error, at, "status ");
        return len == 3 && said && error.data[at] >= '1' && error.data[at] <= '5';
}

static void add_word(struct buffer *out, struct slice error, size_t at, size_t len)
{
        size_t digits = 0;
        for (size_t i = 0; i < len; i++)
                digits += is_digit(error.data[at + i]);
        if (digits == 0 || (digits == len && is_status(error, at, len))) {
                buffer_add(out, error.data + at, len);
                return;
        }
        if (digits < len && len >= ID_LEN_MIN) {
                buffer_add_text(out, "ID");
                return;
        }
        for (size_t i = 0; i < len; i++)
                if (!is_digit(error.data[at + i]))
                        buffer_add_char(out, error.data[at + i]);
                else if (i == 0 || !is_digit(error.data[at + i - 1]))
                        buffer_add_char(out, 'N');
}

const char *error_shape(struct arena *arena, struct slice error)
{
        struct buffer out = {0};
        for (size_t at = 0; at < error.len;) {
                size_t len = 0;
                while (at + len < error.len && error_is_word(error.data[at + len]))
                        len++;
                if (len > 0)
                        add_word(&out, error, at, len);
                else
                        buffer_add_char(&out, error.data[at]);
                at += len > 0 ? len : 1;
        }
        const char *shape = arena_copy(arena, out.data ? out.data : "", out.len);
        buffer_fini(&out);
        return shape;
}
