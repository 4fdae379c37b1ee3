#include "core/text/expand.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 };

static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

/* Expands what follows `${`; returns what follows the closing brace, NULL on error. */
static const char *variable_expand(struct buffer *out, const char *at, expand_lookup *lookup, void *context,
                                   char *error)
{
        size_t len = strspn(at, name_characters);
        const char *end = strchr(at, '}');
        bool fallback = strncmp(at + len, ":-", 2) == 0;
        if (!end) {
                snprintf(error, EXPAND_ERROR_MAX, "`${` without its `}`");
                return NULL;
        }
        if (len == 0 || len >= NAME_MAX_BYTES || (!fallback && at + len != end)) {
                snprintf(error, EXPAND_ERROR_MAX, "expected ${NAME} or ${NAME:-otherwise}");
                return NULL;
        }
        char name[NAME_MAX_BYTES];
        memcpy(name, at, len);
        name[len] = '\0';
        const char *value = lookup(context, name);
        if (value && (value[0] || !fallback)) {
                buffer_add_text(out, value);
        } else if (fallback) {
                buffer_add(out, at + len + 2, (size_t)(end - (at + len + 2)));
        } else {
                snprintf(error, EXPAND_ERROR_MAX, "the variable %s is not set", name);
                return NULL;
        }
        return end + 1;
}

bool expand(struct buffer *out, const char *text, expand_lookup *lookup, void *context,
            char error[EXPAND_ERROR_MAX])
{
        while (*text) {
                if (strncmp(text, "$${", 3) == 0) {
                        buffer_add_text(out, "${");
                        text += 3;
                } else if (strncmp(text, "${", 2) == 0) {
                        text = variable_expand(out, text + 2, lookup, context, error);
                        if (!text)
                                return false;
                } else {
                        buffer_add_char(out, *text++);
                }
                if (out->len > EXPAND_MAX) {
                        snprintf(error, EXPAND_ERROR_MAX, "longer than %d bytes", EXPAND_MAX);
                        return false;
                }
        }
        return true;
}
