#include "io/machine/clock.h"

#include <stdlib.h>
#include <time.h>

static struct timespec read_clock(clockid_t id)
{
        struct timespec now;
        if (clock_gettime(id, &now) != 0)
                abort();
        return now;
}

int64_t clock_boot_ms(void)
{
        struct timespec now = read_clock(CLOCK_BOOTTIME);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
        struct timespec now = read_clock(CLOCK_REALTIME);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_boot_ns(void)
{
        struct timespec now = read_clock(CLOCK_BOOTTIME);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall_ns(void)
{
        struct timespec now = read_clock(CLOCK_REALTIME);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_thread_cpu_us(void)
{
        struct timespec now = read_clock(CLOCK_THREAD_CPUTIME_ID);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
