#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "serve/work.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct works {
        const struct config *config;
        const struct type_set *types;
        pthread_mutex_t mutex; /* over the list and all that ended */
        pthread_cond_t one_ended;
        struct work *running, *ended;
        size_t count;
        bool shut;
};

static void works_on_told(struct dlq *dlq, int status, const char *text)
{
        struct work *work = dlq->context;
        if (work->told_status != 0)
                return;
        work->told_status = status;
        snprintf(work->told, sizeof(work->told), "%s", text);
}

static bool on_work_stopped(struct dlq *dlq)
{
        const struct work *work = dlq->context;
        return atomic_load(&work->stop);
}

static void on_work_moved(struct dlq *dlq, int64_t done, int64_t total)
{
        struct work *work = dlq->context;
        atomic_store(&work->done, done);
        atomic_store(&work->total, total);
}

struct works *works_open(const struct config *config, const struct type_set *types)
{
        struct works *works = memory_zeroed(1, sizeof(*works));
        works->config = config;
        works->types = types;
        if (pthread_mutex_init(&works->mutex, NULL) || pthread_cond_init(&works->one_ended, NULL))
                abort();
        return works;
}

struct work *work_new(struct works *works, const struct query *query, const char *token)
{
        struct work *work = memory_zeroed(1, sizeof(*work));
        work->works = works;
        arena_init(&work->arena);
        work->dlq = (struct dlq){
                .query = {.config = query->config, .redis = query->redis, .arena = &work->arena},
                .types = works->types,
                .told = works_on_told,
                .stopped = on_work_stopped,
                .moved = on_work_moved,
                .context = work,
        };
        work->operation.token = arena_strdup(&work->arena, token ? token : "");
        work->dlq.who =
                arena_printf(&work->arena, "%s over HTTP@%s", work->operation.token, dlq_host(&work->arena));
        return work;
}

void work_free(struct work *work)
{
        arena_fini(&work->arena);
        free(work);
}

static void unlink_work(struct work *work)
{
        struct work **at = &work->works->running;
        while (*at != work)
                at = &(*at)->next;
        *at = work->next;
        work->next = work->works->ended;
        work->works->ended = work;
        work->works->count--;
}

/* A state that is told with its cause. */
static void conclude(struct work *work, int status)
{
        struct operation *operation = &work->operation;
        bool stopped = atomic_load(&work->stop) && operation->done + operation->expired < operation->total;
        operation->ended_ms = operation->seen_ms = clock_wall_ms();
        if (work->told_status != 0)
                operation->error = work->told;
        if (stopped) {
                operation->state = "stopped";
                operation->error = "it was stopped; what it did not reach is as it was";
        } else if (status != DLQ_OK || operation->error[0]) {
                operation->state = "failed";
        } else {
                operation->state = "done";
        }
}

static void work_tell_end(const struct operation *operation)
{
        char text[LOG_VALUE_MAX];
        snprintf(text, sizeof(text), "%s of %s: %" PRId64 " of %" PRId64 " %s%s%s", operation->kind,
                 operation->queue, operation->done, operation->total, operation->state,
                 operation->error[0] ? ": " : "", operation->error);
        log_event(strcmp(operation->state, "done") == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
                  &(struct log_fields){.event = "operation", .msg = text});
}

static void *run_work(void *context)
{
        struct work *work = context;
        struct works *works = work->works;
        char error[256];
        int status = DLQ_ERROR;
        work->dlq.query.redis = redis_sync_open(works->config, error);
        if (work->dlq.query.redis)
                status = work->run(work);
        else
                dlq_fail(&work->dlq, DLQ_ERROR, "Redis: %s", error);
        conclude(work, status);
        work_tell_end(&work->operation);
        pthread_mutex_lock(&works->mutex); /* no tick tells of it after its end */
        if (work->dlq.query.redis)
                operation_save(&work->dlq.query, &work->operation);
        if (work->dlq.query.redis)
                redis_sync_close(work->dlq.query.redis);
        unlink_work(work);
        pthread_cond_broadcast(&works->one_ended);
        pthread_mutex_unlock(
                &works->mutex); /* whoever has it next may free the work once this thread has ended */
        return NULL;
}

/* With the mutex held. */
static bool works_start(struct work *work)
{
        struct works *works = work->works;
        if (works->shut || works->count == WORKS_MAX || !operation_save(&work->dlq.query, &work->operation))
                return false;
        work->dlq.query.redis = NULL;
        atomic_store(&work->total, work->operation.total);
        work->next = works->running;
        works->running = work;
        works->count++;
        if (dlq_thread_begin(&work->thread, run_work, work))
                return true;
        unlink_work(work);
        works->ended = work->next;
        return false;
}

bool work_begin(struct work *work)
{
        struct works *works = work->works;
        pthread_mutex_lock(&works->mutex);
        bool began = works_start(work);
        pthread_mutex_unlock(&works->mutex);
        if (!began)
                work_free(work);
        return began;
}

static void tell_progress(const struct query *query, struct work *work)
{
        struct arena *arena = query->arena;
        const char *key = record_key(arena, query->config->redis.prefix, KEY_OPERATION, work->operation.id);
        redis_sync_call(query->redis, arena, "HSET", key, "done",
                        arena_printf(arena, "%" PRId64, (int64_t)atomic_load(&work->done)), "total",
                        arena_printf(arena, "%" PRId64, (int64_t)atomic_load(&work->total)), "seen_ms",
                        arena_printf(arena, "%" PRId64, clock_wall_ms()), NULL);
        const struct redis_value *stop = redis_sync_call(query->redis, arena, "HGET", key, "stop", NULL);
        if (stop->kind == REDIS_TEXT)
                atomic_store(&work->stop, true);
}

static void free_ended(struct work *work)
{
        while (work) {
                struct work *next = work->next;
                pthread_join(work->thread, NULL);
                work_free(work);
                work = next;
        }
}

void works_tick(struct works *works, const struct query *query)
{
        pthread_mutex_lock(&works->mutex);
        for (struct work *work = works->running; work; work = work->next)
                tell_progress(query, work);
        struct work *ended = works->ended;
        works->ended = NULL;
        pthread_mutex_unlock(&works->mutex);
        free_ended(ended);
}

void works_shut(struct works *works)
{
        pthread_mutex_lock(&works->mutex);
        works->shut = true;
        for (struct work *work = works->running; work; work = work->next)
                atomic_store(&work->stop, true);
        pthread_mutex_unlock(&works->mutex);
}

/* Under the mutex. False: some run still. */
static bool all_end(struct works *works)
{
        struct timespec until;
        int waited = 0;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += WORKS_LAST_S;
        while (works->running && waited != ETIMEDOUT)
                waited = pthread_cond_timedwait(&works->one_ended, &works->mutex, &until);
        return !works->running;
}

bool works_end(struct works *works)
{
        works_shut(works);
        pthread_mutex_lock(&works->mutex);
        bool ended = all_end(works);
        pthread_mutex_unlock(&works->mutex);
        return ended;
}

void works_close(struct works *works)
{
        free_ended(works->ended);
        pthread_cond_destroy(&works->one_ended);
        pthread_mutex_destroy(&works->mutex);
        free(works);
}
