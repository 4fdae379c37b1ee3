#include "core/job/fair.h"

#include <assert.h>
#include <stdbool.h>

/* What one of weight 1 costs. Large against the weights, so that rounding down matters to nobody, and small
 * against 64 bits: a million million of them fit. */
#define COST_OF_ONE (UINT64_C(1) << 24)

static uint32_t weight_of(const struct fair *fair, size_t class)
{
        return fair->weight[class] ? fair->weight[class] : 1;
}

/* When the next of the class would be through. The order of these is the order of service. */
static uint64_t finish_of(const struct fair *fair, size_t class)
{
        return fair->start[class] + COST_OF_ONE / weight_of(fair, class);
}

void fair_weigh(struct fair *fair, size_t class, uint32_t weight)
{
        assert(class < FAIR_CLASSES_MAX && weight >= 1 && weight <= FAIR_WEIGHT_MAX);
        fair->weight[class] = weight;
}

void fair_begin(struct fair *fair, size_t class)
{
        if (fair->start[class] < fair->now)
                fair->start[class] = fair->now;
}

size_t fair_next(const struct fair *fair, uint64_t waiting)
{
        assert(waiting != 0);
        size_t best = (size_t)__builtin_ctzll(waiting);
        for (uint64_t left = waiting & (waiting - 1); left; left &= left - 1) {
                size_t class = (size_t)__builtin_ctzll(left);
                uint64_t finish = finish_of(fair, class), best_finish = finish_of(fair, best);
                bool heavier = weight_of(fair, class) > weight_of(fair, best);
                if (finish < best_finish || (finish == best_finish && heavier))
                        best = class;
        }
        return best;
}

void fair_serve(struct fair *fair, size_t class)
{
        fair->start[class] = finish_of(fair, class);
        fair->now = fair->start[class];
}
