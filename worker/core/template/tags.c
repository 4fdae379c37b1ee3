#include "core/template/tags.h"
#include "core/text/utf8.h"

enum { DELIMITER_MAX = 8 };

struct tag_scan {
        const struct template_source *source;
        struct arena *arena;
        struct tags *tags;
        struct file_faults *faults;
        struct slice open, close; /* the delimiters as they are now */
        size_t at;
        size_t open_tags[TEMPLATE_NESTING_MAX]; /* indexes, the outermost first */
        size_t depth;
        bool failed;
};

struct place_in_file tags_place(const struct template_source *source, size_t at)
{
        struct place_in_file place = source->place;
        for (size_t i = 0; i < at && i < source->text.len; i++) {
                bool line_end = source->text.data[i] == '\n';
                place.line += line_end;
                place.column = line_end ? 1 : place.column + 1;
        }
        return place;
}

/* Always false; goes on where it can, so that all that is wrong is said. */
#define TAG_FAULT(scan, at, ...)                                                                             \
        ((scan)->failed = true, file_faults_add((scan)->faults, tags_place((scan)->source, at), __VA_ARGS__))

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static const char WHITE[] = " \t\n\r";

static bool is_white(char c)
{
        return is_blank(c) || c == '\n' || c == '\r';
}

/* Where `wanted` begins at or after `at`; the length of the text if nowhere. */
static size_t find_from(struct slice text, size_t at, struct slice wanted)
{
        const char *found =
                at < text.len ? memmem(text.data + at, text.len - at, wanted.data, wanted.len) : NULL;
        return found ? (size_t)(found - text.data) : text.len;
}

/* ---- One tag ---- */

static struct tag *tag_add(struct tag_scan *scan, struct tag tag)
{
        struct tags *tags = scan->tags;
        if (tags->count == tags->room) {
                size_t room = tags->room ? 2 * tags->room : 16;
                struct tag *larger = arena_alloc(scan->arena, room * sizeof(*larger));
                if (tags->count)
                        memcpy(larger, tags->list, tags->count * sizeof(*larger));
                tags->list = larger;
                tags->room = room;
        }
        tag.inside = scan->depth ? scan->open_tags[scan->depth - 1] + 1 : 0;
        const struct tag *around = tag.inside ? &tags->list[tag.inside - 1] : NULL;
        tag.counts = !around || around->shows ||
                     (tag.kind == TAG_BLOCK && around->kind == TAG_PARENT && around->counts);
        tag.shows = tag.counts && tag.kind != TAG_PARENT;
        tags->list[tags->count] = tag;
        return &tags->list[tags->count++];
}

/* `{{=<% %>=}}`: two words without `=`. */
static bool delimiters_set(struct tag_scan *scan, size_t at, struct slice words)
{
        struct slice open = slice_trimmed(words, WHITE), close;
        size_t len = 0;
        while (len < open.len && !is_white(open.data[len]))
                len++;
        close = slice_trimmed((struct slice){.data = open.data + len, .len = open.len - len}, WHITE);
        open.len = len;
        bool good = open.len > 0 && close.len > 0 && open.len <= DELIMITER_MAX && close.len <= DELIMITER_MAX;
        for (size_t i = 0; i < close.len; i++)
                good = good && !is_white(close.data[i]);
        if (!good || memchr(words.data, '=', words.len))
                return TAG_FAULT(scan, at, "expected two new delimiters, as in {{=<%% %%>=}}");
        scan->open = open;
        scan->close = close;
        return true;
}

static enum tag_kind sigil_kind(char sigil)
{
        switch (sigil) {
        case '#':
                return TAG_SECTION;
        case '^':
                return TAG_INVERTED;
        case '/':
                return TAG_CLOSE;
        case '>':
                return TAG_PARTIAL;
        case '<':
                return TAG_PARENT;
        case '$':
                return TAG_BLOCK;
        case '&':
        case '{':
                return TAG_RAW;
        case '!':
        case '=':
                return TAG_NOTHING;
        default:
                return TAG_VALUE;
        }
}

static bool name_is_path(enum tag_kind kind)
{
        return kind == TAG_VALUE || kind == TAG_RAW || kind == TAG_SECTION || kind == TAG_INVERTED;
}

static const char *tag_name_mistake(enum tag_kind kind, struct slice name)
{
        if (name.len == 0)
                return "a tag without a name";
        if (name.len > TEMPLATE_NAME_MAX)
                return "a name over 200 bytes";
        for (size_t i = 0; i < name.len; i++)
                if ((unsigned char)name.data[i] <= ' ' || name.data[i] == 0x7f)
                        return "a name holds no white space";
        if (!name_is_path(kind))
                return name.data[0] == '*' ? "names that come from the data ({{>*name}}) are not supported"
                                           : NULL;
        if (slice_is(name, "."))
                return NULL;
        for (size_t i = 0; i < name.len; i++)
                if (name.data[i] == '.' && (i == 0 || i + 1 == name.len || name.data[i + 1] == '.'))
                        return "a dotted name has something before and after each dot";
        return NULL;
}

static bool tag_opens(enum tag_kind kind)
{
        return kind == TAG_SECTION || kind == TAG_INVERTED || kind == TAG_PARENT || kind == TAG_BLOCK;
}

static bool tag_close(struct tag_scan *scan, const struct tag *tag)
{
        if (scan->depth == 0)
                return TAG_FAULT(scan, tag->start, "{{/%.*s}} closes nothing", SLICE_PRINT(tag->name));
        size_t opened = scan->open_tags[scan->depth - 1];
        struct slice wanted = scan->tags->list[opened].name;
        scan->depth--;
        if (!slice_equal(tag->name, wanted))
                return TAG_FAULT(scan, tag->start, "expected {{/%.*s}} before {{/%.*s}}", SLICE_PRINT(wanted),
                                 SLICE_PRINT(tag->name));
        size_t index = scan->tags->count;
        tag_add(scan, *tag)->other = opened;
        scan->tags->list[opened].other = index;
        return true;
}

static bool template_tag_take(struct tag_scan *scan, struct tag tag)
{
        const char *mistake = tag_name_mistake(tag.kind, tag.name);
        if (mistake)
                return TAG_FAULT(scan, tag.start, "%s", mistake);
        if (tag.kind == TAG_CLOSE)
                return tag_close(scan, &tag);
        if (tag_opens(tag.kind) && scan->depth == TEMPLATE_NESTING_MAX)
                return TAG_FAULT(scan, tag.start, "more than %d tags inside each other",
                                 TEMPLATE_NESTING_MAX);
        tag_add(scan, tag);
        if (tag_opens(tag.kind))
                scan->open_tags[scan->depth++] = scan->tags->count - 1;
        return true;
}

/* The tag at `start`. False ends the scan: what follows cannot be told apart. */
static bool tag_scan_one(struct tag_scan *scan, size_t start)
{
        struct slice text = scan->source->text;
        size_t from = start + scan->open.len, inner = from;
        char sigil = from < text.len ? text.data[from] : '\0';
        enum tag_kind kind = sigil_kind(sigil);
        if (kind != TAG_VALUE)
                from++;
        struct slice twin = {.data = sigil == '{' ? "}" : "=", .len = sigil == '{' || sigil == '='};
        size_t close = twin.len ? find_from(text, from, twin) : find_from(text, inner, scan->close);
        while (twin.len && close < text.len &&
               (text.len - close - 1 < scan->close.len ||
                memcmp(text.data + close + 1, scan->close.data, scan->close.len) != 0))
                close = find_from(text, close + 1, twin);
        if (close >= text.len)
                return TAG_FAULT(scan, start, "a tag without its end: %.*s is missing",
                                 SLICE_PRINT(scan->close));
        struct slice content = {.data = text.data + from, .len = close > from ? close - from : 0};
        struct tag tag = {.kind = kind, .start = start, .end = close + twin.len + scan->close.len};
        scan->at = tag.end;
        if (sigil == '=' && !delimiters_set(scan, start, content))
                return false;
        if (kind == TAG_NOTHING) {
                tag_add(scan, tag);
                return true;
        }
        tag.name = slice_trimmed(content, WHITE);
        return template_tag_take(scan, tag) || scan->depth < TEMPLATE_NESTING_MAX;
}

bool tags_find(struct arena *arena, const struct template_source *source, struct tags *tags,
               struct file_faults *faults)
{
        struct tag_scan scan = {.source = source,
                                .arena = arena,
                                .tags = tags,
                                .faults = faults,
                                .open = SLICE_LITERAL("{{"),
                                .close = SLICE_LITERAL("}}")};
        *tags = (struct tags){.text = source->text};
        for (;;) {
                size_t start = find_from(source->text, scan.at, scan.open);
                if (start >= source->text.len)
                        break;
                if (!tag_scan_one(&scan, start))
                        return false;
        }
        while (scan.depth > 0) {
                const struct tag *open = &tags->list[scan.open_tags[--scan.depth]];
                TAG_FAULT(&scan, open->start, "{{/%.*s}} is missing", SLICE_PRINT(open->name));
        }
        return !scan.failed;
}

/* ---- Which tags have their line for themselves ---- */

struct slice tags_indent_before(struct slice text, size_t at)
{
        size_t begin = at;
        while (begin > 0 && is_blank(text.data[begin - 1]))
                begin--;
        if (begin > 0 && text.data[begin - 1] != '\n')
                return (struct slice){0};
        return (struct slice){.data = text.data + begin, .len = at - begin};
}

/* Nothing but white space follows on the line. */
static bool clear_after(struct slice text, size_t at)
{
        while (at < text.len && is_blank(text.data[at]))
                at++;
        if (at < text.len && text.data[at] == '\r')
                at++;
        return at == text.len || text.data[at] == '\n';
}

static bool clear_before(struct slice text, size_t at)
{
        return tags_indent_before(text, at).data != NULL;
}

static bool is_argument(const struct tags *tags, const struct tag *block)
{
        return block->inside && tags->list[block->inside - 1].kind == TAG_PARENT;
}

/* White space with which the first line that is not blank begins; absent if there is none before `end`. */
static struct slice first_indent(struct slice text, size_t at, size_t end)
{
        while (at < end && text.data[at] != '\n')
                at++;
        while (at < end) {
                size_t begin = ++at;
                while (at < end && is_blank(text.data[at]))
                        at++;
                if (at < end && text.data[at] != '\n' && text.data[at] != '\r')
                        return (struct slice){.data = text.data + begin, .len = at - begin};
                while (at < end && text.data[at] != '\n')
                        at++;
        }
        return (struct slice){0};
}

/* The optional module ~inheritance says it by tests only: what begins on a line of its own is indented as its
 * first line is, other blocks as the line on which they begin. */
static void judge_block(struct tags *tags, struct tag *open)
{
        struct slice text = tags->text, before = tags_indent_before(text, open->start);
        struct tag *close = &tags->list[open->other];
        bool argument = is_argument(tags, open);
        open->standalone = clear_after(text, open->end) && (before.data || argument) && open->end < text.len;
        close->standalone = clear_before(text, close->start) && (argument || clear_after(text, close->end));
        struct slice first = open->standalone ? first_indent(text, open->end, close->start) : before;
        open->indent = first.data ? first : before;
}

/* A layout's line is that of its beginning and its end together: what stands between is not shown. */
static void judge_parent(struct tags *tags, struct tag *open)
{
        struct tag *close = &tags->list[open->other];
        open->standalone = clear_before(tags->text, open->start) && clear_after(tags->text, close->end);
        close->standalone = open->standalone;
}

void tags_judge(struct tags *tags)
{
        for (size_t i = 0; i < tags->count; i++) {
                struct tag *tag = &tags->list[i];
                enum tag_kind kind = tag->kind == TAG_CLOSE ? tags->list[tag->other].kind : tag->kind;
                if (tag->kind == TAG_BLOCK)
                        judge_block(tags, tag);
                else if (tag->kind == TAG_PARENT)
                        judge_parent(tags, tag);
                else if (kind == TAG_SECTION || kind == TAG_INVERTED || kind == TAG_PARTIAL ||
                         kind == TAG_NOTHING)
                        tag->standalone =
                                clear_before(tags->text, tag->start) && clear_after(tags->text, tag->end);
        }
}
