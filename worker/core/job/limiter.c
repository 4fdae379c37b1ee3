#include "core/job/limiter.h"

static double bucket_size(const struct limiter *limiter)
{
        return limiter->per_second < 1 ? 1 : limiter->per_second;
}

static double tokens_at(const struct limiter *limiter, int64_t now_ms)
{
        double tokens = limiter->tokens + (double)(now_ms - limiter->filled_ms) * limiter->per_second / 1000;
        return tokens > bucket_size(limiter) ? bucket_size(limiter) : tokens;
}

void limiter_init(struct limiter *limiter, double per_second, int64_t now_ms)
{
        *limiter = (struct limiter){.per_second = per_second, .filled_ms = now_ms};
        limiter->tokens = bucket_size(limiter);
}

bool limiter_take(struct limiter *limiter, int64_t now_ms)
{
        if (limiter->per_second <= 0)
                return true;
        double tokens = tokens_at(limiter, now_ms);
        if (tokens < 1)
                return false;
        limiter->tokens = tokens - 1;
        limiter->filled_ms = now_ms;
        return true;
}

void limiter_give(struct limiter *limiter)
{
        if (limiter->per_second > 0)
                limiter->tokens += 1;
}

int64_t limiter_wait_ms(const struct limiter *limiter, int64_t now_ms)
{
        if (limiter->per_second <= 0)
                return 0;
        double missing = 1 - tokens_at(limiter, now_ms);
        return missing <= 0 ? 0 : (int64_t)(missing * 1000 / limiter->per_second) + 1;
}
