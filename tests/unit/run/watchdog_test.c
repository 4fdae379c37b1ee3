#include "run/process/watchdog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

/* Has a thread of this process got as far as its wait? Known by the name that the watchdog gives it. */
static bool watchdog_waits(void)
{
        DIR *threads = opendir("/proc/self/task");
        const struct dirent *thread;
        bool waits = false;
        assert_non_null(threads);
        while (!waits && (thread = readdir(threads))) {
                char path[300], text[128] = "";
                snprintf(path, sizeof(path), "/proc/self/task/%s/stat", thread->d_name);
                FILE *file = fopen(path, "r");
                if (!file)
                        continue;
                waits = fgets(text, sizeof(text), file) && strstr(text, "(leveret-watch) S");
                fclose(file);
        }
        closedir(threads);
        return waits;
}

/* It looks once a second; a worker that ends does not wait for the next look. */
static void a_watchdog_that_waits_is_stopped_at_once(void **state)
{
        (void)state;
        struct watchdog *watchdog = watchdog_start();
        while (!watchdog_waits())
                sched_yield();
        uint64_t before_ns = uv_hrtime();
        watchdog_stop(watchdog);
        assert_true(uv_hrtime() - before_ns < UINT64_C(500000000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_watchdog_that_waits_is_stopped_at_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
