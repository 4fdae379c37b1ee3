#include "io/machine/clock.h"
#include "run/spans.h"
#include "run/state.h"

#include <assert.h>

/* A job's events in, its actions out to engine->perform. Whoever waits for something outside calls these when
 * it comes; they call nobody above. */

struct store_identity delivery_identity(const struct delivery *delivery)
{
        return (struct store_identity){
                .id = slice_of(delivery->envelope.id),
                .owner = slice_of(delivery->owner),
                .generation = delivery->job.generation,
                .fingerprint = slice_of(delivery->envelope.fingerprint),
                .type = slice_of(delivery->envelope.type),
                .queue = slice_of(delivery_config_queue(delivery)->name),
        };
}

bool delivery_back(struct delivery *delivery)
{
        delivery->pending--;
        if (!delivery->ended)
                return delivery->engine->life.stage != STAGE_ENDED;
        if (delivery->pending == 0)
                inflight_list(delivery, LIST_OVER);
        return false;
}

/* One step and its actions. True if an action was answered at once: that is the next event. */
static bool delivery_step(struct delivery *delivery, const struct job_event *event, struct job_event *answer)
{
        struct job_actions actions;
        bool answered = false;
        spans_event(delivery, event);
        job_step(&delivery->job, event, &actions);
        tally_step(delivery);
        for (size_t i = 0; i < actions.count; i++) {
                assert(!answered); /* what is answered at once is the last thing that a step asks for */
                spans_action(delivery, &actions.list[i]);
                answered = delivery->engine->perform(delivery, &actions.list[i], answer);
        }
        return answered;
}

void delivery_event(struct delivery *delivery, const struct job_event *event)
{
        struct job_event answers[2]; /* the one that is handled and the one that comes of it */
        for (int i = 0; !delivery->ended && delivery->engine->life.stage != STAGE_ENDED; i ^= 1) {
                wake_soon(delivery->engine);
                if (!delivery_step(delivery, event, &answers[i]))
                        return;
                event = &answers[i];
        }
}

void delivery_store_lost(struct delivery *delivery)
{
        delivery_event(delivery, &(struct job_event){.kind = EVENT_STORE_LOST});
        if (redis_store_is_up(delivery->engine->store))
                delivery_event(delivery, &(struct job_event){.kind = EVENT_STORE_BACK});
}

void delivery_reply(struct delivery *delivery, enum job_event_kind kind, const struct store_result *result)
{
        if (!delivery_back(delivery))
                return;
        if (result->lost) {
                delivery_store_lost(delivery);
                return;
        }
        delivery_event(delivery, &(struct job_event){.kind = kind,
                                                     .lease = result->lease,
                                                     .sent_ms = result->sent_ms,
                                                     .now_ms = clock_boot_ms()});
}

static void event_visit(struct delivery *delivery, void *event)
{
        delivery_event(delivery, event);
}

void deliveries_event(struct engine *engine, const struct job_event *event)
{
        struct job_event copy = *event;
        inflight_each(engine, event_visit, &copy);
}
