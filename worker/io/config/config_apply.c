#include "core/memory/memory.h"
#include "core/text/expand.h"
#include "core/text/suggest.h"
#include "core/text/word.h"
#include "io/config/config_fold.h"
#include "io/config/config_lists.h"
#include "io/config/config_loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a setting belongs, by its path, and how its value gets there. */

struct config_handler *loader_handler(struct loader *loader, const char *type, const char **error)
{
        struct config *config = loader->config;
        for (size_t i = 0; i < config->handler_count; i++)
                if (strcmp(config->handlers[i].type, type) == 0)
                        return &config->handlers[i];
        if (config->handler_count == CONFIG_HANDLERS_MAX) {
                *error = "too many handlers";
                return NULL;
        }
        struct config_handler *handler = &config->handlers[config->handler_count++];
        settings_handler_defaults(handler, loader->arena);
        handler->type = arena_strdup(loader->arena, type);
        return handler;
}

/* Lower-case words, so that they can stand in names of variables and of metrics. */
static const char *outlet_name_fault(const char *name)
{
        size_t len = strlen(name), good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
        if (len == 0 || len > CONFIG_OUTLET_NAME_MAX || good != len)
                return "an outlet's name is 1 to 32 of a-z, 0-9, _ and -";
        if (strcmp(name, "mail") == 0)
                return "the outlet mail is the section mail of its own";
        return strcmp(name, "publish") == 0 ? "publish is an outlet that needs no settings" : NULL;
}

static struct config_outlet *outlet_get(struct loader *loader, const char *name, const char **error)
{
        struct config *config = loader->config;
        for (size_t i = 0; i < config->outlet_count; i++)
                if (strcmp(config->outlets[i].name, name) == 0)
                        return &config->outlets[i];
        *error = outlet_name_fault(name);
        if (!*error && config->outlet_count == CONFIG_OUTLETS_MAX)
                *error = "there are more than 16 outlets";
        if (*error)
                return NULL;
        struct config_outlet *outlet = &config->outlets[config->outlet_count++];
        settings_outlet_defaults(outlet, arena_strdup(loader->arena, name), loader->arena);
        return outlet;
}

/* The outlet that "outlets.backup" or "outlets.backup.http.url" is about. */
struct config_outlet *loader_outlet_of(struct loader *loader, const char *path, const char **error)
{
        const char *name = path + strlen("outlets.");
        return outlet_get(loader, arena_copy(&loader->scratch, name, strcspn(name, ".")), error);
}

bool loader_path_is_of_outlets(const char *path)
{
        return strncmp(path, "outlets.", strlen("outlets.")) == 0;
}

/* The number in the brackets of "queues[3].name"; `count` if there is none, or it is not below that. */
static size_t index_of(const char *path, size_t count)
{
        char *end;
        const char *digits = strchr(path, '[') + 1;
        errno = 0;
        unsigned long index = strtoul(digits, &end, 10);
        return *digits >= '0' && *digits <= '9' && *end == ']' && index < count ? index : count;
}

/* The struct that a path's setting lies in; NULL with the cause in `error`. */
static void *base_of(struct loader *loader, const struct setting *setting, const char *path,
                     const char **error)
{
        size_t index;
        const char *type = path + strlen("handlers.");
        switch (setting->scope) {
        case SETTING_OF_WORKER:
                return loader->config;
        case SETTING_OF_OUTLET:
                return loader_path_is_of_outlets(path) ? loader_outlet_of(loader, path, error)
                                                       : &loader->config->mail;
        case SETTING_OF_HANDLER:
                return loader_handler(
                        loader,
                        arena_copy(&loader->scratch, type, setting_handler_type_len(type, /* leaf = */ true)),
                        error);
        case SETTING_OF_QUEUE:
                *error = "there is no such queue";
                index = index_of(path, loader->config->queue_count);
                return index < loader->config->queue_count ? &loader->config->queues[index] : NULL;
        case SETTING_OF_SCHEDULE:
                *error = "there is no such schedule";
                index = index_of(path, loader->config->schedule_count);
                return index < loader->config->schedule_count ? &loader->config->schedules[index] : NULL;
        case SETTING_OF_TOKEN:
                *error = "there is no such token";
                index = index_of(path, loader->config->serve.token_count);
                return index < loader->config->serve.token_count ? &loader->config->serve.tokens[index]
                                                                 : NULL;
        }
        return NULL;
}

/* Replaces the texts by such with the values of variables; false with the cause in `error`. */
static bool texts_expand(struct loader *loader, const struct setting *setting, struct setting_texts *texts,
                         char error[SETTING_ERROR_MAX])
{
        const char **expanded = arena_alloc(&loader->scratch, (texts->count + 1) * sizeof(*expanded));
        for (size_t i = 0; i < texts->count; i++) {
                struct buffer out = {0};
                bool ok = (setting->kind == SETTING_URL ? expand_url : expand)(
                        &out, texts->list[i], loader_variable, loader, error);
                expanded[i] = arena_copy(&loader->scratch, text_or(out.data, ""), out.len);
                buffer_fini(&out);
                if (!ok)
                        return false;
        }
        texts->list = expanded;
        return true;
}

void loader_apply(struct loader *loader, const struct setting *setting, struct origin *origin,
                  struct setting_texts texts, bool expanding)
{
        const char *cause = NULL;
        char error[SETTING_ERROR_MAX];
        void *base = base_of(loader, setting, origin->path, &cause);
        if (!base)
                snprintf(error, sizeof(error), "%s", cause);
        bool ok = base && (!expanding || texts_expand(loader, setting, &texts, error)) &&
                  setting_assign(setting, base, texts, loader->arena, error);
        origin->broken = !ok;
        if (!ok)
                loader_complain(loader, origin->label, origin->in_file ? origin->path : NULL, error);
}

const char *loader_unknown(struct loader *loader, const char *path)
{
        const char *rest = loader_path_is_of_outlets(path) ? strchr(path + strlen("outlets."), '.') : NULL;
        if (rest && setting_find(arena_printf(&loader->scratch, "mail%s", rest)))
                return arena_printf(&loader->scratch,
                                    "stands under mail alone, and holds for every mail outlet");
        const char *meant = setting_suggest(&loader->scratch, path);
        if (meant)
                return arena_printf(&loader->scratch, "unknown setting; did you mean %s?", meant);
        return "unknown setting";
}

bool loader_lies_below(const char *path, const char *section)
{
        size_t len = section ? strlen(section) : 0;
        return section && strncmp(path, section, len) == 0 && (path[len] == '.' || path[len] == '[');
}

static bool is_in(const char *path, const char *section)
{
        return strcmp(path, section) == 0 || loader_lies_below(path, section);
}

bool loader_wants(const struct loader *loader, const char *path)
{
        const char *section = loader->source->section, *other = loader->source->other_section;
        return !section || is_in(path, section) || (other && is_in(path, other));
}
