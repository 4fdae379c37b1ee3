#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/memory/memory.h"
#include "core/template/template.h"

#include <stdio.h>
#include <stdlib.h>

/* The official tests of Mustache, from a folder of their JSON files beside the repository or the one that
 * LEVERET_MUSTACHE_SPEC names. */

enum { FILE_ROOM = 1 << 20 };

static const char *const core_modules[] = {"comments", "delimiters", "interpolation", "inverted", "partials",
                                           "sections", NULL};
static const char *const inheritance[] = {"inheritance", NULL};

static json_t *module_read(const char *name)
{
        char path[1024];
        const char *named = getenv("LEVERET_MUSTACHE_SPEC");
        const char *places[] = {named, LEVERET_SOURCE_DIR "/../shared/mustache-spec",
                                LEVERET_SOURCE_DIR "/../../shared/mustache-spec"};
        for (size_t i = named ? 0 : 1; i < sizeof(places) / sizeof(*places); i++) {
                snprintf(path, sizeof(path), "%s/%s.json", places[i], name);
                FILE *file = fopen(path, "r");
                if (!file)
                        continue;
                char *text = memory_zeroed(1, FILE_ROOM), error[JSON_CAUSE_MAX];
                size_t len = fread(text, 1, FILE_ROOM, file);
                fclose(file);
                json_t *module = json_parse((struct slice){.data = text, .len = len}, error);
                free(text);
                return module;
        }
        return NULL;
}

struct partials {
        struct arena *arena;
        const json_t *texts;
};

static const struct mustache *compile(struct arena *arena, const char *text)
{
        struct file_faults faults = {0};
        struct template_source source = {
                .place = {.file = "spec", .line = 1, .column = 1}, .text = slice_of(text), .html = true};
        const struct mustache *template = template_compile(arena, &source, &faults);
        if (!template)
                print_error("%s", faults.lines.data);
        file_faults_fini(&faults);
        return template;
}

static const struct mustache *partial_find(void *context, struct slice name)
{
        struct partials *partials = context;
        char *key = arena_copy(partials->arena, name.data, name.len);
        const char *text = json_string_value(json_object_get(partials->texts, key));
        return text ? compile(partials->arena, text) : NULL;
}

static bool passes(const json_t *test)
{
        struct arena arena;
        struct buffer out = {0};
        char error[TEMPLATE_ERROR_MAX] = "";
        arena_init(&arena);
        struct partials partials = {.arena = &arena, .texts = json_object_get(test, "partials")};
        struct template_scope scope = {.value = json_object_get(test, "data")};
        struct template_rendering rendering = {
                .template = compile(&arena, json_string_value(json_object_get(test, "template"))),
                .scope = &scope,
                .partials = {.find = partial_find, .context = &partials},
                .lenient = true};
        const char *expected = json_string_value(json_object_get(test, "expected"));
        bool ok = rendering.template && template_render(&rendering, &out, error) &&
                  strcmp(out.data ? out.data : "", expected) == 0;
        if (!ok)
                print_error("%s: %s\nexpected: %s\ngot:      %s\n%s\n",
                            json_string_value(json_object_get(test, "name")),
                            json_string_value(json_object_get(test, "template")), expected,
                            out.data ? out.data : "", error);
        buffer_fini(&out);
        arena_fini(&arena);
        return ok;
}

static void run(const char *const *modules, size_t wanted)
{
        size_t passed = 0;
        for (; *modules; modules++) {
                json_t *module = module_read(*modules);
                if (!module) {
                        print_message("skipped: the official tests of Mustache are not here; "
                                      "LEVERET_MUSTACHE_SPEC may name their folder\n");
                        skip();
                }
                const json_t *tests = json_object_get(module, "tests");
                for (size_t i = 0; i < json_array_size(tests); i++)
                        passed += passes(json_array_get(tests, i));
                json_decref(module);
        }
        print_message("%zu of %zu\n", passed, wanted);
        assert_int_equal(passed, wanted);
}

static void all_tests_of_the_core_pass(void **state)
{
        (void)state;
        run(core_modules, 136);
}

static void all_tests_of_inheritance_pass(void **state)
{
        (void)state;
        run(inheritance, 27);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_tests_of_the_core_pass),
                cmocka_unit_test(all_tests_of_inheritance_pass),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
