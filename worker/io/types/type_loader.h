#ifndef LEVERET_IO_TYPE_LOADER_H
#define LEVERET_IO_TYPE_LOADER_H

#include "core/settings/config.h"
#include "core/types/type_set.h"

enum {
        TYPE_FILE_MAX = 262144,    /* bytes of one file */
        TYPE_ENTRIES_MAX = 20000,  /* files of one directory */
        TYPE_BYTES_MAX = 67108864, /* of all files together */
};

struct type_sources {
        const char *const *directories;
        size_t directory_count;
        const struct handler *const *compiled; /* the types in C, ended by NULL */
        const struct config_handler *handlers; /* those with a plan are types, too */
        size_t handler_count;
};

/*
 * Loads the types in C and those of the files `<type>.yaml` in the directories, with the templates in
 * `templates/` beside them. All is read at once: whatever is wrong with any file, there is no set. NULL with
 * everything that is wrong in `faults`, else a set with one reference, which the caller owns. Names that
 * begin with a dot, and files that are neither, as an editor's copies, are passed over.
 */
struct type_set *type_set_load(const struct type_sources *sources, struct file_faults *faults);
/* The same of what a configuration names. */
struct type_set *type_set_load_config(const struct config *config, const struct handler *const *compiled,
                                      struct file_faults *faults);

#endif
