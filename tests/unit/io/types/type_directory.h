#ifndef LEVERET_TESTS_TYPE_DIRECTORY_H
#define LEVERET_TESTS_TYPE_DIRECTORY_H

#include "io/types/type_loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of types for one test, with templates/ in it, and what loading it says. */
struct type_directory {
        char path[64], errors[8192];
        struct type_set *set;
};

static inline void directory_make(struct type_directory *directory)
{
        char templates[80];
        *directory = (struct type_directory){.path = "/tmp/leveret-types-XXXXXX"};
        assert_non_null(mkdtemp(directory->path));
        snprintf(templates, sizeof(templates), "%s/templates", directory->path);
        assert_int_equal(mkdir(templates, 0700), 0);
}

static inline void directory_remove(struct type_directory *directory)
{
        char command[120];
        type_set_give(directory->set);
        snprintf(command, sizeof(command), "rm -rf %s", directory->path);
        assert_int_equal(system(command), 0);
}

static inline void directory_write(const struct type_directory *directory, const char *name, const char *text)
{
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", directory->path, name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

/* Loads it; in the errors the directory is a dot. */
static inline bool directory_load(struct type_directory *directory)
{
        struct file_faults faults = {0};
        const char *path = directory->path;
        type_set_give(directory->set);
        directory->set = type_set_load(
                &(struct type_sources){.directories = &path, .directory_count = 1, .compiled = handlers},
                &faults);
        size_t len = 0;
        for (const char *at = faults.lines.data; at && *at && len + 1 < sizeof(directory->errors);) {
                bool own = strncmp(at, path, strlen(path)) == 0;
                directory->errors[len++] = own ? '.' : *at;
                at += own ? strlen(path) : 1;
        }
        directory->errors[len] = '\0';
        assert_true((directory->set == NULL) == (faults.count > 0));
        file_faults_fini(&faults);
        return directory->set != NULL;
}

#endif
