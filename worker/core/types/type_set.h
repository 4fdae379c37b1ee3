#ifndef LEVERET_CORE_TYPE_SET_H
#define LEVERET_CORE_TYPE_SET_H

#include "core/memory/arena.h"
#include "core/memory/slice.h"
#include "core/types/declared_type.h"
#include "core/types/planned_type.h"
#include "core/types/template_set.h"

/*
 * Every type that a worker knows, those in C and those from files, and their templates. It never changes: a
 * reload makes another, and the old one lives until the last job that was found in it has ended.
 */

enum { TYPES_MAX = 5000, TYPE_SET_DIGEST = 65 };

struct type_set {
        struct arena arena;           /* of everything in it */
        const struct handler **table; /* sorted by type, ended by NULL */
        size_t count;
        size_t *labels;                  /* of each type, for whoever counts by types; zeroed */
        struct declared_type **declared; /* those from files, in the order of their files */
        size_t declared_count;
        struct planned_type **planned; /* those that planners plan */
        size_t planned_count;
        struct template_set templates;
        char digest[TYPE_SET_DIGEST]; /* SHA-256 of all files with their names, in hex; of none: "" */
        size_t references;
};

/* An empty set with one reference. */
struct type_set *type_set_new(void);
struct type_set *type_set_take(struct type_set *set);
/* The last one to give frees it. NULL is taken. */
void type_set_give(struct type_set *set);

/* Adds a type from a file, before type_set_close. */
void type_set_add(struct type_set *set, struct declared_type *type);
void type_set_add_planned(struct type_set *set, struct planned_type *type);
/* Adds the types in C (a NULL-terminated table), sorts all and checks those from files. False with faults. */
bool type_set_close(struct type_set *set, const struct handler *const *compiled, struct file_faults *faults);

/* The index in `table` of exactly that type, or `count`. */
size_t type_set_index(const struct type_set *set, struct slice type);
/* The handler of exactly that type, or NULL. */
const struct handler *type_set_find(const struct type_set *set, struct slice type);

#endif
