#include "core/text/suggest.h"

#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 63 };

static size_t least(size_t a, size_t b)
{
        return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
        size_t a_len = strlen(a), b_len = strlen(b);
        if (a_len > WORD_MAX || b_len > WORD_MAX)
                return a_len > b_len ? a_len : b_len;
        uint8_t cost[WORD_MAX + 1][WORD_MAX + 1];
        for (size_t i = 0; i <= a_len; i++) {
                for (size_t j = 0; j <= b_len; j++) {
                        if (i == 0 || j == 0) {
                                cost[i][j] = (uint8_t)(i + j);
                                continue;
                        }
                        size_t best = cost[i - 1][j - 1] + (size_t)(a[i - 1] != b[j - 1]);
                        best = least(best, least(cost[i - 1][j], cost[i][j - 1]) + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                best = least(best, cost[i - 2][j - 2] + (size_t)1);
                        cost[i][j] = (uint8_t)best;
                }
        }
        return cost[a_len][b_len];
}

size_t suggest_limit(const char *word)
{
        size_t third = strlen(word) / 3;
        return (third ? third : 1) + 1;
}

void suggest_offer(struct suggest *suggest, const char *candidate)
{
        size_t distance = suggest_distance(suggest->word, candidate);
        if (distance >= suggest->limit)
                return;
        suggest->limit = distance;
        suggest->best = candidate;
}
