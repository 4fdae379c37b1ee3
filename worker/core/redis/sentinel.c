#include "core/redis/sentinel.h"

#include <stdbool.h>
#include <strings.h>

static size_t votes_count(const struct sentinel_answer *answers, size_t count, size_t index)
{
        const struct sentinel_answer *answer = &answers[index];
        size_t votes = 0;
        for (size_t i = 0; i < count; i++)
                votes += answers[i].said == SENTINEL_NAMED && answers[i].port == answer->port &&
                         strcasecmp(answers[i].host, answer->host) == 0;
        return votes;
}

int sentinel_choose(const struct sentinel_answer *answers, size_t count, size_t *votes)
{
        int best = -1;
        *votes = 0;
        for (size_t i = 0; i < count; i++) {
                if (answers[i].said != SENTINEL_NAMED)
                        continue;
                size_t alike = votes_count(answers, count, i);
                bool later = best >= 0 && answers[i].epoch > answers[best].epoch;
                bool equal = best >= 0 && answers[i].epoch == answers[best].epoch;
                if (best < 0 || later || (equal && alike > *votes)) {
                        best = (int)i;
                        *votes = alike;
                }
        }
        return best;
}
