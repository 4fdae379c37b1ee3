#include "core/message/copy.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "run/spans.h"
#include "run/state.h"
#include "run/telling.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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

static void delivery_end(struct delivery *delivery, enum metrics_outcome outcome)
{
        struct engine *engine = delivery->engine;
        count_end(delivery, outcome);
        joblog_end(delivery, outcome);
        spans_end(delivery, outcome);
        inflight_remove(delivery);
        tally_bytes(engine);
        delivery->ended = true;
        if (delivery->pending == 0)
                inflight_list(delivery, LIST_OVER);
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
                if (actions.list[i].kind == ACTION_END)
                        delivery_end(delivery, end_outcomes[actions.list[i].end]);
                else
                        answered = delivery_perform(delivery, &actions.list[i], answer);
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

void delivery_let_go(struct delivery *delivery)
{
        type_set_give(delivery->types);
        delivery->types = NULL;
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
        tally_bytes(engine);
        wake_soon(engine);
        CRASHPOINT("received");
}
