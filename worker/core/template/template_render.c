#include "core/template/program.h"
#include "core/text/utf8.h"
#include "core/text/word.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* White space before each line: of what is around, then of this place. */
struct indent {
        const struct indent *outer;
        struct slice text;
};

/* The arguments of the layouts that are being rendered, the innermost first. */
struct template_arguments {
        const struct template_arguments *outer;
        const struct mustache *template; /* in which they stand */
        size_t from, to;                 /* its ops: blocks */
};

struct renderer {
        const struct template_rendering *rendering;
        struct buffer *out;
        size_t out_max; /* of out->len */
        uint32_t steps, depth;
        bool indented; /* the next line begins where its indentation is already */
        char *error;
};

/* What holds for a run of ops. */
struct surroundings {
        const struct mustache *template;
        const struct template_scope *scope;
        const struct indent *indent;
        const struct template_arguments *arguments;
};

static bool render_ops(struct renderer *renderer, const struct surroundings *around, size_t from, size_t to);

static bool render_fail(struct renderer *renderer, const struct surroundings *around,
                        const struct template_op *op, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* Always false. The name of a file may be long: what is wrong counts more than the end of its path. */
static bool render_fail(struct renderer *renderer, const struct surroundings *around,
                        const struct template_op *op, const char *format, ...)
{
        char what[2 * TEMPLATE_NAME_MAX + 100]; /* no text below is longer: nothing is cut yet */
        va_list args;
        va_start(args, format);
        vsnprintf(what, sizeof(what), format, args);
        va_end(args);
        const char *file = around->template->file;
        size_t len = strlen(file), shown = TEMPLATE_ERROR_MAX / 2 - 32;
        while (len > shown && !utf8_valid(file + len - shown, shown))
                shown--;
        snprintf(renderer->error, TEMPLATE_ERROR_MAX, "%s:%u:%u: %.*s",
                 len > shown ? file + len - shown : file, op->line, op->column,
                 (int)utf8_prefix(what, strlen(what), TEMPLATE_ERROR_MAX / 2 - 1), what);
        return false;
}

static bool step_take(struct renderer *renderer, const struct surroundings *around,
                      const struct template_op *op, size_t steps)
{
        if (steps <= TEMPLATE_STEPS_MAX - renderer->steps) {
                renderer->steps += (uint32_t)steps;
                return true;
        }
        return render_fail(renderer, around, op, "more than %d steps", TEMPLATE_STEPS_MAX);
}

static bool depth_take(struct renderer *renderer, const struct surroundings *around,
                       const struct template_op *op)
{
        if (renderer->depth < TEMPLATE_DEPTH_MAX) {
                renderer->depth++;
                return true;
        }
        return render_fail(renderer, around, op,
                           "more than %d inside each other; does a partial name itself?", TEMPLATE_DEPTH_MAX);
}

/* ---- Output ---- */

static bool out_fits(const struct renderer *renderer, size_t len)
{
        return len <= renderer->out_max - renderer->out->len;
}

static bool out_add(struct renderer *renderer, const struct surroundings *around,
                    const struct template_op *op, struct slice text)
{
        if (!out_fits(renderer, text.len))
                return render_fail(renderer, around, op, "more than %zu bytes come out", renderer->out_max);
        buffer_add_slice(renderer->out, text);
        renderer->indented = false;
        return true;
}

static const char *escape_of(char c)
{
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        case '"':
                return "&quot;";
        case '\'':
                return "&#39;";
        default:
                return NULL;
        }
}

void template_escape(struct buffer *out, struct slice text)
{
        size_t begin = 0;
        for (size_t i = 0; i < text.len; i++) {
                const char *escaped = escape_of(text.data[i]);
                if (!escaped)
                        continue;
                buffer_add(out, text.data + begin, i - begin);
                buffer_add_text(out, escaped);
                begin = i + 1;
        }
        buffer_add(out, text.data + begin, text.len - begin);
}

static size_t escaped_length(struct slice text)
{
        size_t len = text.len;
        for (size_t i = 0; i < text.len; i++) {
                const char *escaped = escape_of(text.data[i]);
                len += escaped ? strlen(escaped) - 1 : 0;
        }
        return len;
}

static bool indent_add(struct renderer *renderer, const struct surroundings *around,
                       const struct template_op *op, const struct indent *indent)
{
        if (!indent)
                return true;
        return indent_add(renderer, around, op, indent->outer) && out_add(renderer, around, op, indent->text);
}

static bool render_line(struct renderer *renderer, const struct surroundings *around,
                        const struct template_op *op)
{
        bool indented = renderer->indented;
        renderer->indented = false;
        return indented || indent_add(renderer, around, op, around->indent);
}

/* ---- Values ---- */

bool template_truth(const json_t *value)
{
        if (!value || json_is_null(value) || json_is_false(value))
                return false;
        if (json_is_string(value))
                return json_string_length(value) > 0;
        return !json_is_array(value) || json_array_size(value) > 0;
}

void template_add_value(struct buffer *out, const json_t *value)
{
        switch (json_typeof(value)) {
        case JSON_STRING: /* a number that is no int64 is one for jansson too */
                buffer_add_slice(out, json_text(value).data ? json_text(value) : json_wide(value));
                break;
        case JSON_INTEGER:
                buffer_add_integer(out, json_integer_value(value));
                break;
        case JSON_TRUE:
        case JSON_FALSE:
                buffer_add_text(out, bool_word(json_is_true(value)));
                break;
        case JSON_NULL:
                break;
        case JSON_REAL: /* json_parse makes none */
        case JSON_OBJECT:
        case JSON_ARRAY:
                json_compact_sorted(out, value);
                break;
        }
}

/* The value of a name: its first part in the innermost object that has it, the others within. False: over the
 * steps. */
static bool value_find(struct renderer *renderer, const struct surroundings *around,
                       const struct template_op *op, const json_t **value)
{
        const struct template_scope *scope = around->scope;
        size_t steps = 1;
        *value = NULL;
        if (op->path_count == 0) {
                *value = scope ? scope->value : NULL;
                return true;
        }
        for (; scope && !*value; scope = scope->outer, steps++)
                *value = json_object_get(scope->value, op->path[0]);
        for (size_t i = 1; i < op->path_count && *value; i++, steps++)
                *value = json_object_get(*value, op->path[i]);
        return step_take(renderer, around, op, steps);
}

static bool render_text_value(struct renderer *renderer, const struct surroundings *around,
                              const struct template_op *op, struct slice text)
{
        bool escapes = op->kind == OP_VALUE && around->template->html;
        if (!escapes)
                return out_add(renderer, around, op, text);
        if (!out_fits(renderer, escaped_length(text)))
                return render_fail(renderer, around, op, "more than %zu bytes come out", renderer->out_max);
        template_escape(renderer->out, text);
        renderer->indented = false;
        return true;
}

static bool render_value(struct renderer *renderer, const struct surroundings *around,
                         const struct template_op *op)
{
        const json_t *value;
        if (!value_find(renderer, around, op, &value))
                return false;
        bool lenient = renderer->rendering->lenient;
        if (!value)
                return lenient ||
                       render_fail(renderer, around, op, "%.*s is missing; {{#%.*s}} may ask for it",
                                   SLICE_PRINT(op->text), SLICE_PRINT(op->text));
        struct slice found = json_text(value).data ? json_text(value) : json_wide(value);
        if (found.data)
                return render_text_value(renderer, around, op, found);
        if (!lenient && (json_is_object(value) || json_is_array(value)))
                return render_fail(renderer, around, op, "%.*s is %s, not a text or number",
                                   SLICE_PRINT(op->text), json_is_object(value) ? "an object" : "a list");
        struct buffer text = {0};
        template_add_value(&text, value);
        bool ok = render_text_value(renderer, around, op, (struct slice){.data = text.data, .len = text.len});
        buffer_fini(&text);
        return ok;
}

/* ---- Sections ---- */

static bool render_within(struct renderer *renderer, const struct surroundings *around, size_t index,
                          const json_t *value)
{
        const struct template_op *op = &around->template->ops[index];
        struct template_scope scope = {.outer = around->scope, .value = value};
        struct surroundings inner = *around;
        inner.scope = &scope;
        return step_take(renderer, around, op, 1) && render_ops(renderer, &inner, index + 1, op->end);
}

static bool render_section(struct renderer *renderer, const struct surroundings *around, size_t index)
{
        const struct template_op *op = &around->template->ops[index];
        const json_t *value;
        if (!value_find(renderer, around, op, &value))
                return false;
        if (template_truth(value) != (op->kind == OP_SECTION))
                return true;
        if (!depth_take(renderer, around, op))
                return false;
        bool ok = true;
        if (op->kind == OP_INVERTED)
                ok = render_ops(renderer, around, index + 1, op->end);
        else if (!json_is_array(value))
                ok = render_within(renderer, around, index, value);
        else
                for (size_t i = 0; ok && i < json_array_size(value); i++)
                        ok = render_within(renderer, around, index, json_array_get(value, i));
        renderer->depth--;
        return ok;
}

/* ---- Partials, layouts, blocks ---- */

/* The program of a partial or layout. False: refused; `*found` NULL: there is none, and nothing comes out. */
static bool partial_find(struct renderer *renderer, const struct surroundings *around,
                         const struct template_op *op, const struct mustache **found)
{
        struct template_finder partials = renderer->rendering->partials;
        *found = partials.find ? partials.find(partials.context, op->text) : NULL;
        if (*found || renderer->rendering->lenient)
                return true;
        return render_fail(renderer, around, op, "there is no partial %.*s", SLICE_PRINT(op->text));
}

static bool render_partial(struct renderer *renderer, const struct surroundings *around, size_t index)
{
        const struct template_op *op = &around->template->ops[index];
        const struct mustache *partial;
        if (!partial_find(renderer, around, op, &partial))
                return false;
        if (!partial)
                return true;
        if (!depth_take(renderer, around, op))
                return false;
        const struct indent *outer = op->standalone ? around->indent : NULL;
        struct indent indent = {.outer = outer, .text = op->indent};
        bool indented = op->standalone && op->indent.len;
        struct template_arguments arguments = {
                .outer = around->arguments, .template = around->template, .from = index + 1, .to = op->end};
        struct surroundings inner = {.template = partial,
                                     .scope = around->scope,
                                     .indent = indented ? &indent : outer,
                                     .arguments = around->arguments};
        if (op->kind == OP_PARENT)
                inner.arguments = &arguments;
        bool ok = render_ops(renderer, &inner, 0, partial->count);
        renderer->depth--;
        return ok;
}

/* The op of an argument of that name; `to` if there is none. */
static size_t render_argument_find(const struct template_arguments *arguments, struct slice name)
{
        const struct template_op *ops = arguments->template->ops;
        size_t at = arguments->from;
        while (at < arguments->to && !(ops[at].kind == OP_BLOCK && slice_equal(ops[at].text, name)))
                at = ops[at].end;
        return at;
}

/* Of several arguments of that name the outermost counts: whoever asks decides. Inside of it only those of
 * the layouts around count, so that it cannot mean itself. */
static bool render_block(struct renderer *renderer, const struct surroundings *around, size_t index)
{
        const struct template_op *op = &around->template->ops[index];
        const struct template_arguments *chosen = NULL;
        size_t frames = 1;
        for (const struct template_arguments *at = around->arguments; at; at = at->outer) {
                frames += at->to - at->from;
                if (render_argument_find(at, op->text) < at->to)
                        chosen = at;
        }
        if (!step_take(renderer, around, op, frames) || !depth_take(renderer, around, op))
                return false;
        struct indent indent = {.outer = around->indent, .text = op->indent};
        struct surroundings inner = *around;
        if (op->indent.len)
                inner.indent = &indent;
        if (chosen) {
                inner.template = chosen->template;
                inner.arguments = chosen->outer;
                index = render_argument_find(chosen, op->text);
        }
        const struct template_op *content = &inner.template->ops[index];
        bool ok = true;
        if (op->standalone && !content->standalone)
                ok = indent_add(renderer, &inner, op, inner.indent);
        renderer->indented = !op->standalone && content->standalone;
        ok = ok && render_ops(renderer, &inner, index + 1, content->end);
        renderer->indented = false;
        renderer->depth--;
        return ok;
}

static bool render_op(struct renderer *renderer, const struct surroundings *around, size_t index)
{
        const struct template_op *op = &around->template->ops[index];
        if (!step_take(renderer, around, op, 1))
                return false;
        switch (op->kind) {
        case OP_TEXT:
                return out_add(renderer, around, op, op->text);
        case OP_LINE:
                return render_line(renderer, around, op);
        case OP_VALUE:
        case OP_RAW:
                return render_value(renderer, around, op);
        case OP_SECTION:
        case OP_INVERTED:
                return render_section(renderer, around, index);
        case OP_PARTIAL:
        case OP_PARENT:
                return render_partial(renderer, around, index);
        case OP_BLOCK:
                return render_block(renderer, around, index);
        }
        abort();
}

static bool render_ops(struct renderer *renderer, const struct surroundings *around, size_t from, size_t to)
{
        for (size_t at = from; at < to; at = around->template->ops[at].end)
                if (!render_op(renderer, around, at))
                        return false;
        return true;
}

bool template_render(const struct template_rendering *rendering, struct buffer *out,
                     char error[TEMPLATE_ERROR_MAX])
{
        struct renderer renderer = {
                .rendering = rendering,
                .out = out,
                .out_max = out->len + (rendering->output_max ? rendering->output_max : TEMPLATE_OUTPUT_MAX),
                .error = error};
        struct surroundings around = {.template = rendering->template, .scope = rendering->scope};
        error[0] = '\0';
        return render_ops(&renderer, &around, 0, rendering->template->count);
}
