#include "core/plan/registry.h"
#include "core/plan/fields.h"
#include "core/text/word.h"

#include <stdio.h>

enum { TYPE_MAX = 128 };

const struct handler *handler_find(const struct handler *const *table, struct slice type)
{
        for (; *table; table++)
                if (slice_is(type, (*table)->type))
                        return *table;
        return NULL;
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

/* What is wrong with one handler, or NULL; `text` is room for it. */
static const char *registry_mistake_in(const struct handler *const *table, const struct handler *handler,
                                       char text[FIELDS_ERROR_MAX])
{
        if (!handler_type_valid(slice_of(handler->type)))
                return "a type is dotted lower-case words and a version, as order.created.v1";
        if (handler_find(table, slice_of(handler->type)) != handler)
                return "another handler has the same type";
        if (!handler->fields || !handler->plan)
                return "it has no fields or no function";
        return fields_check(handler->fields, handler->size, text) ? NULL : text;
}

bool handlers_check(const struct handler *const *table, char error[HANDLERS_ERROR_MAX])
{
        char text[FIELDS_ERROR_MAX];
        for (const struct handler *const *each = table; *each; each++) {
                const char *type = (*each)->type ? (*each)->type : "";
                const char *mistake =
                        (*each)->type ? registry_mistake_in(table, *each, text) : "a handler has no type";
                if (!mistake)
                        continue;
                snprintf(error, HANDLERS_ERROR_MAX, "%.128s: %.300s", type, mistake);
                return false;
        }
        return true;
}
