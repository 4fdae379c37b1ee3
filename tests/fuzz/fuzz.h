#ifndef LEVERET_TESTS_FUZZ_H
#define LEVERET_TESTS_FUZZ_H

#include "core/memory/slice.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What every target defines: one input, returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input. */
#define CHECK(condition)                                                                                     \
        do {                                                                                                 \
                if (!(condition)) {                                                                          \
                        fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);              \
                        abort();                                                                             \
                }                                                                                            \
        } while (0)

/* Takes what is before the next `end` byte, which is dropped; everything if there is none. */
static inline struct slice fuzz_take(struct slice *rest, char end)
{
        const char *at = rest->len ? memchr(rest->data, end, rest->len) : NULL;
        struct slice part = {.data = rest->data, .len = at ? (size_t)(at - rest->data) : rest->len};
        size_t past = part.len + (at ? 1 : 0);
        *rest = (struct slice){.data = rest->data + past, .len = rest->len - past};
        return part;
}

#endif
