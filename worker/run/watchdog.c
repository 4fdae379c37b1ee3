#include "core/memory/memory.h"
#include "io/log/fatal_signal.h"
#include "run/state.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Checks without a turn of the loop after which the process ends. Counted in checks, not in time: a process
 * that was stopped (SIGSTOP, a suspended machine) made no check either. */
#define CHECKS_MAX 10

struct watchdog {
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t stopped;
        bool stop;
        atomic_uint_fast64_t turns;
};

static void end_process(void)
{
        fatal_signal_watchdog("the loop has not turned for 10 s: ending the process");
        kill(getpid(), SIGKILL);
}

static void *watch(void *argument)
{
        struct watchdog *watchdog = argument;
        uint64_t seen = 0;
        int idle = 0;
        pthread_setname_np(pthread_self(), "leveret-watch");
        pthread_mutex_lock(&watchdog->mutex);
        while (!watchdog->stop) {
                struct timespec until;
                clock_gettime(CLOCK_MONOTONIC, &until);
                until.tv_sec++;
                pthread_cond_timedwait(&watchdog->stopped, &watchdog->mutex, &until);
                uint64_t turns = atomic_load(&watchdog->turns);
                idle = turns == seen ? idle + 1 : 0;
                seen = turns;
                if (idle >= CHECKS_MAX && !watchdog->stop)
                        end_process();
        }
        pthread_mutex_unlock(&watchdog->mutex);
        return NULL;
}

struct watchdog *watchdog_start(void)
{
        struct watchdog *watchdog = memory_zeroed(1, sizeof(*watchdog));
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_mutex_init(&watchdog->mutex, NULL);
        pthread_cond_init(&watchdog->stopped, &monotonic);
        pthread_condattr_destroy(&monotonic);
        if (pthread_create(&watchdog->thread, NULL, watch, watchdog) != 0)
                abort();
        return watchdog;
}

void watchdog_turned(struct watchdog *watchdog)
{
        atomic_fetch_add_explicit(&watchdog->turns, 1, memory_order_relaxed);
}

void watchdog_stop(struct watchdog *watchdog)
{
        pthread_mutex_lock(&watchdog->mutex);
        watchdog->stop = true;
        pthread_cond_signal(&watchdog->stopped);
        pthread_mutex_unlock(&watchdog->mutex);
        pthread_join(watchdog->thread, NULL);
        pthread_cond_destroy(&watchdog->stopped);
        pthread_mutex_destroy(&watchdog->mutex);
        free(watchdog);
}
