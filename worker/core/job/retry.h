#ifndef LEVERET_CORE_RETRY_H
#define LEVERET_CORE_RETRY_H

#include "core/settings/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which delay tier a job waits in before it is tried again. Attempts are counted from 0, as in
 * x-leveret-attempt: after attempt n has failed the job waits the n-th tier of the list; beyond its end, the
 * last. With retry.jitter it is that one or the next, by a random number, so that what failed together does
 * not come back together. A queue has at least one tier.
 */

/* Is no try left when `attempt` has failed? `attempts` counts all tries, the first included. */
bool retry_exhausted(uint32_t attempt, int64_t attempts);

/* Index of the tier after `attempt` has failed. `random` is any number; with retry.jitter its lowest bit
 * counts. */
size_t retry_tier(const struct config_queue *queue, uint32_t attempt, uint32_t random);

/* Index of the shortest tier of at least `delay_ms`; of the longest, if there is none so long. */
size_t retry_tier_covering(const struct config_queue *queue, int64_t delay_ms);

/* retry_tier, but a tier that covers `delay_min_ms` (a Retry-After) if the picked one is shorter. */
size_t retry_tier_at_least(const struct config_queue *queue, uint32_t attempt, uint32_t random,
                           int64_t delay_min_ms);

#endif
