#include "core/types/data.h"
#include "core/codec/json_pointer.h"

/* ---- Pointers ---- */

/* `~1` is a slash, `~0` a tilde; false for any other tilde. */
static bool part_unescape(char *part)
{
        char *to = part;
        for (const char *at = part; *at; at++) {
                if (*at == '~' && at[1] != '0' && at[1] != '1')
                        return false;
                char c = *at;
                if (c == '~')
                        c = *++at == '1' ? '/' : '~';
                *to++ = c;
        }
        *to = '\0';
        return true;
}

static bool parts_split(struct arena *arena, const char *text, struct data_pointer *pointer)
{
        size_t count = 0;
        for (const char *at = text; *at; at++)
                count += *at == '/';
        const char **parts = arena_alloc(arena, (count + 1) * sizeof(*parts));
        for (size_t i = 0; i < count; i++) {
                size_t len = strcspn(text + 1, "/");
                char *part = arena_copy(arena, text + 1, len);
                if (!part_unescape(part))
                        return false;
                parts[i] = part;
                text += 1 + len;
        }
        pointer->parts = parts;
        pointer->count = count;
        return true;
}

bool data_pointer_read(struct arena *arena, const struct document *node, bool in_each,
                       struct data_pointer *pointer, struct file_faults *faults)
{
        const char *text = node->kind == DOCUMENT_TEXT ? node->text : "?";
        *pointer = (struct data_pointer){.from_payload = in_each && strncmp(text, "//", 2) == 0};
        text += pointer->from_payload;
        if ((text[0] == '\0' || text[0] == '/') && parts_split(arena, text, pointer))
                return true;
        return file_faults_add(faults, document_place(node),
                               "expected a JSON pointer, as /customer/name or \"\"");
}

const json_t *data_pointer_value(const struct data_pointer *pointer, const struct data_source *source)
{
        const json_t *value = pointer->from_payload ? source->payload : source->item;
        for (size_t i = 0; i < pointer->count && value; i++)
                value = json_pointer_member(value, pointer->parts[i]);
        return value;
}

/* ---- Texts ---- */

bool data_text_read(struct arena *arena, const struct document *node, bool html, struct data_text *text,
                    struct file_faults *faults)
{
        *text = (struct data_text){0};
        const char *written = document_text(node, "a text", faults);
        if (!written)
                return false;
        if (!strstr(written, "{{")) {
                text->literal = arena_strdup(arena, written);
                return true;
        }
        struct place_in_file place = document_place(node);
        place.column += node->quoted;
        struct template_source source = {.place = place, .text = slice_of(written), .html = html};
        text->template = template_compile(arena, &source, faults);
        return text->template != NULL;
}

const char *data_template_make(const struct mustache *template, const struct data_source *source,
                               bool lenient)
{
        struct template_language language = {
                .set = source->templates, .locale = source->locale, .html = template->html};
        struct template_rendering rendering = {
                .template = template,
                .scope = source->scope,
                .partials = {.find = template_language_find, .context = &language},
                .lenient = lenient};
        struct buffer out = {0};
        char error[TEMPLATE_ERROR_MAX];
        const char *text = NULL;
        if (template_render(&rendering, &out, error))
                text = arena_copy(source->arena, out.data ? out.data : "", out.len);
        else
                faults_add(source->faults, "%s", error);
        buffer_fini(&out);
        return text;
}

const char *data_text_make(const struct data_text *text, const struct data_source *source, bool lenient)
{
        return text->literal ? text->literal : data_template_make(text->template, source, lenient);
}

void data_text_references(const struct data_text *text, template_reference *tell, void *context)
{
        if (text->template)
                template_references(text->template, tell, context);
}
