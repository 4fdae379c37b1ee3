#include "io/config/config_loader.h"

#include "core/text/word.h"

#include <string.h>

/* What the parts of one config_load share: what is wrong, and where a setting got its value. */

void config_errors_fini(struct config_errors *errors)
{
        buffer_fini(&errors->lines);
        buffer_fini(&errors->warnings);
}

void loader_complain(struct loader *loader, const char *label, const char *path, const char *message)
{
        if (loader->errors->count++ >= LOADER_ERRORS_MAX)
                return;
        buffer_printf(&loader->errors->lines, "%s: %s%s%s\n", label, text_or(path, ""), text_if(path, ": "),
                      message);
}

void loader_warn(struct loader *loader, const char *label, const char *path, const char *message)
{
        loader->errors->warning_count++;
        buffer_printf(&loader->errors->warnings, "%s: %s%s%s\n", label, text_or(path, ""),
                      text_if(path, ": "), message);
}

struct origin *loader_origin(struct loader *loader, const char *path, const char *label, bool in_file)
{
        struct origin *origin = arena_alloc(&loader->scratch, sizeof(*origin));
        *origin = (struct origin){.next = loader->origins, .path = path, .label = label, .in_file = in_file};
        loader->origins = origin;
        return origin;
}

const struct origin *loader_origin_find(const struct loader *loader, const char *path)
{
        for (const struct origin *origin = loader->origins; origin; origin = origin->next)
                if (strcmp(origin->path, path) == 0)
                        return origin;
        return NULL;
}

const char *loader_variable(void *context, const char *name)
{
        const struct loader *loader = context;
        size_t len = strlen(name);
        for (const char *const *at = loader->source->environment; at && *at; at++)
                if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
                        return *at + len + 1;
        return NULL;
}
