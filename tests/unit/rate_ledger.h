#ifndef LEVERET_TESTS_RATE_LEDGER_H
#define LEVERET_TESTS_RATE_LEDGER_H

#include "core/job/share.h"

#include <math.h>

/* worker/io/redis/lua/rate.lua in C, with a clock that the test sets; tests/system/rate_conformance_test.c
 * holds the two together. */
struct rate_ledger {
        double next_us, until_us, pause_us;
        bool begun;
        int64_t second;
        double weight, askers, weight_before, askers_before, waiting;
};

static inline double ledger_max(double a, double b)
{
        return a > b ? a : b;
}

static inline double ledger_min(double a, double b)
{
        return a < b ? a : b;
}

static inline void ledger_roll(struct rate_ledger *ledger, int64_t second)
{
        if (ledger->begun && ledger->second == second)
                return;
        bool last = ledger->begun && ledger->second == second - 1;
        ledger->weight_before = last ? ledger->weight : 0;
        ledger->askers_before = last ? ledger->askers : 0;
        ledger->weight = ledger->askers = 0;
        ledger->second = second;
}

static inline double ledger_again_us(const struct rate_ledger *ledger, const struct share_question *question,
                                     double ahead, double full)
{
        double step = (double)question->step_us;
        double poll = 1e6 * ledger_max(ledger->askers, ledger->askers_before) / ledger_max(100, 1e5 / step);
        double again = ahead <= 0 ? ledger_max(full - (double)question->far_us, poll / 2)
                                  : ledger_min(ahead, ledger_max(full - (double)question->near_us, poll));
        return ledger_min(ledger_max(again, 1000), 1e6);
}

static inline struct share_answer ledger_ask(struct rate_ledger *ledger,
                                             const struct share_question *question, int64_t now_us)
{
        double now = (double)now_us, step = (double)question->step_us, weight = question->weight;
        double near_us = (double)question->near_us, far_us = (double)question->far_us;
        double from = ledger->begun ? ledger->next_us : now, ahead = (double)question->ahead_us;
        int64_t second = now_us / 1000000;
        if (from < now || from > now + 5e6 + 2 * step)
                from = now;
        ledger_roll(ledger, second);
        double paused = ledger_min(ledger->until_us - now, ledger->pause_us);
        if ((double)question->pause_ms * 1000 > paused)
                paused = ledger->pause_us = (double)question->pause_ms * 1000;
        if (paused <= 0)
                paused = ledger->pause_us = 0;
        double own = step * ledger_max(ledger_max(ledger->weight, ledger->weight_before), weight) / weight;
        double room = (ahead <= 0 ? far_us : near_us) - (from - now), given = 0;
        if (question->count > 0 && paused == 0 && room > 0) {
                double most = ledger_max(1, floor(1e5 / step));
                double batch = ledger_max(ledger_min(most, 10), ledger_min(most, floor(1e6 / own)));
                given = ledger_min(question->count, question->put_off ? ceil(room / step) : batch);
        }
        struct share_answer answer = {.count = (uint32_t)given,
                                      .from_us = (int64_t)(from - now),
                                      .step_us = question->step_us,
                                      .second = question->second,
                                      .pause_us = (int64_t)paused};
        from += given * step;
        ahead = ledger_min(ledger_max(ahead, 0), 1e6) + given * own;
        ledger->waiting = ledger_max(0, ledger->waiting - question->back);
        double wait = 0;
        if (given < question->count) {
                if (answer.second != second) {
                        ledger->weight += weight;
                        ledger->askers++;
                        answer.second = second;
                }
                if (question->put_off) {
                        wait = far_us + ledger->waiting * step;
                        ledger->waiting += question->count - given;
                } else {
                        wait = ledger_again_us(ledger, question, ahead, from - now);
                }
                if (paused > 0)
                        wait = ledger_max(wait, paused);
        }
        answer.ahead_us = (int64_t)ahead;
        answer.again_us = (int64_t)wait;
        ledger->begun = true;
        ledger->next_us = floor(from);
        ledger->until_us = now + paused;
        return answer;
}

#endif
