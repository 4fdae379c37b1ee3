#include "io/machine/aside.h"
#include "core/memory/memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct aside {
        const struct aside_job *job;
        void *context;
        uv_async_t wake; /* not touched by the thread once abandoned */
        pthread_mutex_t mutex;
        bool abandoned; /* under the mutex, as are the next two */
        bool worked;
        int holders; /* the thread and the loop; the last one frees */
};

static void release(struct aside *aside)
{
        pthread_mutex_lock(&aside->mutex);
        bool last = --aside->holders == 0;
        pthread_mutex_unlock(&aside->mutex);
        if (!last)
                return;
        if (aside->abandoned)
                aside->job->drop(aside->context);
        pthread_mutex_destroy(&aside->mutex);
        free(aside);
}

static void aside_on_closed(uv_handle_t *handle)
{
        release(handle->data);
}

static void on_wake(uv_async_t *wake)
{
        struct aside *aside = wake->data;
        pthread_mutex_lock(&aside->mutex); /* what the thread wrote is seen from here on */
        bool worked = aside->worked;
        pthread_mutex_unlock(&aside->mutex);
        if (!worked)
                return;
        uv_close((uv_handle_t *)wake, aside_on_closed);
        aside->job->done(aside->context);
}

static void *aside_run(void *context)
{
        struct aside *aside = context;
        aside->job->work(aside->context);
        pthread_mutex_lock(&aside->mutex);
        aside->worked = true;
        if (!aside->abandoned)
                uv_async_send(&aside->wake);
        pthread_mutex_unlock(&aside->mutex);
        release(aside);
        return NULL;
}

/* Signals are for the others. */
static bool thread_start(struct aside *aside)
{
        pthread_t thread;
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        bool started = pthread_create(&thread, NULL, aside_run, aside) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (started)
                pthread_detach(thread);
        return started;
}

struct aside *aside_start(uv_loop_t *loop, const struct aside_job *job, void *context)
{
        struct aside *aside = memory_zeroed(1, sizeof(*aside));
        *aside = (struct aside){.job = job, .context = context, .holders = 2};
        pthread_mutex_init(&aside->mutex, NULL);
        if (uv_async_init(loop, &aside->wake, on_wake) != 0)
                abort();
        aside->wake.data = aside;
        if (thread_start(aside))
                return aside;
        aside->holders = 1;
        uv_close((uv_handle_t *)&aside->wake, aside_on_closed);
        return NULL;
}

void aside_abandon(struct aside *aside)
{
        pthread_mutex_lock(&aside->mutex);
        aside->abandoned = true;
        pthread_mutex_unlock(&aside->mutex);
        uv_close((uv_handle_t *)&aside->wake, aside_on_closed);
}
