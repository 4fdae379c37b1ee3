#ifndef LEVERET_CORE_BACKOFF_H
#define LEVERET_CORE_BACKOFF_H

#include <stdint.h>

/*
 * Jittered exponential backoff: the n-th wait is drawn evenly from [half, whole] of min(cap, base * 2^n), so
 * that many workers that lost the same broker do not come back in step. The random number is the caller's.
 */
struct backoff {
        int64_t base_ms, cap_ms; /* both at least 1, base not over cap */
        uint32_t failures;       /* since the last success */
};

/* The wait before the next try; counts one more failure. `random` is any 64 random bits. */
int64_t backoff_next_ms(struct backoff *backoff, uint64_t random);
/* A success: the next wait begins at the base again. */
void backoff_reset(struct backoff *backoff);

#endif
