#ifndef LEVERET_CORE_FAULTS_H
#define LEVERET_CORE_FAULTS_H

#include "core/memory/arena.h"

#include <stddef.h>

/* Faults of which the text is kept; those beyond are only counted. */
enum { FAULTS_KEPT_MAX = 50 };

struct fault {
        const char *text; /* one line: the place and what was expected */
        const struct fault *next;
};

/* All that is wrong with one message, in the order in which it was found. Begun as {.arena = arena}, in which
 * all of it then lies. */
struct faults {
        struct arena *arena;
        const struct fault *first;
        struct fault *last;
        size_t count; /* also of those whose text is not kept */
};

/* Adds one, as by printf. */
void faults_add(struct faults *faults, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Writes as many as fit into `size` bytes with the NUL, "/to: required; /subject: required; and 2 more"; ""
 * without any. `size` is at least 64. The first is cut if it does not fit, between two characters; the others
 * are whole.
 */
void faults_join(const struct faults *faults, char *text, size_t size);

#endif
