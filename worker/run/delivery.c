#include "core/message/copy.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "run/send.h"
#include "run/spans.h"
#include "run/state.h"
#include "run/telling.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const enum metrics_outcome end_outcomes[] = {
        [JOB_END_COMPLETED] = METRICS_COMPLETED, [JOB_END_DUPLICATE] = METRICS_DUPLICATE,
        [JOB_END_CANCELLED] = METRICS_CANCELLED, [JOB_END_STALE] = METRICS_STALE,
        [JOB_END_RETRY] = METRICS_RETRY,         [JOB_END_DEFER] = METRICS_DEFER,
        [JOB_END_DEAD] = METRICS_DEAD,           [JOB_END_SCHEDULED] = METRICS_SCHEDULE,
        [JOB_END_BUSY] = METRICS_BUSY,           [JOB_END_RETURNED] = METRICS_RETURNED,
        [JOB_END_FORGOTTEN] = METRICS_FORGOTTEN,
};

static void count_drained(struct drain_report *report, enum metrics_outcome outcome)
{
        if (outcome == METRICS_RETURNED)
                report->returned++;
        else if (outcome == METRICS_DEFER)
                report->deferred++;
        else
                report->finished++;
}

static void count_end(struct delivery *delivery, enum metrics_outcome outcome)
{
        struct engine *engine = delivery->engine;
        int64_t now_ms = clock_wall_ms();
        double duration_s =
                delivery->started_ms ? (double)(clock_boot_ms() - delivery->started_ms) / 1000 : -1;
        metrics_message_end(engine->metrics, &(struct metrics_end){.queue = delivery->queue,
                                                                   .type = delivery->type_label,
                                                                   .outcome = outcome,
                                                                   .duration_s = duration_s,
                                                                   .at_s = (double)now_ms / 1000});
        engine->ends[outcome]++;
        if (outcome == METRICS_COMPLETED)
                engine->last_success_ms = now_ms;
        if (outcome == METRICS_DEAD) {
                metrics_dead_letter(engine->metrics, delivery->queue, delivery->job.decision.reason);
                alerts_dead(engine, delivery_config_queue(delivery)->name,
                            delivery->handler ? delivery->handler->type : "other",
                            delivery->job.decision.reason);
        }
        if (engine->life.stage == STAGE_DRAINING)
                count_drained(&engine->life.drain, outcome);
}

void delivery_end(struct delivery *delivery, enum job_end end)
{
        struct engine *engine = delivery->engine;
        enum metrics_outcome outcome = end_outcomes[end];
        count_end(delivery, outcome);
        joblog_end(delivery, outcome);
        spans_end(delivery, outcome);
        inflight_remove(delivery);
        tally_bytes(engine);
        delivery->ended = true;
        if (delivery->pending == 0)
                inflight_list(delivery, LIST_OVER);
}

/* What a reload replaces lives on as long as a job was found in it. */
static void handler_take(struct delivery *delivery)
{
        struct type_set *types = delivery->engine->types;
        size_t index = delivery->envelope.type ? type_set_index(types, slice_of(delivery->envelope.type))
                                               : types->count;
        delivery->type_label = METRICS_TYPE_OTHER;
        if (index == types->count)
                return;
        delivery->types = type_set_take(types);
        delivery->handler = types->table[index];
        delivery->type_label = types->labels[index];
}

/* Finds what can be known of a message without touching its payload, or why it is refused. */
static void identify(struct delivery *delivery)
{
        struct engine *engine = delivery->engine;
        struct envelope *envelope = &delivery->envelope;
        const struct config *config = engine->config;
        envelope_read(delivery->arena, delivery->message, delivery_config_queue(delivery), config->max_body,
                      envelope);
        handler_take(delivery);
        if (envelope->type && !delivery->handler)
                envelope_refuse(delivery->arena, envelope, REASON_UNKNOWN_TYPE,
                                "type: no handler for it; see leveret type list");
        /* Who mends the message should hear of the payload's faults too, and not after the next deployment.
         */
        if (envelope->reason != REASON_NONE && delivery->handler && envelope->payload.data)
                plan_check(delivery->handler, envelope->payload, &envelope->faults);
        if (envelope_too_far(envelope, delivery->created_ms))
                envelope_refuse(delivery->arena, envelope, REASON_BAD_PAYLOAD,
                                "deliver-at: expected at most 400 days ahead");
        if (envelope_expired(envelope, delivery->created_ms))
                envelope_refuse(delivery->arena, envelope, REASON_EXPIRED, "deadline: it has passed");
        faults_join(&envelope->faults, delivery->error, sizeof(delivery->error));
}

static bool attach(struct engine *engine, const struct delivery *fresh)
{
        if (!fresh->job.recorded)
                return false;
        struct delivery *running = inflight_find(engine, slice_of(fresh->envelope.id));
        if (!running || running->job.live || running->queue != fresh->queue ||
            job_generation_compare(running->job.came, fresh->job.came) != 0 ||
            strcmp(running->envelope.fingerprint, fresh->envelope.fingerprint) != 0)
                return false;
        delivery_event(running, &(struct job_event){.kind = EVENT_ATTACHED,
                                                    .epoch = fresh->job.epoch,
                                                    .tag = fresh->job.tag});
        return true;
}

/* A reload may move the settings: they are not kept, and hold for a job as they are when it comes. */
static void job_prepare(struct delivery *delivery, uint64_t epoch, uint64_t tag)
{
        const struct config *config = delivery->engine->config;
        const struct envelope *envelope = &delivery->envelope;
        const struct config_queue *queue = delivery_config_queue(delivery);
        const struct config_handler *settings =
                delivery->handler ? config_handler_find(config, delivery->handler->type) : NULL;
        bool tick = envelope->id && !config_queue_is_mapped(queue) && ticker_id_is(envelope->id);
        delivery->first = tick || (settings && settings->on_conflict == ON_CONFLICT_FIRST);
        bool configured = settings && settings->attempts > 0;
        job_init(&delivery->job,
                 &(struct job){
                         .epoch = epoch,
                         .tag = tag,
                         .recorded = envelope->id != NULL,
                         .copyable = copy_possible(delivery->message),
                         .refused = envelope->reason,
                         .came = envelope->generation,
                         .attempts_max = (uint32_t)(configured ? settings->attempts : queue->attempts),
                         .lease_ms = config->claim.lease_ms,
                         .send_limit_ms = route_send_limit_ms(delivery->engine),
                         .plan_deaths_max = (uint32_t)config->claim.max_crashes,
                         .tells = telling_changes(delivery->engine, envelope->type),
                         .timeout_ms = settings ? settings->timeout_ms : CONFIG_HANDLER_TIMEOUT_MS,
                 });
}

void delivery_take(struct engine *engine, size_t queue, uint64_t epoch, struct amqp_delivery taken)
{
        struct delivery *delivery = arena_alloc(taken.arena, sizeof(*delivery));
        delivery->engine = engine;
        delivery->arena = taken.arena;
        delivery->message = taken.message;
        delivery->queue = queue;
        delivery->received_ms = clock_boot_ms();
        delivery->created_ms = clock_wall_ms();
        identify(delivery);
        if (delivery->envelope.first_seen_ms > 0)
                delivery->created_ms = delivery->envelope.first_seen_ms;
        snprintf(delivery->owner, sizeof(delivery->owner), "%s:%" PRIu64 ":%" PRIu64, engine->worker, epoch,
                 taken.tag);
        delivery->words = (struct last_words_job){.id = delivery->envelope.id,
                                                  .type = delivery->envelope.type,
                                                  .queue = delivery_config_queue(delivery)->name,
                                                  .owner = delivery->owner};
        job_prepare(delivery, epoch, taken.tag);
        if (attach(engine, delivery)) {
                inflight_list(delivery, LIST_OVER);
                return;
        }
        inflight_add(engine, delivery);
        inflight_list(delivery, LIST_HELD);
        if (delivery->envelope.ignored && delivery->envelope.outside) /* not again for each of its copies */
                joblog_warn(delivery, "property_ignored",
                            arena_printf(delivery->arena, "%s: malformed, so it has no effect",
                                         delivery->envelope.ignored));
        tally_bytes(engine);
        wake_soon(engine);
        CRASHPOINT("received");
}

/* Gives back what it holds outside its arena, before that is freed. */
static void delivery_let_go(struct delivery *delivery)
{
        type_set_give(delivery->types);
        delivery->types = NULL;
        files_free(delivery);
}

void deliveries_free_over(struct engine *engine)
{
        struct delivery *delivery;
        while ((delivery = TAILQ_FIRST(&engine->inflight.over))) {
                TAILQ_REMOVE(&engine->inflight.over, delivery, listed);
                delivery_let_go(delivery);
                arena_pool_give(&engine->inflight.arenas, delivery->arena); /* the delivery lies in it */
        }
}

/* What is in flight belongs to the broker again once the connection is closed. */
void deliveries_forget(struct engine *engine)
{
        struct delivery *delivery;
        deliveries_free_over(engine);
        while ((delivery = TAILQ_FIRST(&engine->inflight.all))) {
                TAILQ_REMOVE(&engine->inflight.all, delivery, all);
                delivery_let_go(delivery);
                arena_free(delivery->arena); /* the delivery lies in it */
        }
        arena_pool_fini(&engine->inflight.arenas);
}
