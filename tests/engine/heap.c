#include "heap.h"
#include "core/memory/memory.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct heap_block {
        struct heap_block *next, **link; /* `link` is what points to this one */
        struct heap *heap;
        alignas(max_align_t) char bytes[];
};

static struct heap outside; /* of no process */
static struct heap *current = &outside;

void __real_free(void *memory);
void __wrap_free(void *memory);

struct heap *heap_use(struct heap *heap)
{
        struct heap *before = current;
        current = heap ? heap : &outside;
        return before;
}

static void *block_add(struct heap_block *block)
{
        if (!block)
                abort();
        block->heap = current;
        block->next = current->first;
        block->link = &current->first;
        if (block->next)
                block->next->link = &block->next;
        current->first = block;
        current->blocks++;
        return block->bytes;
}

static struct heap_block *block_of(void *memory)
{
        return (struct heap_block *)((char *)memory - offsetof(struct heap_block, bytes));
}

static void block_remove(struct heap_block *block)
{
        *block->link = block->next;
        if (block->next)
                block->next->link = block->link;
        block->heap->blocks--;
}

void *memory_zeroed(size_t count, size_t size)
{
        return count * size == 0 ? NULL : block_add(calloc(1, sizeof(struct heap_block) + count * size));
}

void *memory_raw(size_t size)
{
        return size == 0 ? NULL : block_add(malloc(sizeof(struct heap_block) + size));
}

void *memory_resized(void *memory, size_t size)
{
        if (!memory)
                return memory_raw(size);
        struct heap_block *block = block_of(memory);
        struct heap *before = heap_use(block->heap);
        block_remove(block);
        void *resized = block_add(realloc(block, sizeof(*block) + size));
        heap_use(before);
        return resized;
}

char *memory_text(const char *text)
{
        size_t size = strlen(text) + 1;
        return memcpy(memory_raw(size), text, size);
}

void memory_out(void)
{
        abort();
}

void memory_out_tell(void (*tell)(void))
{
        (void)tell;
}

void __wrap_free(void *memory)
{
        if (!memory)
                return;
        block_remove(block_of(memory));
        __real_free(block_of(memory));
}

void heap_drop(struct heap *heap)
{
        while (heap->first) {
                struct heap_block *block = heap->first;
                block_remove(block);
                __real_free(block);
        }
}
