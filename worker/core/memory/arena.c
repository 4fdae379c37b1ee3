#include "core/memory/arena.h"
#include "core/memory/memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef __has_feature
#        define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#        include <sanitizer/asan_interface.h>
/* What is not handed out, and a gap behind each piece: an overrun inside of a chunk is seen like any other.
 */
#        define GAP_BYTES 16
#else
#        define GAP_BYTES 0
#        define ASAN_POISON_MEMORY_REGION(memory, size) ((void)0)
#        define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)0)
#endif

/* A job of one small mail fits into one. */
#define CHUNK_BYTES ((size_t)8192)

struct arena_chunk {
        struct arena_chunk *older;
        size_t size;
        alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena)
{
        *arena = (struct arena){0};
}

/* All of the chunk is free. */
static void chunk_begin(struct arena *arena, struct arena_chunk *chunk)
{
        arena->chunks = chunk;
        arena->at = chunk->bytes;
        arena->end = chunk->bytes + chunk->size;
        ASAN_POISON_MEMORY_REGION(chunk->bytes, chunk->size);
}

static void chunk_push(struct arena *arena, size_t bytes)
{
        struct arena_chunk *chunk = memory_raw(sizeof(*chunk) + bytes);
        chunk->older = arena->chunks;
        chunk->size = bytes;
        chunk_begin(arena, chunk);
}

void arena_reset(struct arena *arena)
{
        struct arena_chunk *chunk = arena->chunks;
        if (!chunk)
                return;
        while (chunk->older) {
                struct arena_chunk *older = chunk->older;
                free(chunk);
                chunk = older;
        }
        chunk_begin(arena, chunk);
        arena->used = 0;
}

void arena_fini(struct arena *arena)
{
        struct arena_chunk *chunk = arena->chunks;
        while (chunk) {
                struct arena_chunk *older = chunk->older;
                free(chunk);
                chunk = older;
        }
        *arena = (struct arena){0};
}

struct arena *arena_new(void)
{
        struct arena *arena = memory_raw(sizeof(*arena));
        arena_init(arena);
        return arena;
}

void arena_free(struct arena *arena)
{
        if (!arena)
                return;
        arena_fini(arena);
        free(arena);
}

/* Not zeroed: for those that fill all of it at once. */
static void *arena_raw(struct arena *arena, size_t size)
{
        const size_t align = alignof(max_align_t);
        if (size > SIZE_MAX / 2)
                abort();
        size_t rounded = ((size + align - 1) & ~(align - 1)) + GAP_BYTES;
        if (!arena->chunks || (size_t)(arena->end - arena->at) < rounded)
                chunk_push(arena, rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES);
        void *memory = arena->at;
        ASAN_UNPOISON_MEMORY_REGION(memory, size);
        arena->at += rounded;
        arena->used += rounded;
        return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
        return memset(arena_raw(arena, size), 0, size);
}

char *arena_copy(struct arena *arena, const char *data, size_t len)
{
        char *copy = arena_raw(arena, len + 1);
        if (len)
                memcpy(copy, data, len);
        copy[len] = '\0';
        return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
        return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

struct slice arena_slice(struct arena *arena, struct slice slice)
{
        if (!slice.data)
                return slice;
        return (struct slice){.data = arena_copy(arena, slice.data, slice.len), .len = slice.len};
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
        va_list again;
        va_copy(again, args);
        int len = vsnprintf(NULL, 0, format, again);
        va_end(again);
        if (len < 0)
                abort();
        char *text = arena_raw(arena, (size_t)len + 1);
        vsnprintf(text, (size_t)len + 1, format, args);
        return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        char *text = arena_vprintf(arena, format, args);
        va_end(args);
        return text;
}
