#ifndef LEVERET_CORE_JITTER_H
#define LEVERET_CORE_JITTER_H

#include <stdint.h>

/* The next 64 bits of xorshift64 (Marsaglia 2003), for jitter: nobody must be unable to foretell them.
 * `state` is the caller's and not 0. */
uint64_t jitter_next(uint64_t *state);

#endif
