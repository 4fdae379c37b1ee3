#include "serve/watch.h"

#include "core/memory/memory.h"
#include "io/machine/clock.h"
#include "query/figures.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { TURN_MS = 1000 };

struct watch {
        const struct config *config;
        struct redis_pool *pool;
        struct works *works;
        pthread_t thread;
        pthread_mutex_t mutex; /* over all below */
        pthread_cond_t ends;
        bool ending;
};

/* Redis that is away is asked again at the next turn. */
static void look(struct watch *watch)
{
        char error[256];
        struct arena arena;
        struct redis_sync *redis = redis_pool_take(watch->pool, error);
        if (!redis)
                return;
        arena_init(&arena);
        const struct query query = {.config = watch->config, .redis = redis, .arena = &arena};
        works_tick(watch->works, &query);
        samples_take(&query);
        bool broken = redis_sync_call(redis, &arena, "PING", NULL)->kind == REDIS_FAILED;
        redis_pool_give(watch->pool, redis, broken);
        arena_fini(&arena);
}

/* True: it is to end. */
static bool pause_turn(struct watch *watch)
{
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += TURN_MS / 1000;
        pthread_mutex_lock(&watch->mutex);
        int waited = 0;
        while (!watch->ending && waited != ETIMEDOUT)
                waited = pthread_cond_timedwait(&watch->ends, &watch->mutex, &until);
        bool ending = watch->ending;
        pthread_mutex_unlock(&watch->mutex);
        return ending;
}

static void *run_watch(void *context)
{
        struct watch *watch = context;
        do
                look(watch);
        while (!pause_turn(watch));
        return NULL;
}

struct watch *watch_open(const struct config *config, struct redis_pool *pool, struct works *works)
{
        struct watch *watch = memory_zeroed(1, sizeof(*watch));
        *watch = (struct watch){.config = config, .pool = pool, .works = works};
        if (pthread_mutex_init(&watch->mutex, NULL) || pthread_cond_init(&watch->ends, NULL) ||
            !dlq_thread_begin(&watch->thread, run_watch, watch))
                abort();
        return watch;
}

void watch_close(struct watch *watch)
{
        pthread_mutex_lock(&watch->mutex);
        watch->ending = true;
        pthread_cond_signal(&watch->ends);
        pthread_mutex_unlock(&watch->mutex);
        pthread_join(watch->thread, NULL);
        pthread_cond_destroy(&watch->ends);
        pthread_mutex_destroy(&watch->mutex);
        free(watch);
}
