#include "io/machine/process_usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double timeval_seconds(struct timeval time)
{
        return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* The second number of /proc/self/statm, in pages (proc(5)). */
static uint64_t resident_bytes(void)
{
        FILE *statm = fopen("/proc/self/statm", "re");
        uint64_t total, resident = 0;
        if (!statm)
                return 0;
        if (fscanf(statm, "%" SCNu64 " %" SCNu64, &total, &resident) != 2)
                resident = 0;
        fclose(statm);
        return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Without the one that reads the directory. */
static uint64_t open_fds(void)
{
        DIR *fds = opendir("/proc/self/fd");
        uint64_t count = 0;
        if (!fds)
                return 0;
        for (const struct dirent *entry; (entry = readdir(fds));)
                count += entry->d_name[0] != '.';
        closedir(fds);
        return count ? count - 1 : 0;
}

void process_usage_read(struct metrics_process *usage)
{
        struct rusage used;
        if (getrusage(RUSAGE_SELF, &used) == 0)
                usage->cpu_s = timeval_seconds(used.ru_utime) + timeval_seconds(used.ru_stime);
        usage->resident_bytes = resident_bytes();
        usage->open_fds = open_fds();
}
