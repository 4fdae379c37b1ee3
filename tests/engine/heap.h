#ifndef LEVERET_ENGINE_HEAP_H
#define LEVERET_ENGINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The memory of one simulated process: core/memory/memory.h over lists, so that a crash drops all that a
 * process held, and a process that ended is seen to have given everything back. free() is this one's too (the
 * linker's --wrap).
 */
struct heap {
        struct heap_block *first;
        size_t blocks;
};

/* Whose memory is taken from now on; returns whose it was. */
struct heap *heap_use(struct heap *heap);
/* Everything that is still held. */
void heap_drop(struct heap *heap);

#endif
