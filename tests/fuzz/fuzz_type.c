/*
 * The file of a type, a template `t` (text) and a payload, with NULs between: whatever they are, it is told
 * what is wrong with its place, or the payload comes to the same end twice.
 */

#include "fuzz.h"

#include "core/text/utf8.h"
#include "core/types/type_set.h"
#include "io/types/type_yaml.h"

static void plan_text(const struct handler *handler, struct slice payload, struct buffer *out)
{
        struct arena arena;
        struct plan *plan;
        arena_init(&arena);
        struct faults faults = {.arena = &arena};
        enum plan_outcome outcome = plan_build_text(handler, payload, &plan, &faults);
        CHECK((outcome == PLAN_OK) == (faults.count == 0));
        if (outcome == PLAN_OK)
                plan_render(out, plan);
        for (const struct fault *fault = faults.first; fault; fault = fault->next) {
                CHECK(fault->text[0] && utf8_valid(fault->text, strlen(fault->text)));
                buffer_printf(out, "%s\n", fault->text);
        }
        CHECK(!out->data || utf8_valid(out->data, out->len));
        arena_fini(&arena);
}

static void check(const struct handler *handler, struct slice payload)
{
        struct buffer first = {0}, again = {0}, described = {0};
        plan_text(handler, payload, &first);
        plan_text(handler, payload, &again);
        CHECK(first.len == again.len && (!first.len || memcmp(first.data, again.data, first.len) == 0));
        handler->kind->describe(handler, &described);
        json_decref(handler->kind->schema(handler));
        buffer_fini(&first);
        buffer_fini(&again);
        buffer_fini(&described);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        struct slice rest = {.data = (const char *)bytes, .len = size};
        struct slice file = fuzz_take(&rest, '\0'), template = fuzz_take(&rest, '\0');
        struct file_faults faults = {0};
        static const struct handler *const none[] = {NULL};
        struct type_set *set = type_set_new();
        struct template_source source = {.place = {.file = "t", .line = 1, .column = 1}, .text = template};
        struct template_entry entry = {.name = {.name = SLICE_LITERAL("t"), .locale = SLICE_LITERAL("")},
                                       .template = template_compile(&set->arena, &source, &faults)};
        if (entry.template)
                template_set_add(&set->templates, &set->arena, entry);
        const struct document *document = type_yaml_read(&set->arena, "fuzz.type.v1.yaml", file, &faults);
        CHECK(document || faults.count);
        struct declared_type *type = document ? declared_type_compile(&set->arena, document, "fuzz.type.v1",
                                                                      &set->templates, &faults)
                                              : NULL;
        if (type)
                type_set_add(set, type);
        bool good = type_set_close(set, none, &faults);
        CHECK(!faults.lines.data || utf8_valid(faults.lines.data, faults.lines.len));
        if (good && type)
                check(declared_type_handler(type), rest);
        type_set_give(set);
        file_faults_fini(&faults);
        return 0;
}
