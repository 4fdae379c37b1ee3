#ifndef LEVERET_IO_CONFIG_FILE_H
#define LEVERET_IO_CONFIG_FILE_H

#include "core/settings/config.h"
#include "core/text/buffer.h"

/* The environment variable that names the file; not a setting. */
#define CONFIG_FILE_VARIABLE "LEVERET_CONFIG"

/* What knows the types once types.path is known. */
struct config_types {
        /* Their names, NULL-terminated, to live as long as the loading; or NULL with the number of lines that
         * were added to `lines`, each ending in LF. */
        const char *const *(*names)(void *context, const struct config *config, struct buffer *lines,
                                    size_t *count);
        void *context;
};

/* Where settings come from; later ones win: defaults, file, environment, sets. All borrowed. */
struct config_source {
        const char *path;               /* YAML file; NULL: none */
        const char *const *environment; /* "NAME=value" strings, NULL-terminated, as in environ; NULL: none */
        const char *const *sets;        /* "a.b=c" of --set */
        size_t set_count;
        const struct config_types
                *types;            /* with it an unknown handlers.<type> is an error; NULL: not checked */
        const char *section;       /* takes only the settings below it, as "types", and checks nothing between
                                      settings; NULL: all */
        const char *other_section; /* and those below this one; NULL: none */
};

/* What is wrong, one line each ending in LF: `file:line:col: setting: message`, `LEVERET_AMQP_URL: message`,
 * `--set a.b=c: message`. Never holds a secret. Start with {0}. */
struct config_errors {
        struct buffer lines;
        size_t count;
        struct buffer warnings; /* of the same form; they do not keep the worker from starting */
        size_t warning_count;
};
void config_errors_fini(struct config_errors *errors);

/*
 * Reads and checks everything and finds all errors at once. 0 with the configuration in `*out`, else -1 with
 * `*out` NULL and at least one error. The file may have at most 1 MiB.
 */
int config_load(const struct config_source *source, struct config **out, struct config_errors *errors);
void config_free(struct config *config);

/* Adds the effective values as YAML; secrets as ***. */
void config_print(const struct config *config, struct buffer *out);

/* Adds the names, one a line, of settings that differ and take effect only at a restart; returns how many. */
size_t config_reload_diff(const struct config *running, const struct config *loaded, struct buffer *out);

#endif
