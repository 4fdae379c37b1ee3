#ifndef LEVERET_IO_CONFIG_LOADER_H
#define LEVERET_IO_CONFIG_LOADER_H

#include "core/settings/settings.h"
#include "io/config/config_file.h"

#include <sys/stat.h>
#include <sys/types.h>

/* One run of config_load: what its parts share. */

enum { LOADER_ERRORS_MAX = 100 }; /* further ones are counted */

/* Where a path got its value, newest first. */
struct origin {
        const struct origin *next;
        const char *path;
        const char *label; /* "file:1:2", "LEVERET_..." or "--set ..." */
        bool in_file;
        bool broken; /* its value was refused: what follows from it is not reported */
};

struct loader {
        const struct config_source *source;
        struct config *config;
        struct arena *arena;  /* of the configuration */
        struct arena scratch; /* of the loading */
        struct config_errors *errors;
        const struct origin *origins;
        bool world_readable;
        bool unreadable; /* the file said nothing: what it may have set is unknown */
};

/* Reports an error (or a warning) at a label; `path` NULL: the label says which setting it is. */
void loader_complain(struct loader *loader, const char *label, const char *path, const char *message);
void loader_warn(struct loader *loader, const char *label, const char *path, const char *message);
/* Notes that `path` got a value there. */
struct origin *loader_origin(struct loader *loader, const char *path, const char *label, bool in_file);
/* Where it got the value that it has; NULL: nobody set it. */
const struct origin *loader_origin_find(const struct loader *loader, const char *path);
/* An expand_lookup over the environment; `context` is the loader. */
const char *loader_variable(void *context, const char *name);
/* The handler of a type, made if it is not there yet; and the outlet of a path outlets.NAME.x. NULL with the
 * cause in `error`. */
struct config_handler *loader_handler(struct loader *loader, const char *type, const char **error);
bool loader_path_is_of_outlets(const char *path);
struct config_outlet *loader_outlet_of(struct loader *loader, const char *path, const char **error);
/* Is the path a member of the section? NULL: of none. */
bool loader_lies_below(const char *path, const char *section);
/* What to say of a path that is no setting. */
const char *loader_unknown(struct loader *loader, const char *path);
/* Is this path asked for at all? */
bool loader_wants(const struct loader *loader, const char *path);
/* Stores the texts that come from there, if asked for with the values of variables in them; or complains. */
void loader_apply(struct loader *loader, const struct setting *setting, struct origin *origin,
                  struct setting_texts texts, bool expanding);
/* At most `max` bytes of a file, without the byte order mark that it may begin with; returns the length,
 * max + 1 if it is longer, -1 with errno set. `out` has room for max + 1. */
ssize_t loader_read_file(const char *path, char *out, size_t max, struct stat *status);
/* Applies the environment, then --set. */
void loader_override(struct loader *loader);
/* Applies what the environment says to every program that uses OpenTelemetry, where leveret was told nothing.
 */
void loader_otel(struct loader *loader);

#endif
