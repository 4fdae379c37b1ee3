/* For LD_PRELOAD: the wall clock of a process is off by as many seconds as a shared file says, from one
 * moment to the next. The other clocks are left alone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s; /* NULL: not mapped yet */

__attribute__((constructor)) static void map(void)
{
        const char *path = getenv("WALLCLOCK_FILE");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*offset_s), PROT_READ, MAP_SHARED, fd, 0);
        if (mapped == MAP_FAILED)
                abort();
        close(fd);
        offset_s = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
        int rc = (int)syscall(SYS_clock_gettime, clock, now);
        if (rc == 0 && offset_s && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                now->tv_sec += *offset_s;
        return rc;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
        struct timespec precise;
        (void)zone;
        clock_gettime(CLOCK_REALTIME, &precise);
        *now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
        return 0;
}

time_t time(time_t *seconds)
{
        struct timespec precise;
        clock_gettime(CLOCK_REALTIME, &precise);
        if (seconds)
                *seconds = precise.tv_sec;
        return precise.tv_sec;
}
