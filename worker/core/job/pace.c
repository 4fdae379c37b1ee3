#include "core/job/pace.h"

#include <string.h>

enum {
        SLOT_MS = 100,
        SECOND_MS = PACE_SLOTS * SLOT_MS,
        /* Refusals within it are of one and the same excess. */
        REFUSAL_MS = 500,
        /* Not refused for so long: whatever it was, it is over. */
        FORGET_MS = 10 * 60 * 1000,
};
static const double PACE_MIN = 0.2, GIVE_WAY = 0.9, NEAR = 0.95, PASSED = 1.3;
/* With each mail: a tenth of the pace in a second far from the ceiling, a two hundredth near it. */
static const double GROWTH_FAR = 0.1, GROWTH_NEAR = 0.005;

static void slots_move(struct pace *pace, int64_t now_ms)
{
        int64_t slot = now_ms / SLOT_MS;
        if (slot - pace->slot >= PACE_SLOTS)
                memset(pace->accepted, 0, sizeof pace->accepted);
        else
                for (int64_t i = pace->slot + 1; i <= slot; i++)
                        pace->accepted[i % PACE_SLOTS] = 0;
        pace->slot = slot;
}

static double accepted_lately(struct pace *pace, int64_t now_ms)
{
        double sum = 0;
        slots_move(pace, now_ms);
        for (int i = 0; i < PACE_SLOTS; i++)
                sum += pace->accepted[i];
        return sum;
}

int64_t pace_wait_ms(const struct pace *pace, int64_t now_ms)
{
        int64_t wait_ms = 0;
        if (pace->per_second > 0 && pace->due_ms > (double)now_ms)
                wait_ms = (int64_t)(pace->due_ms - (double)now_ms) + 1;
        bool spent = pace->reset_ms > now_ms && pace->left <= 0;
        if (spent && pace->reset_ms - now_ms > wait_ms)
                wait_ms = pace->reset_ms - now_ms;
        return wait_ms;
}

void pace_begin(struct pace *pace, int64_t now_ms)
{
        pace->left--;
        if (pace->per_second <= 0)
                return;
        /* What was not used is not made up for, beyond one turn of the loop. */
        double from_ms = pace->due_ms < (double)now_ms - 20 ? (double)now_ms - 20 : pace->due_ms;
        pace->due_ms = from_ms + 1000 / pace->per_second;
}

static void grow(struct pace *pace, int64_t now_ms)
{
        if (now_ms - pace->refused_ms > FORGET_MS) {
                pace->per_second = 0;
                return;
        }
        bool far = pace->per_second < NEAR * pace->ceiling || pace->per_second > PASSED * pace->ceiling;
        pace->per_second += far ? GROWTH_FAR : GROWTH_NEAR;
}

/* Nothing begins right after the first refusal, so what is accepted now belongs to the second in which that
 * came: its answer was only later. */
static void measure(struct pace *pace, int64_t now_ms)
{
        double lately = accepted_lately(pace, now_ms);
        if (NEAR * lately <= pace->per_second)
                return;
        pace->ceiling = lately;
        pace->per_second = NEAR * lately;
}

void pace_accepted(struct pace *pace, int64_t now_ms)
{
        slots_move(pace, now_ms);
        pace->accepted[pace->slot % PACE_SLOTS]++;
        if (pace->first && now_ms - pace->refused_ms < REFUSAL_MS)
                measure(pace, now_ms);
        else if (pace->per_second > 0)
                grow(pace, now_ms);
}

void pace_refused(struct pace *pace, int64_t now_ms)
{
        bool known = pace->per_second > 0;
        if (known && now_ms - pace->refused_ms < REFUSAL_MS)
                return;
        double lately = accepted_lately(pace, now_ms);
        pace->first = !known;
        pace->ceiling = known ? pace->per_second : lately;
        pace->per_second = known ? GIVE_WAY * pace->per_second : NEAR * lately;
        if (pace->per_second < PACE_MIN)
                pace->per_second = PACE_MIN;
        pace->refused_ms = now_ms;
        pace->due_ms = (double)now_ms + 1000 / pace->per_second;
}

void pace_told(struct pace *pace, int64_t left, int64_t reset_ms, int64_t under_way, int64_t now_ms)
{
        /* Headers count whole seconds, too coarse for a limit a second: where the pace is known, it is
         * better. */
        if (pace->per_second > 0 && reset_ms <= SECOND_MS)
                return;
        pace->left = left > under_way ? left - under_way : 0;
        pace->reset_ms = now_ms + reset_ms;
}
