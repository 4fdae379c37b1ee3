#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"
#include "run/state.h"

#include <stdio.h>
#include <stdlib.h>

/* Counts the jobs whose record says running although their lease ran out: they wait for a redelivery, or
 * their message is gone. Looked for among the newest of leveret:jobs:running. */

#define LOOK_EVERY_MS 30000
/* A crashed worker's jobs come back after their lease by themselves; only later they are stuck. */
#define PATIENCE_MS 60000

struct stuck {
        uv_timer_t timer;
        struct engine *engine; /* NULL once closed */
        size_t asked, answered, found;
        bool closed, busy;
};

static void stuck_free_if_over(struct stuck *stuck)
{
        if (stuck->closed && !stuck->busy)
                free(stuck);
}

static void look_over(struct stuck *stuck)
{
        if (stuck->answered < stuck->asked)
                return;
        stuck->busy = false;
        if (stuck->engine)
                metrics_set_stuck_jobs(stuck->engine->metrics, stuck->found);
        stuck_free_if_over(stuck);
}

static void on_record(void *context, bool lost, const struct slice *values, size_t count)
{
        struct stuck *stuck = context;
        stuck->answered++;
        if (!lost && count == 2 && slice_is(values[0], "running")) {
                char until[32];
                snprintf(until, sizeof(until), "%.*s", SLICE_PRINT(values[1]));
                if (strtoll(until, NULL, 10) + PATIENCE_MS < clock_wall_ms())
                        stuck->found++;
        }
        look_over(stuck);
}

static void on_ids(void *context, bool lost, const struct slice *values, size_t count)
{
        struct stuck *stuck = context;
        stuck->asked = stuck->answered = stuck->found = 0;
        if (lost) { /* also once closed: the store goes right after */
                stuck->busy = false;
                stuck_free_if_over(stuck);
                return;
        }
        struct engine *engine = stuck->engine;
        stuck->asked = count;
        for (size_t i = 0; i < count; i++) {
                struct buffer key = {0};
                record_key_add(&key, engine->config->redis.prefix, KEY_JOB, values[i]);
                struct slice arguments[] = {SLICE_LITERAL("HMGET"),
                                            {.data = key.data, .len = key.len},
                                            SLICE_LITERAL("state"),
                                            SLICE_LITERAL("lease_until_ms")};
                redis_store_query(engine->store, arguments, 4, on_record, stuck);
                buffer_fini(&key);
        }
        look_over(stuck);
}

static void stuck_on_timer(uv_timer_t *timer)
{
        struct stuck *stuck = timer->data;
        struct engine *engine = stuck->engine;
        if (stuck->busy || !redis_store_is_up(engine->store))
                return;
        struct buffer key = {0};
        record_key_add(&key, engine->config->redis.prefix, KEY_JOBS, SLICE_LITERAL("running"));
        struct slice arguments[] = {SLICE_LITERAL("ZREVRANGE"),
                                    {.data = key.data, .len = key.len},
                                    SLICE_LITERAL("0"),
                                    SLICE_LITERAL("-1")};
        stuck->busy = true;
        redis_store_query(engine->store, arguments, 4, on_ids, stuck);
        buffer_fini(&key);
}

void stuck_open(struct engine *engine)
{
        struct stuck *stuck = memory_zeroed(1, sizeof(*stuck));
        stuck->engine = engine;
        stuck->timer.data = stuck;
        engine->stuck = stuck;
        uv_timer_init(&engine->loop, &stuck->timer);
        uv_timer_start(&stuck->timer, stuck_on_timer, LOOK_EVERY_MS, LOOK_EVERY_MS);
}

static void stuck_on_closed(uv_handle_t *handle)
{
        struct stuck *stuck = handle->data;
        stuck->closed = true;
        stuck_free_if_over(stuck);
}

void stuck_close(struct engine *engine)
{
        struct stuck *stuck = engine->stuck;
        engine->stuck = NULL;
        stuck->engine = NULL;
        uv_close((uv_handle_t *)&stuck->timer, stuck_on_closed);
}
