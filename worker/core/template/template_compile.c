#include "core/memory/memory.h"
#include "core/template/program.h"
#include "core/template/tags.h"
#include "core/text/utf8.h"

#include <stdlib.h>

struct template_compiler {
        const struct template_source *source;
        struct arena *arena;
        struct tags tags;
        struct slice text; /* the arena's copy */
        struct template_op *ops;
        size_t count, room;
        bool at_line; /* nothing of the present line has been written */
        /* A cursor, so that a long file is walked through once. */
        struct place_in_file place;
        size_t place_at;
};

static struct place_in_file template_place_of(struct template_compiler *compiler, size_t at)
{
        for (; compiler->place_at < at; compiler->place_at++) {
                bool line_end = compiler->text.data[compiler->place_at] == '\n';
                compiler->place.line += line_end;
                compiler->place.column = line_end ? 1 : compiler->place.column + 1;
        }
        return compiler->place;
}

static struct template_op *op_add(struct template_compiler *compiler, enum template_op_kind kind, size_t at)
{
        if (compiler->count == compiler->room) {
                size_t room = compiler->room ? 2 * compiler->room : 16;
                struct template_op *larger = arena_alloc(compiler->arena, room * sizeof(*larger));
                if (compiler->count)
                        memcpy(larger, compiler->ops, compiler->count * sizeof(*larger));
                compiler->ops = larger;
                compiler->room = room;
        }
        struct place_in_file place = template_place_of(compiler, at);
        struct template_op *op = &compiler->ops[compiler->count++];
        *op = (struct template_op){
                .kind = kind, .line = place.line, .column = place.column, .end = compiler->count};
        return op;
}

static void line_begin(struct template_compiler *compiler, size_t at)
{
        if (compiler->at_line)
                op_add(compiler, OP_LINE, at);
        compiler->at_line = false;
}

/* What `text` begins with of what `indent` begins with. */
static size_t common_length(struct slice text, struct slice indent)
{
        size_t len = 0;
        while (len < text.len && len < indent.len && text.data[len] == indent.data[len])
                len++;
        return len;
}

/* The white space of a line that the block around it has not in common. */
static struct slice indent_within(struct slice indent, struct slice outer)
{
        size_t len = common_length(indent, outer);
        return (struct slice){.data = indent.data ? indent.data + len : NULL, .len = indent.len - len};
}

/* Literal text, line by line; of each the indentation of the block in which it stands is left out. */
static void template_text_add(struct template_compiler *compiler, size_t from, size_t to, struct slice dedent)
{
        const char *data = compiler->text.data;
        while (from < to) {
                const char *line_end = memchr(data + from, '\n', to - from);
                size_t next = line_end ? (size_t)(line_end - data) + 1 : to;
                bool blank = data[from] == '\n' || (data[from] == '\r' && from + 2 == next && line_end);
                if (compiler->at_line && !blank) {
                        from += common_length((struct slice){.data = data + from, .len = next - from},
                                              dedent);
                        line_begin(compiler, from);
                }
                if (from < next)
                        op_add(compiler, OP_TEXT, from)->text =
                                (struct slice){.data = data + from, .len = next - from};
                compiler->at_line = line_end != NULL;
                from = next;
        }
}

/* `a.b.c` into its parts, so that rendering finds each without a copy. */
static void path_split(struct template_compiler *compiler, struct template_op *op)
{
        struct slice name = op->text;
        if (slice_is(name, "."))
                return;
        size_t parts = 1;
        for (size_t i = 0; i < name.len; i++)
                parts += name.data[i] == '.';
        const char **path = arena_alloc(compiler->arena, parts * sizeof(*path));
        for (size_t i = 0, begin = 0; i < parts; i++) {
                const char *dot = memchr(name.data + begin, '.', name.len - begin);
                size_t end = dot ? (size_t)(dot - name.data) : name.len;
                path[i] = arena_copy(compiler->arena, name.data + begin, end - begin);
                begin = end + 1;
        }
        op->path = path;
        op->path_count = parts;
}

static enum template_op_kind tag_op(enum tag_kind kind)
{
        switch (kind) {
        case TAG_RAW:
                return OP_RAW;
        case TAG_SECTION:
                return OP_SECTION;
        case TAG_INVERTED:
                return OP_INVERTED;
        case TAG_PARTIAL:
                return OP_PARTIAL;
        case TAG_PARENT:
                return OP_PARENT;
        case TAG_BLOCK:
                return OP_BLOCK;
        case TAG_VALUE:
        case TAG_CLOSE:
        case TAG_NOTHING:
                break;
        }
        return OP_VALUE;
}

static void indent_set(struct template_compiler *compiler, struct template_op *op, const struct tag *tag,
                       struct slice outer)
{
        struct slice indent = tag->kind == TAG_BLOCK ? tag->indent : (struct slice){0};
        if (tag->kind != TAG_BLOCK && tag->standalone)
                indent = tags_indent_before(compiler->text, tag->start);
        op->indent = indent_within(indent, outer);
}

static void tag_add_op(struct template_compiler *compiler, const struct tag *tag, struct slice outer)
{
        struct template_op *op = op_add(compiler, tag_op(tag->kind), tag->start);
        op->text = tag->name;
        op->standalone = tag->standalone;
        if (op->kind == OP_PARTIAL || op->kind == OP_PARENT || op->kind == OP_BLOCK)
                indent_set(compiler, op, tag, outer);
        else
                path_split(compiler, op);
}

/* The indentation of the innermost block around a tag. */
static struct slice dedent_at(const struct tags *tags, size_t inside)
{
        while (inside && tags->list[inside - 1].kind != TAG_BLOCK)
                inside = tags->list[inside - 1].inside;
        return inside ? tags->list[inside - 1].indent : (struct slice){0};
}

static size_t line_end_after(struct slice text, size_t at)
{
        const char *end = memchr(text.data + at, '\n', text.len - at);
        return end ? (size_t)(end - text.data) + 1 : text.len;
}

/* Where the text before a tag ends: without its line's white space if it stands alone. */
static size_t text_end_before(struct slice text, const struct tag *tag, size_t from)
{
        struct slice indent = tags_indent_before(text, tag->start);
        bool trims = tag->standalone && indent.data && tag->start - indent.len >= from;
        return trims ? tag->start - indent.len : tag->start;
}

static void tag_write(struct template_compiler *compiler, size_t index, size_t *op_of)
{
        const struct tag *tag = &compiler->tags.list[index];
        size_t around = tag->kind == TAG_CLOSE ? tag->other + 1 : tag->inside;
        struct slice dedent = dedent_at(&compiler->tags, around);
        bool shown = around == 0 || compiler->tags.list[around - 1].shows;
        if (shown && !tag->standalone && tag->kind != TAG_NOTHING)
                line_begin(compiler, tag->start);
        if (tag->kind == TAG_CLOSE && compiler->tags.list[tag->other].counts)
                compiler->ops[op_of[tag->other]].end = compiler->count;
        if (tag->kind == TAG_CLOSE || tag->kind == TAG_NOTHING || !tag->counts)
                return;
        op_of[index] = compiler->count;
        tag_add_op(compiler, tag, dedent);
}

static void program_write(struct template_compiler *compiler)
{
        const struct tags *tags = &compiler->tags;
        size_t from = 0, *op_of = memory_zeroed(tags->count + 1, sizeof(*op_of));
        compiler->at_line = true;
        for (size_t i = 0; i < tags->count; i++) {
                const struct tag *tag = &tags->list[i];
                size_t around = tag->kind == TAG_CLOSE ? tag->other + 1 : tag->inside;
                if (around == 0 || tags->list[around - 1].shows)
                        template_text_add(compiler, from, text_end_before(compiler->text, tag, from),
                                          dedent_at(tags, around));
                tag_write(compiler, i, op_of);
                from = tag->standalone ? line_end_after(compiler->text, tag->end) : tag->end;
                if (tag->kind != TAG_NOTHING || tag->standalone)
                        compiler->at_line = tag->standalone;
        }
        template_text_add(compiler, from, compiler->text.len, (struct slice){0});
        free(op_of);
}

static bool text_takes(const struct template_source *source, struct file_faults *faults)
{
        struct slice text = source->text;
        if (text.len > TEMPLATE_SOURCE_MAX)
                return file_faults_add(faults, source->place, "larger than 256 KiB");
        size_t good = 0;
        for (size_t width = 1; good < text.len && width; good += width)
                width = text.data[good] ? utf8_width(text.data + good, text.len - good) : 0;
        return good == text.len ||
               file_faults_add(faults, tags_place(source, good), "bytes that are not UTF-8, or a NUL");
}

const struct mustache *template_compile(struct arena *arena, const struct template_source *source,
                                        struct file_faults *faults)
{
        if (!text_takes(source, faults))
                return NULL;
        struct template_source copy = *source;
        copy.place.file = arena_strdup(arena, source->place.file);
        copy.text.data = arena_copy(arena, source->text.data, source->text.len);
        struct template_compiler compiler = {
                .source = &copy, .arena = arena, .text = copy.text, .place = copy.place};
        struct arena scratch;
        arena_init(&scratch);
        bool ok = tags_find(&scratch, &copy, &compiler.tags, faults);
        if (ok) {
                tags_judge(&compiler.tags);
                program_write(&compiler);
        }
        arena_fini(&scratch);
        if (!ok)
                return NULL;
        struct mustache *template = arena_alloc(arena, sizeof(*template));
        *template = (struct mustache){
                .file = copy.place.file, .html = source->html, .ops = compiler.ops, .count = compiler.count};
        return template;
}

void template_references(const struct mustache *template, template_reference *tell, void *context)
{
        for (size_t i = 0; i < template->count; i++) {
                const struct template_op *op = &template->ops[i];
                struct place_in_file place = {.file = template->file, .line = op->line, .column = op->column};
                if (op->kind == OP_PARTIAL || op->kind == OP_PARENT)
                        tell(context, place, op->text);
        }
}
