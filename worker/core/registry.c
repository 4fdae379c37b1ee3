#include "core/registry.h"

enum { TYPE_MAX = 128 };

const struct handler *handler_find(const struct handler *const *table, struct slice type)
{
        for (; *table; table++)
                if (slice_is(type, (*table)->type))
                        return *table;
        return NULL;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_word_byte(char c)
{
        return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_';
}

static bool version_valid(const char *word, size_t len)
{
        if (len < 2 || word[0] != 'v' || word[1] == '0')
                return false;
        for (size_t i = 1; i < len; i++)
                if (!is_digit(word[i]))
                        return false;
        return true;
}

bool handler_type_valid(struct slice type)
{
        size_t word = 0, words = 1;
        if (type.len > TYPE_MAX)
                return false;
        for (size_t i = 0; i < type.len; i++) {
                if (type.data[i] == '.' && i > word) {
                        word = i + 1;
                        words++;
                } else if (!is_word_byte(type.data[i])) {
                        return false;
                }
        }
        return words >= 2 && version_valid(type.data + word, type.len - word);
}
