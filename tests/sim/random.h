#ifndef LEVERET_SIM_RANDOM_H
#define LEVERET_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* SplitMix64 (Steele, Lea, Flood 2014): every seed is good, and a schedule is its seed. */
struct random {
        uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
        uint64_t z = (random->state += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}

/* 0 <= result < limit */
static inline uint32_t random_below(struct random *random, uint32_t limit)
{
        return (uint32_t)(((random_next(random) >> 32) * limit) >> 32);
}

/* low <= result <= high */
static inline int64_t random_between(struct random *random, int64_t low, int64_t high)
{
        return low + random_below(random, (uint32_t)(high - low + 1));
}

static inline bool random_one_in(struct random *random, uint32_t n)
{
        return random_below(random, n) == 0;
}

#endif
