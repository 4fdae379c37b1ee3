#include "core/text/expand.h"
#include "core/text/percent.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 };

static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

static bool userinfo_valid(const char *value)
{
        for (; *value; value++) {
                bool encoded = *value == '%' && isxdigit((unsigned char)value[1]) &&
                               isxdigit((unsigned char)value[2]);
                if (!encoded && !strchr(unreserved, *value) && !strchr("!$&'()*+,;=:", *value))
                        return false;
        }
        return true;
}

void expand_add_userinfo(struct buffer *out, const char *value)
{
        if (userinfo_valid(value))
                buffer_add_text(out, value);
        else
                percent_add(out, value);
}

struct expansion {
        struct buffer *out;
        expand_lookup *lookup;
        void *context;
        char *error;
        const char *userinfo, *userinfo_end; /* of the text; NULL: it has none */
};

static void expand_value_add(const struct expansion *expansion, const char *at, const char *value)
{
        if (expansion->userinfo && at >= expansion->userinfo && at < expansion->userinfo_end)
                expand_add_userinfo(expansion->out, value);
        else
                buffer_add_text(expansion->out, value);
}

/* Expands what follows `${`; returns what follows the closing brace, NULL on error. */
static const char *variable_expand(const struct expansion *expansion, const char *at)
{
        struct buffer *out = expansion->out;
        char *error = expansion->error;
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
        const char *value = expansion->lookup(expansion->context, name);
        if (value && (value[0] || !fallback)) {
                expand_value_add(expansion, at, value);
        } else if (fallback) {
                buffer_add(out, at + len + 2, (size_t)(end - (at + len + 2)));
        } else {
                snprintf(error, EXPAND_ERROR_MAX, "the variable %s is not set", name);
                return NULL;
        }
        return end + 1;
}

static bool text_expand(const struct expansion *expansion, const char *text)
{
        struct buffer *out = expansion->out;
        while (*text) {
                if (strncmp(text, "$${", 3) == 0) {
                        buffer_add_text(out, "${");
                        text += 3;
                } else if (strncmp(text, "${", 2) == 0) {
                        text = variable_expand(expansion, text + 2);
                        if (!text)
                                return false;
                } else {
                        buffer_add_char(out, *text++);
                }
                if (out->len > EXPAND_MAX) {
                        snprintf(expansion->error, EXPAND_ERROR_MAX, "longer than %d bytes", EXPAND_MAX);
                        return false;
                }
        }
        return true;
}

bool expand(struct buffer *out, const char *text, expand_lookup *lookup, void *context,
            char error[EXPAND_ERROR_MAX])
{
        return text_expand(
                &(struct expansion){.out = out, .lookup = lookup, .context = context, .error = error}, text);
}

/* What stands between "://" and the last @ before the path, as the text is before it is expanded: a path,
 * query or @ inside of a `${NAME:-otherwise}` is none. */
static const char *userinfo_end(const char *authority)
{
        const char *end = NULL;
        for (const char *at = authority; *at && !strchr("/?#", *at); at++) {
                const char *brace = strncmp(at, "${", 2) == 0 ? strchr(at, '}') : NULL;
                at = brace ? brace : at;
                end = *at == '@' ? at : end;
        }
        return end;
}

bool expand_url(struct buffer *out, const char *text, expand_lookup *lookup, void *context,
                char error[EXPAND_ERROR_MAX])
{
        const char *scheme = strstr(text, "://");
        const char *end = scheme ? userinfo_end(scheme + 3) : NULL;
        return text_expand(&(struct expansion){.out = out,
                                               .lookup = lookup,
                                               .context = context,
                                               .error = error,
                                               .userinfo = end ? scheme + 3 : NULL,
                                               .userinfo_end = end},
                           text);
}
