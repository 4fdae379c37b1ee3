#ifndef LEVERET_CORE_MEMORY_H
#define LEVERET_CORE_MEMORY_H

#include <stddef.h>

/*
 * Memory, or the end of the process: what was under way is delivered again, to a process that has some. None
 * of these returns NULL, except for nothing (size 0). All is freed with free().
 */

/* `count` times `size` bytes, zeroed. */
void *memory_zeroed(size_t count, size_t size);
/* Bytes as they come. */
void *memory_raw(size_t size);
/* As realloc(3): `memory`, which may be NULL, is gone. */
void *memory_resized(void *memory, size_t size);
/* A copy of a C string. */
char *memory_text(const char *text);

/* Reports out of memory and aborts. For an allocation failure that a library reports. */
_Noreturn void memory_out(void);

/* Sets the reporter, the one thing in the core that outlives a call. It may not allocate. Call this before
 * starting threads. */
void memory_out_tell(void (*tell)(void));

#endif
