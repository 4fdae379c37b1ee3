#include "core/memory/memory.h"

#include <stdlib.h>
#include <string.h>

static void (*teller)(void);

void memory_out_tell(void (*tell)(void))
{
        teller = tell;
}

void memory_out(void)
{
        if (teller)
                teller();
        abort();
}

static void *memory_or_end(void *memory, size_t size)
{
        if (!memory && size)
                memory_out();
        return memory;
}

void *memory_zeroed(size_t count, size_t size)
{
        return memory_or_end(calloc(count, size), count && size);
}

void *memory_raw(size_t size)
{
        return memory_or_end(malloc(size), size);
}

void *memory_resized(void *memory, size_t size)
{
        return memory_or_end(realloc(memory, size), size);
}

char *memory_text(const char *text)
{
        return memory_or_end(strdup(text), 1);
}
