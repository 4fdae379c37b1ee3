#include "run/process/watchdog.h"
#include "core/memory/memory.h"
#include "io/log/fatal_signal.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

/* Checks without a turn of the loop after which the process ends. Counted in checks, not in time: a process
 * that was stopped (SIGSTOP, a suspended machine) made no check either. */
#define CHECKS_MAX 10
#define CHECK_NS 1000000000u

struct watchdog {
        uv_thread_t thread;
        uv_mutex_t mutex;
        uv_cond_t stopped;
        bool stop;
        atomic_uint_fast64_t turns;
};

static void end_process(void)
{
        fatal_signal_watchdog("the loop has not turned for 10 s: ending the process");
        kill(getpid(), SIGKILL);
}

static void watch(void *argument)
{
        struct watchdog *watchdog = argument;
        uint64_t seen = 0;
        int idle = 0;
        pthread_setname_np(pthread_self(), "leveret-watch");
        uv_mutex_lock(&watchdog->mutex);
        while (!watchdog->stop) {
                uv_cond_timedwait(&watchdog->stopped, &watchdog->mutex, CHECK_NS);
                uint64_t turns = atomic_load(&watchdog->turns);
                idle = turns == seen ? idle + 1 : 0;
                seen = turns;
                if (idle >= CHECKS_MAX && !watchdog->stop)
                        end_process();
        }
        uv_mutex_unlock(&watchdog->mutex);
}

struct watchdog *watchdog_start(void)
{
        struct watchdog *watchdog = memory_zeroed(1, sizeof(*watchdog));
        if (uv_mutex_init(&watchdog->mutex) != 0 || uv_cond_init(&watchdog->stopped) != 0)
                abort();
        if (uv_thread_create(&watchdog->thread, watch, watchdog) != 0)
                abort();
        return watchdog;
}

void watchdog_turned(struct watchdog *watchdog)
{
        atomic_fetch_add_explicit(&watchdog->turns, 1, memory_order_relaxed);
}

void watchdog_stop(struct watchdog *watchdog)
{
        uv_mutex_lock(&watchdog->mutex);
        watchdog->stop = true;
        uv_cond_signal(&watchdog->stopped);
        uv_mutex_unlock(&watchdog->mutex);
        uv_thread_join(&watchdog->thread);
        uv_cond_destroy(&watchdog->stopped);
        uv_mutex_destroy(&watchdog->mutex);
        free(watchdog);
}
