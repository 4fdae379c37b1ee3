#include "io/turn.h"
#include "io/clock.h"

#define LONG_US 2000

static _Thread_local int64_t begun_us;

int64_t turn_begin(void)
{
        int64_t now_us = clock_thread_cpu_us();
        int64_t used_us = begun_us > 0 ? now_us - begun_us : 0;
        begun_us = now_us;
        return used_us;
}

bool turn_is_long(void)
{
        return begun_us > 0 && clock_thread_cpu_us() - begun_us >= LONG_US;
}
