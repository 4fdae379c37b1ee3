#include "core/trace/otlp_pairs.h"
#include "core/codec/percent.h"

#include <ctype.h>
#include <string.h>

#define TRACES_PATH "/v1/traces"
#define BLANKS " \t"

/* "name=value"; NULL if it is none. */
static const char *pair_of(struct arena *arena, struct slice text)
{
        const char *equals = text.len ? memchr(text.data, '=', text.len) : NULL;
        if (!equals)
                return NULL;
        struct slice name =
                slice_trimmed((struct slice){.data = text.data, .len = (size_t)(equals - text.data)}, BLANKS);
        struct slice value = slice_trimmed(
                (struct slice){.data = equals + 1, .len = text.len - (size_t)(equals + 1 - text.data)},
                BLANKS);
        const char *decoded = percent_decode(arena, value, /* form = */ false);
        if (name.len == 0 || !decoded || memchr(name.data, '\n', name.len))
                return NULL;
        return arena_printf(arena, "%.*s\n%s", SLICE_PRINT(name), decoded);
}

static bool pair_list_add(struct arena *arena, const char *text, struct config_texts *pairs)
{
        for (const char *at = text; *at;) {
                size_t len = strcspn(at, ",");
                struct slice item = slice_trimmed((struct slice){.data = at, .len = len}, BLANKS);
                const char *pair = item.len ? pair_of(arena, item) : NULL;
                if (item.len && (!pair || pairs->count == CONFIG_TEXTS_MAX))
                        return false;
                if (pair)
                        pairs->list[pairs->count++] = pair;
                at += len + (at[len] == ',');
        }
        return true;
}

bool otlp_pairs(struct arena *arena, const struct config_texts *texts, struct config_texts *pairs,
                size_t *bad)
{
        for (size_t i = 0; i < texts->count; i++) {
                const char *text = texts->list[i];
                bool pair = text && strchr(text, '\n') && pairs->count < CONFIG_TEXTS_MAX;
                *bad = i;
                if (pair)
                        pairs->list[pairs->count++] = text;
                else if (text && !pair_list_add(arena, text, pairs))
                        return false;
        }
        return true;
}

const char *otlp_pair(const struct config_texts *pairs, const char *name)
{
        size_t len = strlen(name);
        for (size_t i = 0; i < pairs->count; i++)
                if (strncmp(pairs->list[i], name, len) == 0 && pairs->list[i][len] == '\n')
                        return pairs->list[i] + len + 1;
        return NULL;
}

bool otlp_is_own(const char *pair)
{
        static const char *const own[] = {"service.name\n", "service.version\n", "service.instance.id\n"};
        for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
                if (strncmp(pair, own[i], strlen(own[i])) == 0)
                        return true;
        return false;
}

bool otlp_header_valid(const char *pair)
{
        const char *end = strchr(pair, '\n');
        if (!end || end == pair)
                return false;
        for (const char *at = pair; at < end; at++)
                if (!isalnum((unsigned char)*at) && !strchr("!#$%&'*+-.^_`|~", *at))
                        return false;
        for (const char *at = end + 1; *at; at++)
                if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
                        return false;
        return true;
}

const char *otlp_target(struct arena *arena, const struct config *config)
{
        const char *base = config->otlp.url;
        if (config->otlp.traces_url || !base)
                return config->otlp.traces_url;
        size_t len = strlen(base), path = strlen(TRACES_PATH);
        if (len >= path && strcmp(base + len - path, TRACES_PATH) == 0)
                return base;
        while (len > 0 && base[len - 1] == '/')
                len--;
        return arena_printf(arena, "%.*s" TRACES_PATH, (int)len, base);
}
