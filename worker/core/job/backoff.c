#include "core/job/backoff.h"

int64_t backoff_next_ms(struct backoff *backoff, uint64_t random)
{
        int64_t whole_ms = backoff->base_ms;
        for (uint32_t i = 0; i < backoff->failures && whole_ms < backoff->cap_ms; i++)
                whole_ms = whole_ms > backoff->cap_ms / 2 ? backoff->cap_ms : whole_ms * 2;
        if (backoff->failures < UINT32_MAX)
                backoff->failures++;
        int64_t half_ms = whole_ms / 2;
        return whole_ms - (int64_t)(random % (uint64_t)(half_ms + 1));
}

void backoff_reset(struct backoff *backoff)
{
        backoff->failures = 0;
}
