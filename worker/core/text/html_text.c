#include "core/text/html_text.h"
#include "core/text/utf8.h"

#include <stdint.h>
#include <strings.h>

enum { NAME_MAX_LEN = 16, ENTITY_MAX = 10, LINK_MAX = 2000 };

struct reader {
        struct buffer *out;
        size_t start; /* of what this reader added */
        const char *at, *end;
        int breaks; /* line breaks that are due before the next word: 0 to 2 */
        bool space; /* a space is due before the next word */
        bool preformatted;
        struct slice link; /* the target of the link that is open; len 0: none */
        size_t link_start; /* where its words begin */
};

static bool html_is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool html_is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool html_is_name(struct slice name, const char *word)
{
        return name.len == strlen(word) && strncasecmp(name.data, word, name.len) == 0;
}

static bool html_text_is_among(struct slice name, const char *const *words)
{
        for (; *words; words++)
                if (html_is_name(name, *words))
                        return true;
        return false;
}

/* ---- writing ---- */

/* White space that is due comes before what is read, so that none is left at the end. */
static void word_begin(struct reader *reader)
{
        bool first = reader->out->len == reader->start;
        for (; reader->breaks && !first; reader->breaks--) {
                buffer_add_char(reader->out, '\n');
                reader->space = false;
        }
        if (reader->space && !first)
                buffer_add_char(reader->out, ' ');
        reader->breaks = 0;
        reader->space = false;
}

static void bytes_add(struct reader *reader, const char *bytes, size_t len)
{
        word_begin(reader);
        buffer_add(reader->out, bytes, len);
}

static void break_due(struct reader *reader, int breaks)
{
        reader->breaks = breaks > reader->breaks ? breaks : reader->breaks;
}

/* UTF-8 of a code point; nothing for one that is none or steers a terminal. */
static void point_add(struct reader *reader, uint32_t point)
{
        if (point > 0x10ffff)
                return;
        char text[UTF8_WIDTH_MAX];
        size_t len = utf8_write(text, point);
        if (point == 0xa0 || point == '\t' || point == '\n')
                reader->space = true;
        else if (utf8_one_line(text, len))
                bytes_add(reader, text, len);
}

/* ---- entities ---- */

static const struct {
        const char *name;
        uint32_t point;
} entities[] = {
        {"amp", '&'},      {"lt", '<'},       {"gt", '>'},        {"quot", '"'},     {"apos", '\''},
        {"nbsp", 0xa0},    {"copy", 0xa9},    {"reg", 0xae},      {"trade", 0x2122}, {"euro", 0x20ac},
        {"pound", 0xa3},   {"yen", 0xa5},     {"cent", 0xa2},     {"sect", 0xa7},    {"deg", 0xb0},
        {"middot", 0xb7},  {"bull", 0x2022},  {"hellip", 0x2026}, {"ndash", 0x2013}, {"mdash", 0x2014},
        {"lsquo", 0x2018}, {"rsquo", 0x2019}, {"ldquo", 0x201c},  {"rdquo", 0x201d}, {"laquo", 0xab},
        {"raquo", 0xbb},   {"times", 0xd7},   {"auml", 0xe4},     {"ouml", 0xf6},    {"uuml", 0xfc},
        {"Auml", 0xc4},    {"Ouml", 0xd6},    {"Uuml", 0xdc},     {"szlig", 0xdf},   {"agrave", 0xe0},
        {"aacute", 0xe1},  {"acirc", 0xe2},   {"ccedil", 0xe7},   {"egrave", 0xe8},  {"eacute", 0xe9},
        {"ecirc", 0xea},   {"iacute", 0xed},  {"ntilde", 0xf1},   {"oacute", 0xf3},  {"uacute", 0xfa},
        {"larr", 0x2190},  {"rarr", 0x2192},  {"shy", 0xad},      {"zwnj", 0x200c},  {"zwj", 0x200d},
};

/* What "#8364" or "#x20ac" names; 0 for none. */
static uint32_t html_text_number_of(struct slice name)
{
        bool hex = name.len > 1 && (name.data[1] == 'x' || name.data[1] == 'X');
        uint32_t value = 0;
        for (size_t i = hex ? 2 : 1; i < name.len; i++) {
                char c = name.data[i];
                uint32_t digit = 99;
                if (c >= '0' && c <= '9')
                        digit = (uint32_t)(c - '0');
                else if (hex && html_is_letter(c))
                        digit = (uint32_t)((c | 0x20) - 'a' + 10);
                if (digit >= (hex ? 16u : 10u) || value > 0x10ffff)
                        return 0;
                value = value * (hex ? 16 : 10) + digit;
        }
        return value > 0x10ffff ? 0 : value;
}

static uint32_t entity_of(struct slice name)
{
        if (name.len > 1 && name.data[0] == '#')
                return html_text_number_of(name);
        for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
                if (slice_is(name, entities[i].name))
                        return entities[i].point;
        return 0;
}

/* An ampersand: an entity, or itself. */
static void entity_take(struct reader *reader)
{
        size_t room = (size_t)(reader->end - reader->at - 1);
        const char *semicolon = memchr(reader->at + 1, ';', room < ENTITY_MAX ? room : ENTITY_MAX);
        uint32_t point = 0;
        if (semicolon)
                point = entity_of(
                        (struct slice){.data = reader->at + 1, .len = (size_t)(semicolon - reader->at - 1)});
        if (point)
                point_add(reader, point);
        else
                bytes_add(reader, "&", 1);
        reader->at = point ? semicolon + 1 : reader->at + 1;
}

/* ---- tags ---- */

struct tag {
        struct slice name, rest; /* "/p" has name "p" and `closes`; rest: the attributes */
        bool closes;
};

/* One past the > that ends the tag at `at`; those in quotes do not. */
static const char *tag_end(const char *at, const char *end)
{
        char quote = 0;
        for (; at < end; at++) {
                if (quote)
                        quote = *at == quote ? 0 : quote;
                else if (*at == '"' || *at == '\'')
                        quote = *at;
                else if (*at == '>')
                        return at + 1;
        }
        return end;
}

/* The value of an attribute; len 0 if there is none. */
static struct slice attribute_find(struct slice rest, const char *name)
{
        const char *at = rest.data, *end = rest.data + rest.len;
        size_t len = strlen(name);
        while (at < end) {
                while (at < end && (html_is_space(*at) || *at == '/'))
                        at++;
                const char *word = at;
                while (at < end && !html_is_space(*at) && *at != '=' && *at != '/')
                        at++;
                bool wanted = (size_t)(at - word) == len && strncasecmp(word, name, len) == 0;
                while (at < end && html_is_space(*at))
                        at++;
                if (at == end || *at != '=') {
                        at += at == word && at < end; /* always on */
                        continue;
                }
                at++;
                while (at < end && html_is_space(*at))
                        at++;
                char quote = at < end && (*at == '"' || *at == '\'') ? *at++ : 0;
                const char *value = at;
                while (at < end && (quote ? *at != quote : !html_is_space(*at)))
                        at++;
                if (wanted)
                        return (struct slice){.data = value, .len = (size_t)(at - value)};
                at += quote && at < end;
        }
        return (struct slice){0};
}

/* Text of an attribute, entities and all. */
static void html_attribute_add(struct reader *reader, struct slice text)
{
        struct reader inner = *reader;
        inner.at = text.data;
        inner.end = text.data + text.len;
        while (inner.at < inner.end) {
                if (*inner.at == '&') {
                        entity_take(&inner);
                } else if (html_is_space(*inner.at)) {
                        inner.space = true;
                        inner.at++;
                } else {
                        bytes_add(&inner, inner.at++, 1);
                }
        }
        reader->breaks = inner.breaks;
        reader->space = inner.space;
}

static bool is_web(struct slice target)
{
        return (target.len > 7 && strncasecmp(target.data, "http://", 7) == 0) ||
               (target.len > 8 && strncasecmp(target.data, "https://", 8) == 0) ||
               (target.len > 7 && strncasecmp(target.data, "mailto:", 7) == 0);
}

/* The target goes behind the words, unless they are the target themselves. */
static void link_close(struct reader *reader)
{
        struct slice target = reader->link;
        reader->link = (struct slice){0};
        if (target.len == 0 || target.len > LINK_MAX || reader->out->len == reader->link_start)
                return;
        size_t scheme = strncasecmp(target.data, "mailto:", 7) == 0 ? 7 : 0;
        struct slice shown = {.data = target.data + scheme, .len = target.len - scheme};
        struct slice words = {.data = reader->out->data + reader->link_start,
                              .len = reader->out->len - reader->link_start};
        if (memmem(words.data, words.len, shown.data, shown.len))
                return;
        buffer_add_text(reader->out, " (");
        struct reader inner = *reader;
        inner.breaks = 0;
        inner.space = false;
        html_attribute_add(&inner, shown);
        buffer_add_char(reader->out, ')');
}

static void link_take(struct reader *reader, const struct tag *tag)
{
        link_close(reader);
        if (tag->closes)
                return;
        struct slice target = attribute_find(tag->rest, "href");
        if (!is_web(target))
                return;
        reader->link = target;
        word_begin(reader);
        reader->link_start = reader->out->len;
}

static void tag_act(struct reader *reader, const struct tag *tag)
{
        static const char *const paragraphs[] = {"p",  "h1", "h2",    "h3",  "h4",         "h5", "h6", "ul",
                                                 "ol", "dl", "table", "pre", "blockquote", "hr", NULL};
        static const char *const blocks[] = {"div",     "tr",     "li",     "dt",     "dd",      "section",
                                             "article", "header", "footer", "center", "address", "main",
                                             "nav",     "title",  "form",   NULL};
        if (html_text_is_among(tag->name, paragraphs))
                break_due(reader, 2);
        else if (html_text_is_among(tag->name, blocks))
                break_due(reader, 1);
        else if (html_is_name(tag->name, "br"))
                reader->breaks = reader->breaks < 2 ? reader->breaks + 1 : 2;
        else if (html_is_name(tag->name, "td") || html_is_name(tag->name, "th"))
                reader->space = true;
        else if (html_is_name(tag->name, "a"))
                link_take(reader, tag);
        if (html_is_name(tag->name, "pre"))
                reader->preformatted = !tag->closes;
        if (html_is_name(tag->name, "li") && !tag->closes)
                bytes_add(reader, "-", 1), reader->space = true;
        if (html_is_name(tag->name, "img") && !tag->closes)
                html_attribute_add(reader, attribute_find(tag->rest, "alt"));
}

/* Where the element that nobody reads ends: at its closing tag, else at the end. */
static const char *hidden_end(const char *at, const char *end, struct slice name)
{
        while (at < end) {
                const char *open = memmem(at, (size_t)(end - at), "</", 2);
                if (!open)
                        return end;
                if ((size_t)(end - open) > name.len + 2 && strncasecmp(open + 2, name.data, name.len) == 0 &&
                    !html_is_letter(open[2 + name.len]))
                        return tag_end(open, end);
                at = open + 2;
        }
        return end;
}

static void html_tag_take(struct reader *reader)
{
        static const char *const hidden[] = {"head",     "script",   "style", "title",
                                             "template", "noscript", NULL};
        const char *at = reader->at + 1, *end = tag_end(at, reader->end);
        struct tag tag = {.closes = *at == '/'};
        at += tag.closes;
        tag.name.data = at;
        while (at < end && tag.name.len < NAME_MAX_LEN &&
               (html_is_letter(*at) || (*at >= '0' && *at <= '9'))) {
                tag.name.len++;
                at++;
        }
        const char *last = end > at && end[-1] == '>' ? end - 1 : end;
        tag.rest = (struct slice){.data = at, .len = (size_t)(last - at)};
        reader->at = end;
        if (!tag.closes && html_text_is_among(tag.name, hidden))
                reader->at = hidden_end(end, reader->end, tag.name);
        else
                tag_act(reader, &tag);
}

/* A comment, a doctype, a tag, or a < that is one. */
static void markup_take(struct reader *reader)
{
        size_t left = (size_t)(reader->end - reader->at);
        char next = left > 1 ? reader->at[1] : 0;
        if (left > 3 && memcmp(reader->at, "<!--", 4) == 0) {
                const char *close = memmem(reader->at + 4, left - 4, "-->", 3);
                reader->at = close ? close + 3 : reader->end;
        } else if (next == '!' || next == '?') {
                reader->at = tag_end(reader->at, reader->end);
        } else if (html_is_letter(next) || (next == '/' && left > 2 && html_is_letter(reader->at[2]))) {
                html_tag_take(reader);
        } else {
                bytes_add(reader, reader->at++, 1);
        }
}

static void space_take(struct reader *reader)
{
        if (reader->preformatted && *reader->at == '\n')
                reader->breaks = reader->breaks < 2 ? reader->breaks + 1 : 2;
        else
                reader->space = true;
        reader->at++;
}

static void run_take(struct reader *reader)
{
        const char *from = reader->at;
        while (reader->at < reader->end && !html_is_space(*reader->at) && *reader->at != '<' &&
               *reader->at != '&')
                reader->at++;
        bytes_add(reader, from, (size_t)(reader->at - from));
}

void html_text_add(struct buffer *out, struct slice html)
{
        struct reader reader = {.out = out, .start = out->len, .at = html.data, .end = html.data + html.len};
        while (reader.at < reader.end) {
                if (*reader.at == '<')
                        markup_take(&reader);
                else if (*reader.at == '&')
                        entity_take(&reader);
                else if (html_is_space(*reader.at))
                        space_take(&reader);
                else
                        run_take(&reader);
        }
        link_close(&reader);
        if (out->len > reader.start)
                buffer_add_char(out, '\n');
}
