#include "io/machine/turn.h"
#include "io/machine/clock.h"

#include <uv.h>

enum { LONG_US = 1000, COLLECT_US = 6000 };

/* The question comes after every few microseconds of work: each fourth time is often enough. */
#define ASKED_OFTEN 4

static _Thread_local int64_t begun_us;
static _Thread_local unsigned asked;
static _Thread_local uint64_t short_until_ns; /* CLOCK_MONOTONIC */
static _Thread_local bool is_long, worked, collects;
static _Thread_local int64_t written_us; /* when what waits was last written, or nothing waited */

static void promise_short(uint64_t now_ns, int64_t used_us)
{
        short_until_ns = now_ns + (uint64_t)(LONG_US - used_us) * 1000;
}

void turn_worked(void)
{
        worked = true;
}

bool turn_collects(void)
{
        return collects;
}

int64_t turn_begin(void)
{
        int64_t now_us = clock_thread_cpu_us();
        int64_t used_us = begun_us > 0 ? now_us - begun_us : 0;
        collects = worked && begun_us > 0 && now_us - written_us < COLLECT_US;
        worked = false;
        if (!collects)
                written_us = now_us;
        begun_us = now_us;
        asked = 0;
        is_long = false;
        promise_short(uv_hrtime(), 0);
        return used_us;
}

/* Reading the thread's CPU time costs a system call; the monotonic clock does not. CPU time cannot outrun it,
 * so a short turn stays short until the rest of the millisecond has passed. */
static bool turn_look(void)
{
        uint64_t now_ns = uv_hrtime();
        if (now_ns < short_until_ns)
                return false;
        int64_t used_us = clock_thread_cpu_us() - begun_us;
        if (used_us >= LONG_US)
                return true;
        promise_short(now_ns, used_us);
        return false;
}

bool turn_is_long(void)
{
        if (!is_long && begun_us > 0 && asked++ % ASKED_OFTEN == 0)
                is_long = turn_look();
        return is_long;
}
