#include "serve/watch.h"

#include "core/memory/memory.h"
#include "io/machine/clock.h"
#include "query/figures.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Who waits for a job is looked after each turn, all else each fourth. */
enum { TURN_MS = 250, TURNS_A_LOOK = 4 };

struct watch {
        struct watched watched;
        pthread_t thread;
        int turn;
        pthread_mutex_t mutex; /* over all below */
        pthread_cond_t ends;
        bool hurried, ending;
};

static void look_at_all(struct watch *watch, const struct query *query, bool hurried)
{
        const struct watched *watched = &watch->watched;
        if (hurried)
                waiters_end(watched->waiters, query, true);
        else
                waiters_look(watched->waiters, query);
        if (watch->turn++ % TURNS_A_LOOK != 0)
                return;
        works_tick(watched->works, query);
        samples_take(query);
        streams_look(watched->streams, query);
}

/* Redis that is away is asked again at the next turn; who waits for a job is told at once. */
static void watch_look(struct watch *watch, bool hurried)
{
        char error[256];
        struct arena arena;
        const struct watched *watched = &watch->watched;
        struct redis_sync *redis = redis_pool_take(watched->pool, error);
        if (!redis) {
                waiters_end(watched->waiters, NULL, hurried);
                return;
        }
        arena_init(&arena);
        const struct query query = {
                .config = watched->config, .redis = redis, .arena = &arena, .quick = true};
        look_at_all(watch, &query, hurried);
        bool broken = redis_sync_call(redis, &arena, "PING", NULL)->kind == REDIS_FAILED;
        redis_pool_give(watched->pool, redis, broken);
        arena_fini(&arena);
}

/* True: it is to end. */
static bool pause_turn(struct watch *watch, bool *hurried)
{
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TURN_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_mutex_lock(&watch->mutex);
        int waited = 0;
        while (!watch->ending && watch->hurried == *hurried && waited != ETIMEDOUT)
                waited = pthread_cond_timedwait(&watch->ends, &watch->mutex, &until);
        bool ending = watch->ending;
        *hurried = watch->hurried;
        pthread_mutex_unlock(&watch->mutex);
        return ending;
}

static void *run_watch(void *context)
{
        struct watch *watch = context;
        bool hurried = false;
        do
                watch_look(watch, hurried);
        while (!pause_turn(watch, &hurried));
        return NULL;
}

struct watch *watch_open(const struct watched *watched)
{
        struct watch *watch = memory_zeroed(1, sizeof(*watch));
        watch->watched = *watched;
        if (pthread_mutex_init(&watch->mutex, NULL) || pthread_cond_init(&watch->ends, NULL) ||
            !dlq_thread_begin(&watch->thread, run_watch, watch))
                abort();
        return watch;
}

void watch_hurry(struct watch *watch)
{
        pthread_mutex_lock(&watch->mutex);
        watch->hurried = true;
        pthread_cond_signal(&watch->ends);
        pthread_mutex_unlock(&watch->mutex);
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
