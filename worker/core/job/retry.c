#include "core/job/retry.h"

#include <assert.h>

bool retry_exhausted(uint32_t attempt, int64_t attempts)
{
        return (int64_t)attempt + 1 >= attempts;
}

size_t retry_tier(const struct config_queue *queue, uint32_t attempt, uint32_t random)
{
        assert(queue->tier_count > 0);
        size_t last = queue->tier_count - 1;
        size_t tier = attempt < last ? attempt : last;
        return tier < last && queue->jitter ? tier + (random & 1) : tier;
}

size_t retry_tier_covering(const struct config_queue *queue, int64_t delay_ms)
{
        assert(queue->tier_count > 0);
        size_t best = 0;
        for (size_t i = 1; i < queue->tier_count; i++) {
                int64_t tier_ms = queue->tiers_ms[i], best_ms = queue->tiers_ms[best];
                bool covers = tier_ms >= delay_ms, best_covers = best_ms >= delay_ms;
                if (best_covers ? covers && tier_ms < best_ms : tier_ms > best_ms)
                        best = i;
        }
        return best;
}

size_t retry_tier_at_least(const struct config_queue *queue, uint32_t attempt, uint32_t random,
                           int64_t delay_min_ms)
{
        size_t tier = retry_tier(queue, attempt, random);
        return queue->tiers_ms[tier] >= delay_min_ms ? tier : retry_tier_covering(queue, delay_min_ms);
}
