/*
 * A template, two partials `p` and `q` and their data, one behind the other with NULs between: whatever they
 * are, it ends within the bounds and comes out the same again; what goes wrong is one line that names a
 * place.
 */

#include "fuzz.h"

#include "core/template/template.h"
#include "core/text/utf8.h"

struct input {
        const struct mustache *template, *p, *q;
        json_t *data;
};

static const struct mustache *find(void *context, struct slice name)
{
        const struct input *input = context;
        if (slice_is(name, "p"))
                return input->p;
        return slice_is(name, "q") ? input->q : NULL;
}

static const struct mustache *compile(struct arena *arena, struct slice text)
{
        struct file_faults faults = {0};
        struct template_source source = {
                .place = {.file = "fuzz", .line = 1, .column = 1}, .text = text, .html = text.len % 2};
        const struct mustache *template = template_compile(arena, &source, &faults);
        CHECK((template == NULL) == (faults.count > 0));
        CHECK(!faults.lines.data || utf8_valid(faults.lines.data, faults.lines.len));
        file_faults_fini(&faults);
        return template;
}

static void render(struct input *input, bool lenient, struct buffer *out)
{
        char error[TEMPLATE_ERROR_MAX];
        struct template_scope scope = {.value = input->data};
        struct template_rendering rendering = {.template = input->template,
                                               .scope = &scope,
                                               .partials = {.find = find, .context = input},
                                               .lenient = lenient};
        bool ok = template_render(&rendering, out, error);
        CHECK(ok == (error[0] == '\0'));
        CHECK(ok || (strncmp(error, "fuzz:", 5) == 0 && utf8_valid(error, strlen(error))));
        CHECK(out->len <= TEMPLATE_OUTPUT_MAX);
        CHECK(!out->data || utf8_valid(out->data, out->len));
}

static void check(struct input *input, bool lenient)
{
        struct buffer first = {0}, again = {0};
        render(input, lenient, &first);
        render(input, lenient, &again);
        CHECK(first.len == again.len && (!first.len || memcmp(first.data, again.data, first.len) == 0));
        buffer_fini(&first);
        buffer_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        struct slice rest = {.data = (const char *)bytes, .len = size};
        struct slice template = fuzz_take(&rest, '\0'), p = fuzz_take(&rest, '\0'),
                     q = fuzz_take(&rest, '\0');
        struct arena arena;
        char error[JSON_CAUSE_MAX];
        arena_init(&arena);
        struct input input = {.template = compile(&arena, template),
                              .p = compile(&arena, p),
                              .q = compile(&arena, q),
                              .data = json_parse(rest, error)};
        if (input.template) {
                check(&input, true);
                check(&input, false);
        }
        json_decref(input.data);
        arena_fini(&arena);
        return 0;
}
