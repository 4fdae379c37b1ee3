#include "io/amqp/amqp_attempt.h"
#include "core/memory/memory.h"
#include "io/amqp/amqp_topology.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct attempt {
        uv_mutex_t mutex;
        uv_cond_t ended_changed;
        uv_thread_t thread;
        bool ended, silent, abandoned; /* under the mutex; abandoned: it frees itself */
        uv_async_t *done;              /* not touched once silent */
        struct arena arena;
        struct amqp_settings settings;
        const struct topology *topology;
        enum topology_mode mode;
        struct broker *broker;
        struct amqp_error error;
};

static void attempt_destroy(struct attempt *attempt)
{
        broker_close(attempt->broker, 0);
        arena_fini(&attempt->arena);
        uv_cond_destroy(&attempt->ended_changed);
        uv_mutex_destroy(&attempt->mutex);
        free(attempt);
}

static void attempt_run(void *context)
{
        struct attempt *attempt = context;
        if (attempt->error.trouble == AMQP_TROUBLE_NONE)
                attempt->broker = broker_open(&attempt->settings, "consumer", &attempt->error);
        if (attempt->broker &&
            !broker_topology(attempt->broker, attempt->topology, attempt->mode, NULL, &attempt->error)) {
                broker_close(attempt->broker, 1000);
                attempt->broker = NULL;
        }
        uv_mutex_lock(&attempt->mutex);
        bool abandoned = attempt->abandoned;
        attempt->ended = true;
        if (!attempt->silent)
                uv_async_send(attempt->done);
        uv_cond_signal(&attempt->ended_changed);
        uv_mutex_unlock(&attempt->mutex);
        if (abandoned)
                attempt_destroy(attempt);
}

struct attempt *attempt_start(const struct config *config, uv_async_t *done)
{
        struct attempt *attempt = memory_zeroed(1, sizeof(*attempt));
        attempt->done = done;
        attempt->mode = config->topology;
        arena_init(&attempt->arena);
        amqp_settings_parse(&attempt->arena, config, &attempt->settings, &attempt->error);
        attempt->topology = topology_build(&attempt->arena, config);
        if (uv_mutex_init(&attempt->mutex) != 0 || uv_cond_init(&attempt->ended_changed) != 0)
                abort();
        if (uv_thread_create(&attempt->thread, attempt_run, attempt) != 0)
                abort();
        return attempt;
}

bool attempt_ended(struct attempt *attempt)
{
        uv_mutex_lock(&attempt->mutex);
        bool ended = attempt->ended;
        uv_mutex_unlock(&attempt->mutex);
        return ended;
}

struct broker *attempt_take(struct attempt *attempt, struct amqp_error *error)
{
        assert(attempt_ended(attempt));
        struct broker *broker = attempt->broker;
        attempt->broker = NULL;
        *error = attempt->error;
        return broker;
}

void attempt_free(struct attempt *attempt, int64_t bound_ms)
{
        if (!attempt)
                return;
        uv_mutex_lock(&attempt->mutex);
        attempt->silent = true;
        while (!attempt->ended &&
               uv_cond_timedwait(&attempt->ended_changed, &attempt->mutex, (uint64_t)bound_ms * 1000000) == 0)
                continue;
        bool left = attempt->abandoned = !attempt->ended;
        uv_thread_t thread = attempt->thread;
        uv_mutex_unlock(&attempt->mutex);
        if (left) {
                pthread_detach(thread);
                return;
        }
        uv_thread_join(&thread);
        attempt_destroy(attempt);
}
