#include "io/types/type_loader.h"
#include "core/codec/sha256.h"
#include "core/memory/memory.h"
#include "core/plan/registry.h"
#include "io/types/type_file.h"
#include "io/types/type_yaml.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct type_loading {
        struct type_set *set;
        struct file_faults *faults;
        struct sha256 digest; /* of each file's name, length and bytes */
        size_t files, bytes_read;
};

static struct place_in_file whole_file(const char *file)
{
        return (struct place_in_file){.file = file};
}

/* ---- Directories ---- */

struct names {
        const char **list;
        size_t count, room;
};

static int names_order(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void names_add(struct names *names, struct arena *arena, const char *name)
{
        if (names->count == names->room) {
                names->room = names->room ? 2 * names->room : 64;
                names->list = memory_resized(names->list, names->room * sizeof(*names->list));
        }
        names->list[names->count++] = arena_strdup(arena, name);
}

/* The names in a directory, sorted, so that a set is the same wherever it is loaded. */
static bool directory_read(struct type_loading *loading, const char *path, struct names *names)
{
        DIR *directory = opendir(path);
        if (!directory)
                return file_faults_add(loading->faults, whole_file(path), "cannot be read: %s",
                                       strerror(errno));
        const struct dirent *entry;
        while ((errno = 0, entry = readdir(directory)) && names->count <= TYPE_ENTRIES_MAX)
                if (entry->d_name[0] != '.')
                        names_add(names, &loading->set->arena, entry->d_name);
        int cause = errno;
        closedir(directory);
        if (names->count > TYPE_ENTRIES_MAX)
                return file_faults_add(loading->faults, whole_file(path), "more than %d files",
                                       TYPE_ENTRIES_MAX);
        if (!entry && cause)
                return file_faults_add(loading->faults, whole_file(path), "cannot be read: %s",
                                       strerror(cause));
        if (names->count)
                qsort(names->list, names->count, sizeof(*names->list), names_order);
        return true;
}

static bool name_ends(const char *name, const char *end)
{
        size_t len = strlen(name), end_len = strlen(end);
        return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* ---- Files ---- */

static bool file_take(struct type_loading *loading, const char *path, const char *name, struct slice *text)
{
        if (!type_file_read(&loading->set->arena, path, TYPE_FILE_MAX, text, loading->faults))
                return false;
        loading->bytes_read += text->len;
        if (loading->bytes_read > TYPE_BYTES_MAX)
                return file_faults_add(loading->faults, whole_file(path),
                                       "all files together are over 64 MiB");
        loading->files++;
        sha256_add(&loading->digest, name, strlen(name) + 1);
        sha256_add(&loading->digest, &text->len, sizeof(text->len));
        sha256_add(&loading->digest, text->data, text->len);
        return true;
}

static void type_load(struct type_loading *loading, const char *path, const char *name)
{
        struct slice text;
        struct arena *arena = &loading->set->arena;
        if (loading->set->declared_count == TYPES_MAX) {
                file_faults_add(loading->faults, whole_file(path), "more than %d types", TYPES_MAX);
                return;
        }
        if (!file_take(loading, path, name, &text))
                return;
        const struct document *document = type_yaml_read(arena, path, text, loading->faults);
        if (!document)
                return;
        const char *type = arena_copy(arena, name, strlen(name) - strlen(".yaml"));
        struct declared_type *made =
                declared_type_compile(arena, document, type, &loading->set->templates, loading->faults);
        if (made)
                type_set_add(loading->set, made);
}

static void template_load(struct type_loading *loading, const char *path, const char *name)
{
        struct arena *arena = &loading->set->arena;
        struct template_entry entry;
        struct template_source source = {.place = {.file = path, .line = 1, .column = 1}};
        if (!name_ends(name, ".mustache"))
                return;
        if (!template_name_parse(&entry.name, arena_strdup(arena, name))) {
                file_faults_add(loading->faults, whole_file(path),
                                "expected NAME.html.mustache or NAME.txt.mustache");
                return;
        }
        if (loading->set->templates.count == TEMPLATES_MAX) {
                file_faults_add(loading->faults, whole_file(path), "more than %d templates", TEMPLATES_MAX);
                return;
        }
        if (!file_take(loading, path, name, &source.text))
                return;
        source.html = entry.name.html;
        entry.template = template_compile(arena, &source, loading->faults);
        if (!entry.template) { /* it is there, if broken: nobody is told that it is missing */
                struct mustache *broken = arena_alloc(arena, sizeof(*broken));
                broken->file = path;
                entry.template = broken;
        }
        template_set_add(&loading->set->templates, arena, entry);
}

static void templates_load(struct type_loading *loading, const char *directory)
{
        struct names names = {0};
        bool ok = directory_read(loading, directory, &names);
        for (size_t i = 0; ok && i < names.count; i++)
                template_load(loading, arena_printf(&loading->set->arena, "%s/%s", directory, names.list[i]),
                              names.list[i]);
        free(names.list);
}

static void directory_load(struct type_loading *loading, const char *directory)
{
        struct names names = {0};
        bool ok = directory_read(loading, directory, &names);
        for (size_t i = 0; ok && i < names.count; i++) {
                const char *name = names.list[i];
                const char *path = arena_printf(&loading->set->arena, "%s/%s", directory, name);
                if (strcmp(name, "templates") == 0)
                        templates_load(loading, path);
                else if (name_ends(name, ".yaml"))
                        type_load(loading, path, name);
                else if (name_ends(name, ".yml"))
                        file_faults_add(loading->faults, whole_file(path),
                                        "the file of a type is named <type>.yaml");
        }
        free(names.list);
}

/* ---- Types that planners plan ---- */

static const struct payload_schema *schema_load(struct type_loading *loading, const char *path)
{
        struct slice text;
        if (!file_take(loading, path, path, &text))
                return NULL;
        const struct document *document = type_yaml_read(&loading->set->arena, path, text, loading->faults);
        return document ? payload_schema_compile(&loading->set->arena, document, loading->faults) : NULL;
}

static void planned_load(struct type_loading *loading, const struct config_handler *settings)
{
        struct place_in_file place =
                whole_file(arena_printf(&loading->set->arena, "handlers.%s.plan", settings->type));
        if (!handler_type_valid(slice_of(settings->type))) {
                file_faults_add(loading->faults, place,
                                "a type is dotted lower-case words and a version, as order.created.v1");
                return;
        }
        const struct payload_schema *schema =
                settings->schema ? schema_load(loading, settings->schema) : NULL;
        type_set_add_planned(loading->set, planned_type_new(&loading->set->arena, settings, schema));
}

struct type_set *type_set_load(const struct type_sources *sources, struct file_faults *faults)
{
        struct type_loading loading = {.set = type_set_new(), .faults = faults};
        size_t before = faults->count;
        sha256_init(&loading.digest);
        for (size_t i = 0; i < sources->directory_count; i++)
                directory_load(&loading, sources->directories[i]);
        for (size_t i = 0; i < sources->handler_count; i++)
                if (sources->handlers[i].plan.url || sources->handlers[i].plan.exec_count)
                        planned_load(&loading, &sources->handlers[i]);
        if (loading.files)
                sha256_final_hex(&loading.digest, loading.set->digest);
        bool ok = faults->count == before;
        ok = type_set_close(loading.set, sources->compiled, faults) && ok;
        if (ok)
                return loading.set;
        type_set_give(loading.set);
        return NULL;
}

struct type_set *type_set_load_config(const struct config *config, const struct handler *const *compiled,
                                      struct file_faults *faults)
{
        return type_set_load(&(struct type_sources){.directories = config->types.path,
                                                    .directory_count = config->types.path_count,
                                                    .compiled = compiled,
                                                    .handlers = config->handlers,
                                                    .handler_count = config->handler_count},
                             faults);
}
