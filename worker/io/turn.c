#include "io/turn.h"
#include "io/clock.h"

#define LONG_US 2000

/* The clock of a thread's CPU is a system call, and the question comes after every few microseconds of work:
 * each fourth time is often enough. */
#define ASKED_OFTEN 4

static _Thread_local int64_t begun_us;
static _Thread_local unsigned asked;
static _Thread_local bool is_long;

int64_t turn_begin(void)
{
        int64_t now_us = clock_thread_cpu_us();
        int64_t used_us = begun_us > 0 ? now_us - begun_us : 0;
        begun_us = now_us;
        asked = 0;
        is_long = false;
        return used_us;
}

bool turn_is_long(void)
{
        if (!is_long && begun_us > 0 && asked++ % ASKED_OFTEN == 0)
                is_long = clock_thread_cpu_us() - begun_us >= LONG_US;
        return is_long;
}
