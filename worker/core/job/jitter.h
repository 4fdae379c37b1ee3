#ifndef LEVERET_CORE_JITTER_H
#define LEVERET_CORE_JITTER_H

#include <stdint.h>

/* The next 64 bits of xorshift64 (Marsaglia 2003): good enough for jitter, and for nothing that must not be
 * guessed. `state` is the caller's and not 0. */
uint64_t jitter_next(uint64_t *state);

#endif
