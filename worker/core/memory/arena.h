#ifndef LEVERET_CORE_ARENA_H
#define LEVERET_CORE_ARENA_H

#include "core/memory/slice.h"

#include <stdarg.h>
#include <stddef.h>

/*
 * One arena holds everything of one job and is given back at once. Nothing in it is freed singly.
 * Out of memory aborts the process: the broker redelivers what was in flight.
 */
struct arena {
        struct arena_chunk *chunks; /* newest first */
        char *at, *end;             /* free part of the newest chunk */
        size_t used;                /* bytes handed out since init or reset */
};

/* Starts an empty arena; the first chunk is taken at the first allocation. */
void arena_init(struct arena *arena);
/* Forgets all contents but keeps the first chunk, for the next job. */
void arena_reset(struct arena *arena);
/* Gives all memory back. The arena may be used again after arena_init. */
void arena_fini(struct arena *arena);

/* An empty arena on the heap; the caller owns it, or whoever takes it over: to be freed by arena_free. */
struct arena *arena_new(void);
/* All of its memory and itself. NULL is taken. */
void arena_free(struct arena *arena);

/* `size` zeroed bytes aligned for any type; never NULL, also for size 0. */
void *arena_alloc(struct arena *arena, size_t size);
/* A NUL-terminated copy of the bytes (which may themselves hold NUL). */
char *arena_copy(struct arena *arena, const char *data, size_t len);
/* arena_copy of a C string; NULL gives NULL. */
char *arena_strdup(struct arena *arena, const char *text);
/* A copy of the slice in the arena; an absent slice stays absent. */
struct slice arena_slice(struct arena *arena, struct slice slice);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
        __attribute__((format(printf, 2, 0)));

#endif
