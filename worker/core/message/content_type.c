#include "core/message/content_type.h"

#include <strings.h>

static bool same_word(struct slice text, const char *word)
{
        return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

static bool content_type_is_space(char c)
{
        return c == ' ' || c == '\t';
}

static struct slice trim(struct slice text)
{
        while (text.len && content_type_is_space(text.data[0])) {
                text.data++;
                text.len--;
        }
        while (text.len && content_type_is_space(text.data[text.len - 1]))
                text.len--;
        return text;
}

/* Takes what is before the next `;` that is not inside quotes, trimmed, and leaves what is after it. */
static struct slice next_part(struct slice *rest)
{
        size_t end = 0;
        bool quoted = false;
        for (; end < rest->len && (quoted || rest->data[end] != ';'); end++) {
                if (rest->data[end] == '"')
                        quoted = !quoted;
                else if (quoted && rest->data[end] == '\\' && end + 1 < rest->len)
                        end++;
        }
        struct slice part = {.data = rest->data, .len = end};
        size_t past = end < rest->len ? end + 1 : end;
        *rest = (struct slice){.data = rest->data + past, .len = rest->len - past};
        return trim(part);
}

/* A charset parameter of another value than UTF-8. */
static bool is_bad_charset(struct slice parameter)
{
        const char *equals = parameter.len ? memchr(parameter.data, '=', parameter.len) : NULL;
        if (!equals)
                return false;
        struct slice name = {.data = parameter.data, .len = (size_t)(equals - parameter.data)};
        if (!same_word(trim(name), "charset"))
                return false;
        struct slice value = trim((struct slice){.data = equals + 1, .len = parameter.len - name.len - 1});
        if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
                value = (struct slice){.data = value.data + 1, .len = value.len - 2};
        return !same_word(value, "utf-8") && !same_word(value, "utf8");
}

enum content_type content_type_parse(struct slice text)
{
        if (text.len == 0)
                return CONTENT_JSON;
        struct slice rest = text, media = next_part(&rest);
        enum content_type type;
        if (same_word(media, "application/json"))
                type = CONTENT_JSON;
        else if (same_word(media, "application/cloudevents+json"))
                type = CONTENT_CLOUDEVENT;
        else
                return CONTENT_OTHER;
        while (rest.len)
                if (is_bad_charset(next_part(&rest)))
                        return CONTENT_BAD_CHARSET;
        return type;
}

static enum content_encoding coding_of(struct slice word)
{
        if (word.len == 0 || same_word(word, "identity") || same_word(word, "utf-8") ||
            same_word(word, "utf8"))
                return ENCODING_PLAIN;
        return same_word(word, "gzip") || same_word(word, "x-gzip") ? ENCODING_GZIP : ENCODING_OTHER;
}

enum content_encoding content_encoding_parse(struct slice text)
{
        enum content_encoding all = ENCODING_PLAIN;
        for (size_t at = 0, end; at < text.len; at = end + 1) {
                for (end = at; end < text.len && text.data[end] != ',' && text.data[end] != ':';)
                        end++;
                enum content_encoding one =
                        coding_of(trim((struct slice){.data = text.data + at, .len = end - at}));
                if (one != ENCODING_PLAIN)
                        all = all == ENCODING_PLAIN ? one : ENCODING_OTHER;
        }
        return all;
}
