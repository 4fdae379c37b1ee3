#include "io/config/config_file.h"

#include "core/memory/memory.h"
#include "core/text/expand.h"
#include "core/text/suggest.h"
#include "core/text/word.h"
#include "io/config/config_check.h"
#include "io/config/config_fold.h"
#include "io/config/config_lists.h"
#include "io/config/config_loader.h"
#include "io/config/config_yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20 };

static const char *file_label(struct loader *loader, int line, int column)
{
        return arena_printf(&loader->scratch, "%s:%d:%d", loader->source->path, line, column);
}

/* Below a type's name stand sections of its own, as "handlers.cart.left.v1.plan.tls" does: is this deeper, so
 * in the name? */
static bool is_in_type(const struct config_node *node)
{
        if (strncmp(node->path, "handlers.", 9) != 0)
                return false;
        const char *own = node->path + 9 + setting_handler_type_len(node->path + 9, /* leaf = */ false);
        size_t depth = 2;
        for (; *own; own++)
                depth += *own == '.';
        return node->depth > depth;
}

/* Sections and lists of sections: known, and with what they create. False if what lies in it must be skipped.
 */
static bool section_apply(struct loader *loader, const struct config_node *node, const char *label)
{
        bool in_handlers = strncmp(node->path, "handlers.", 9) == 0;
        bool sequence = node->kind == CONFIG_NODE_SEQUENCE || node->kind == CONFIG_NODE_LIST;
        const char *expected = NULL;
        if (config_list_apply(loader->config, loader->arena, node, &expected))
                return true;
        bool known = setting_is_section(node->path) &&
                     (!node->odd_key || (in_handlers && node->depth == 2)) && !is_in_type(node);
        if (!known || sequence || expected) {
                const char *message = "expected settings as `key: value`, not a list";
                if (expected)
                        message = expected;
                else if (!known && node->odd_key)
                        message = "unknown setting; dotted names are written as sections";
                else if (!known)
                        message = loader_unknown(loader, node->path);
                loader_complain(loader, label, node->path, message);
                return false;
        }
        const char *error = NULL;
        const char *type = node->path + 9;
        if (in_handlers &&
            !loader_handler(loader, arena_copy(&loader->scratch, type, setting_handler_type_len(type, false)),
                            &error))
                loader_complain(loader, label, node->path, error);
        bool refused = loader_path_is_of_outlets(node->path) && !loader_outlet_of(loader, node->path, &error);
        if (refused)
                loader_complain(loader, label, node->path, error);
        return !refused;
}

static bool is_in_plain(struct loader *loader, const struct setting *setting, const struct config_node *node)
{
        bool plain = false;
        for (size_t i = 0; i < node->count; i++)
                plain |= !strstr(node->values[i], "${") &&
                         !(setting->fallback && strcmp(setting->fallback, node->values[i]) == 0) &&
                         config_value_is_secret(setting, node->values[i], &loader->scratch);
        return plain;
}

static void secret_in_plain(struct loader *loader, const struct setting *setting,
                            const struct config_node *node)
{
        const char *path = node->path;
        if (!loader->world_readable || !is_in_plain(loader, setting, node))
                return;
        const char *variable = setting_variable(&loader->scratch, setting, path);
        const char *message = arena_printf(
                &loader->scratch,
                "a secret in plain in a file that everybody may read; chmod o-r the file, or use "
                "${VARIABLE}%s%s%s",
                text_if(variable, " or "), text_or(variable, ""), text_if(variable, "_FILE"));
        /* Of services on this machine, as in development and tests, it is worth no more than a warning. */
        const char *label = file_label(loader, node->line, node->column);
        if (config_secret_is_local(loader->config, path, &loader->scratch))
                loader_warn(loader, label, path, message);
        else
                loader_complain(loader, label, path, message);
}

static const char *section_fault(const struct setting *setting)
{
        switch (setting->pairs) {
        case SETTING_SINGLE:
                return "expected a value, not a section";
        case SETTING_OF_EXCHANGE:
                return "expected patterns, or {exchange: NAME, key: PATTERN}";
        case SETTING_BY_NAME:
                return "expected names and values, {THEIRS: OURS}";
        }
        return NULL;
}

/* One node of the file; false if the nodes below it must be skipped. */
static bool node_apply(struct loader *loader, const struct config_node *node)
{
        const struct setting *setting = node->odd_key ? NULL : setting_find(node->path);
        const char *key_label = file_label(loader, node->key_line, node->key_column);
        bool container = node->kind == CONFIG_NODE_MAPPING || node->kind == CONFIG_NODE_SEQUENCE;
        bool section = setting_is_section(node->path) && !is_in_type(node);
        if (setting && !section && container) {
                loader_complain(loader, key_label, node->path, section_fault(setting));
                loader_origin(loader, node->path, key_label, true)->broken = true;
                return false;
        }
        if (!setting || section) {
                bool value = node->kind == CONFIG_NODE_VALUE && section;
                struct origin *origin = loader_origin(loader, node->path, key_label, true);
                if (value)
                        loader_complain(loader, key_label, node->path,
                                        "expected settings as `key: value`, not one value");
                else if (node->kind == CONFIG_NODE_NULL && section)
                        return true;
                bool ok = !value && section_apply(loader, node, key_label);
                origin->broken = !ok;
                return ok;
        }
        struct origin *origin =
                loader_origin(loader, node->path, file_label(loader, node->line, node->column), true);
        if (node->kind == CONFIG_NODE_NULL) {
                origin->broken = true;
                loader_complain(loader, key_label, node->path, "has no value");
                return true;
        }
        loader_apply(loader, setting, origin, (struct setting_texts){node->values, node->count},
                     /* expanding = */ true);
        return true;
}

static void file_apply(struct loader *loader, struct config_yaml *yaml)
{
        const char *path = loader->source->path;
        struct stat status;
        char *text = arena_alloc(&loader->scratch, FILE_MAX + 1);
        ssize_t len = loader_read_file(path, text, FILE_MAX, &status);
        loader->unreadable = true;
        if (len < 0) {
                loader_complain(loader, path, NULL, strerror(errno));
                return;
        }
        if (len > FILE_MAX) {
                loader_complain(loader, path, NULL, "is larger than 1 MiB");
                return;
        }
        config_yaml_parse(yaml, &loader->scratch, text, (size_t)len);
        if (yaml->error) {
                loader_complain(loader, file_label(loader, yaml->error_line, yaml->error_column), NULL,
                                yaml->error);
                return;
        }
        config_fold(yaml, &loader->scratch);
        loader->unreadable = false;
        loader->world_readable = S_ISREG(status.st_mode) && (status.st_mode & S_IROTH);
        const char *skipped = NULL;
        for (size_t i = 0; i < yaml->count; i++)
                if (loader_wants(loader, yaml->nodes[i].path) &&
                    !loader_lies_below(yaml->nodes[i].path, skipped) && !node_apply(loader, &yaml->nodes[i]))
                        skipped = yaml->nodes[i].path;
}

/* A fault between settings: told where the setting was set, else where its nearest section stands. */
static void cross_fault(void *context, const char *path, const char *message)
{
        struct loader *loader = context;
        const struct origin *origin = loader_origin_find(loader, path);
        char *parent = arena_strdup(&loader->scratch, path);
        for (char *dot; !origin && (dot = strrchr(parent, '.'));) {
                *dot = '\0';
                origin = loader_origin_find(loader, parent);
        }
        if (origin && origin->broken)
                return;
        const char *fallback = loader->source->path ? file_label(loader, 1, 1) : "configuration";
        loader_complain(loader, origin ? origin->label : fallback, path, message);
}

static bool known_as_broken(const struct loader *loader, const char *path)
{
        const struct origin *origin = loader_origin_find(loader, path);
        return origin && origin->broken;
}

static void types_check(struct loader *loader)
{
        const struct config_types *known = loader->source->types;
        if (!known || known_as_broken(loader, "types.path"))
                return;
        size_t faults = 0;
        const char *const *types =
                known->names(known->context, loader->config, &loader->errors->lines, &faults);
        loader->errors->count += faults;
        for (size_t i = 0; types && i < loader->config->handler_count; i++) {
                const char *type = loader->config->handlers[i].type;
                struct suggest suggest = {.word = type, .limit = suggest_limit(type)};
                for (const char *const *at = types; *at; at++)
                        suggest_offer(&suggest, *at);
                if (suggest.best && strcmp(suggest.best, type) == 0)
                        continue;
                const char *message = "there is no handler of this type";
                if (suggest.best)
                        message =
                                arena_printf(&loader->scratch, "%s; did you mean %s?", message, suggest.best);
                cross_fault(loader, arena_printf(&loader->scratch, "handlers.%s", type), message);
        }
}

/* A setting of another kind of outlet: told when the kind is known, which may stand behind it. */
static void config_kind_check(struct loader *loader, const struct config_node *node,
                              const struct setting *setting)
{
        static const char *const kinds[] = {[OUTLET_MAIL] = "mail", [OUTLET_POST] = "post"};
        const char *error;
        if (!loader_path_is_of_outlets(node->path) || setting->scope != SETTING_OF_OUTLET ||
            setting->kinds == 0)
                return;
        const struct config_outlet *outlet = loader_outlet_of(loader, node->path, &error);
        if (outlet && !(setting->kinds & 1u << outlet->kind))
                loader_complain(loader, file_label(loader, node->key_line, node->key_column), node->path,
                                arena_printf(&loader->scratch, "is no setting of an outlet of the kind %s",
                                             kinds[outlet->kind]));
}

static void load_all(struct loader *loader)
{
        struct config_yaml yaml = {0};
        if (loader->source->path)
                file_apply(loader, &yaml);
        loader_override(loader);
        loader_otel(loader);
        if (loader->unreadable || loader->source->section)
                return;
        for (size_t i = 0; i < yaml.count; i++) {
                const struct setting *setting = setting_find(yaml.nodes[i].path);
                bool written =
                        yaml.nodes[i].kind == CONFIG_NODE_VALUE || yaml.nodes[i].kind == CONFIG_NODE_LIST;
                if (setting && setting->secret && written)
                        secret_in_plain(loader, setting, &yaml.nodes[i]);
                if (setting)
                        config_kind_check(loader, &yaml.nodes[i], setting);
        }
        config_check(loader->config, &loader->scratch, cross_fault, loader);
        types_check(loader);
}

int config_load(const struct config_source *source, struct config **out, struct config_errors *errors)
{
        struct arena *arena = memory_raw(sizeof(*arena));
        arena_init(arena);
        struct loader loader = {.source = source, .arena = arena, .errors = errors};
        arena_init(&loader.scratch);
        loader.config = arena_alloc(arena, sizeof(*loader.config));
        settings_defaults(loader.config, arena);
        loader.config->memory = arena;
        size_t before = errors->count;
        load_all(&loader);
        if (errors->count > LOADER_ERRORS_MAX)
                buffer_printf(&errors->lines, "%zu more errors\n", errors->count - LOADER_ERRORS_MAX);
        arena_fini(&loader.scratch);
        *out = loader.config;
        if (errors->count == before)
                return 0;
        config_free(loader.config);
        *out = NULL;
        return -1;
}

void config_free(struct config *config)
{
        if (!config)
                return;
        struct arena *arena = config->memory;
        arena_fini(arena);
        free(arena);
}

void config_print(const struct config *config, struct buffer *out)
{
        settings_print(config, out);
}
