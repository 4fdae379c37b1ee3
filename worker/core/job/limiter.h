#ifndef LEVERET_CORE_LIMITER_H
#define LEVERET_CORE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

/* A token bucket: at most `per_second` on average and one second's worth at once. Milliseconds of a monotonic
 * clock. */
struct limiter {
        double per_second; /* 0: no limit */
        double tokens;
        int64_t filled_ms;
};

/* `per_second` 0: no limit. The bucket is full. */
void limiter_init(struct limiter *limiter, double per_second, int64_t now_ms);
/* Takes one token if there is one. */
bool limiter_take(struct limiter *limiter, int64_t now_ms);
/* Puts back a token that was taken and not used. */
void limiter_give(struct limiter *limiter);
/* Milliseconds until there is a token; 0: now. */
int64_t limiter_wait_ms(const struct limiter *limiter, int64_t now_ms);

#endif
