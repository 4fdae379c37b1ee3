#include "core/broker/topology.h"
#include "core/memory/memory.h"
#include "io/broker/amqp_admin.h"
#include "io/log/log.h"
#include "io/machine/aside.h"
#include "io/machine/clock.h"
#include "io/machine/handle.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* How much waits in the broker and how long: for the metrics, and to know when `run --drain` is done. Asked
 * on a connection of its own off the loop. A look at the oldest message itself would change the order and the
 * delivery count of a queue, so its age is bounded from what is seen anyway: it came after the last message
 * that was started, and after the queue was last seen empty. */

#define ASK_EVERY_MS 15000
#define ASK_EVERY_DRAINING_MS 200
/* Each question is a connection of the broker's: an idle process lets so many pass, as there may be hundreds.
 */
#define ASK_PASSED_WHEN_QUIET 7
enum { DEPTHS_MAX = CONFIG_QUEUES_MAX * (CONFIG_TIERS_MAX + 2) };

struct depth {
        uv_timer_t *timer;
        struct aside *asking; /* while it is asked */
        struct engine *engine;
        const struct config *config;
        struct arena arena;
        struct queue_depth queues[DEPTHS_MAX]; /* the work queues first, then all tiers, then <queue>.again */
        size_t count, again;                   /* `again`: where those begin */
        bool ok;
        bool told; /* counted, and not yet asked about by depth_is_empty */
        struct amqp_error error;
        int64_t asked_ms; /* wall clock */
        uint64_t ended;   /* jobs of this process, when it was asked last */
        unsigned passed;
};

static void depth_free(void *context)
{
        struct depth *depth = context;
        arena_fini(&depth->arena);
        free(depth);
}

static void depths_ask(void *context)
{
        struct depth *depth = context;
        depth->ok = amqp_queue_depths(depth->config, depth->queues, depth->count, &depth->error);
}

/* What waits in the <queue>.again of a queue, if it has one. */
static uint64_t come_back(const struct depth *depth, size_t queue)
{
        size_t at = depth->again;
        for (size_t i = 0; i < queue; i++)
                at += !depth->config->queues[i].declare;
        return depth->config->queues[queue].declare ? 0 : depth->queues[at].messages;
}

/* Messages in the work queues: in those that are paused, or in the others. */
static uint64_t waiting(const struct depth *depth, bool paused)
{
        uint64_t messages = 0;
        for (size_t i = 0; i < depth->config->queue_count; i++)
                if (depth->engine->queues[i].paused == paused)
                        messages += depth->queues[i].messages + come_back(depth, i);
        return messages;
}

static uint64_t waiting_in_tiers(const struct depth *depth)
{
        uint64_t messages = 0;
        for (size_t i = depth->config->queue_count; i < depth->again; i++)
                messages += depth->queues[i].messages;
        return messages;
}

/* What an operator has paused is not waited for. */
bool depth_is_empty(struct engine *engine, char *text, size_t size)
{
        struct depth *depth = engine->depth;
        bool told = depth->told;
        depth->told = false;
        if (!told || !depth->ok || !engine->pauses_known || waiting(depth, /* paused = */ false) > 0)
                return false;
        snprintf(text, size,
                 "the queues are empty; %" PRIu64 " wait in delay tiers, %" PRIu64 " in paused queues",
                 waiting_in_tiers(depth), waiting(depth, /* paused = */ true));
        return true;
}

void depth_newer_than(struct engine *engine, size_t queue, int64_t ms)
{
        struct queue_state *state = &engine->queues[queue];
        if (ms <= state->newer_than_ms)
                return;
        int64_t now_ms = clock_wall_ms();
        state->newer_than_ms = ms < now_ms ? ms : now_ms; /* a publisher's clock may be ahead */
}

int64_t depth_oldest_ms(const struct engine *engine, size_t queue)
{
        const struct queue_state *state = &engine->queues[queue];
        if (state->ready <= 0)
                return state->ready;
        int64_t age_ms = clock_wall_ms() - state->newer_than_ms;
        if (state->newer_than_ms == 0)
                return -1;
        return age_ms > 0 ? age_ms : 0;
}

static void take_counts(struct depth *depth)
{
        struct engine *engine = depth->engine;
        const struct queue_depth *tier = &depth->queues[depth->config->queue_count];
        for (size_t i = 0; i < depth->config->queue_count; i++) {
                struct queue_state *state = &engine->queues[i];
                int64_t retrying = 0;
                state->ready = depth->ok && depth->queues[i].exists
                                       ? (int64_t)(depth->queues[i].messages + come_back(depth, i))
                                       : -1;
                if (state->ready == 0)
                        depth_newer_than(engine, i, depth->asked_ms);
                for (size_t k = 0; k < depth->config->queues[i].tier_count; k++, tier++) {
                        state->tiers[k] = depth->ok && tier->exists ? (int64_t)tier->messages : -1;
                        retrying += state->tiers[k] > 0 ? state->tiers[k] : 0;
                }
                metrics_set_queue_depth(engine->metrics, i, state->ready);
                metrics_set_queue_retrying(engine->metrics, i, depth->ok ? retrying : -1);
        }
}

static void depth_on_asked(void *context)
{
        struct depth *depth = context;
        depth->asking = NULL;
        take_counts(depth);
        depth->told = true;
        wake_soon(depth->engine);
}

static uint64_t jobs_ended(const struct engine *engine)
{
        uint64_t sum = 0;
        for (size_t i = 0; i < sizeof(engine->ends) / sizeof(engine->ends[0]); i++)
                sum += engine->ends[i];
        return sum;
}

/* Nothing waited anywhere, every queue is consumed, and no message has come since: nor does one wait now. */
static bool is_quiet(const struct depth *depth)
{
        struct engine *engine = depth->engine;
        if (!depth->ok || engine->inflight.count > 0 || jobs_ended(engine) != depth->ended)
                return false;
        for (size_t i = 0; i < depth->config->queue_count; i++)
                if (engine->queues[i].paused || !amqp_consumer_is_consuming(engine->consumer, i))
                        return false;
        return waiting(depth, /* paused = */ false) == 0 && waiting_in_tiers(depth) == 0;
}

static void depth_on_timer(uv_timer_t *timer)
{
        static const struct aside_job job = {.work = depths_ask, .done = depth_on_asked, .drop = depth_free};
        struct depth *depth = timer->data;
        struct engine *engine = depth->engine;
        if (depth->asking || !engine->broker.up || (engine->options.drain && engine->inflight.count > 0))
                return;
        if (!engine->options.drain && is_quiet(depth) && depth->passed++ < ASK_PASSED_WHEN_QUIET)
                return;
        depth->passed = 0;
        depth->ended = jobs_ended(engine);
        depth->asked_ms = clock_wall_ms();
        depth->asking = aside_start(&engine->loop, &job, depth);
}

static void depth_name_queues(struct depth *depth)
{
        const struct config *config = depth->config;
        for (size_t i = 0; i < config->queue_count; i++)
                depth->queues[depth->count++].name = arena_strdup(&depth->arena, config->queues[i].name);
        for (size_t i = 0; i < config->queue_count; i++)
                for (size_t k = 0; k < config->queues[i].tier_count; k++)
                        depth->queues[depth->count++].name = topology_tier_queue(
                                &depth->arena, config->queues[i].name, config->queues[i].tiers[k]);
        depth->again = depth->count;
        for (size_t i = 0; i < config->queue_count; i++)
                if (!config->queues[i].declare)
                        depth->queues[depth->count++].name =
                                topology_again_name(&depth->arena, config->queues[i].name);
}

void depth_open(struct engine *engine)
{
        struct depth *depth = memory_zeroed(1, sizeof(*depth));
        depth->engine = engine;
        depth->config = engine->config;
        arena_init(&depth->arena);
        depth_name_queues(depth);
        engine->depth = depth;
        for (size_t i = 0; i < depth->config->queue_count; i++) {
                engine->queues[i].ready = -1;
                for (size_t k = 0; k < CONFIG_TIERS_MAX; k++)
                        engine->queues[i].tiers[k] = -1;
        }
        uint64_t every_ms = engine->options.drain ? ASK_EVERY_DRAINING_MS : ASK_EVERY_MS;
        depth->timer = memory_zeroed(1, sizeof(*depth->timer));
        depth->timer->data = depth;
        uv_timer_init(&engine->loop, depth->timer);
        uv_timer_start(depth->timer, depth_on_timer, every_ms, every_ms);
}

void depth_close(struct engine *engine)
{
        struct depth *depth = engine->depth;
        engine->depth = NULL;
        uv_close((uv_handle_t *)depth->timer, handle_free);
        if (depth->asking)
                aside_abandon(depth->asking); /* frees it when the broker, or its name, has answered */
        else
                depth_free(depth);
}
