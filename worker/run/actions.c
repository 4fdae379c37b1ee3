#include "core/record/keys.h"
#include "core/record/record_timeline.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "run/send.h"
#include "run/state.h"
#include "run/telling.h"
#include "run/types.h"

#include <stdio.h>

/* Carries out what the protocol asks for. Each answer comes back as one event. */

static void renewal_answered(void *context, const struct store_result *result)
{
        delivery_reply(context, EVENT_RENEWED, result);
}

static void record_answered(void *context, const struct store_result *result)
{
        delivery_reply(context, EVENT_RECORDED, result);
}

static void completion_answered(void *context, const struct store_result *result)
{
        if (!result->lost)
                CRASHPOINT("completed");
        if (!result->lost && result->lease == LEASE_OK)
                plans_completed(context);
        delivery_reply(context, EVENT_COMPLETED, result);
}

/* ---- claim ---- */

static struct slice *keep_keys(struct delivery *delivery, const struct slice *keys, size_t count)
{
        struct slice *kept = count > 0 ? arena_alloc(delivery->arena, count * sizeof(*kept)) : NULL;
        for (size_t i = 0; i < count; i++)
                kept[i] = arena_slice(delivery->arena, keys[i]);
        return kept;
}

static void keep_effects(struct delivery *delivery, const struct store_result *result)
{
        delivery->recorded = keep_keys(delivery, result->effects, result->effect_count);
        delivery->intended = keep_keys(delivery, result->intents, result->intent_count);
        delivery->recorded_count = result->effect_count;
        delivery->intended_count = result->intent_count;
        delivery->refused = delivery->looked = NULL;
        tries_keep(delivery, result);
}

/* The message is a dead letter that somebody moved out of its queue: the index knows it no more. */
static void forget_letter(struct delivery *delivery, struct slice queue)
{
        struct arena *arena = delivery->arena;
        const char *prefix = delivery->engine->config->redis.prefix, *dead_id = delivery->envelope.dead_id;
        if (queue.len == 0)
                return;
        const char *set = record_key(arena, prefix, KEY_DEAD, arena_copy(arena, queue.data, queue.len));
        struct slice remove[] = {SLICE_LITERAL("ZREM"), slice_of(set), slice_of(dead_id)};
        struct slice forget[] = {SLICE_LITERAL("DEL"),
                                 slice_of(record_key(arena, prefix, KEY_LETTER, dead_id))};
        redis_store_command(delivery->engine->store, remove, 3, NULL, NULL);
        redis_store_command(delivery->engine->store, forget, 2, NULL, NULL);
}

static void claim_ask(struct delivery *delivery);

static void claim_answered(void *context, const struct store_result *result)
{
        struct delivery *delivery = context;
        if (!delivery_back(delivery))
                return;
        if (result->lost) {
                delivery->known = true;
                delivery_store_lost(delivery);
                return;
        }
        if (result->known) {
                delivery->known = true;
                claim_ask(delivery);
                return;
        }
        CRASHPOINT("claimed");
        metrics_claim(delivery->engine->metrics, result->claim);
        if (result->created_ms > 0)
                delivery->created_ms = result->created_ms;
        keep_effects(delivery, result);
        forget_letter(delivery, result->letter_queue);
        delivery->fresh = result->claim == CLAIM_NEW;
        delivery->claimed_ms = result->sent_ms;
        if (delivery->fresh || result->claim == CLAIM_RESUMED)
                payload_keep(delivery);
        if (result->decision.kind != DECISION_NONE)
                snprintf(delivery->error, sizeof(delivery->error), "%.*s", SLICE_PRINT(result->error));
        if (result->claim == CLAIM_CONFLICT)
                snprintf(delivery->error, sizeof(delivery->error),
                         "this id belongs to a job of other content; a new message needs a new id");
        if (result->claim == CLAIM_FIRST)
                snprintf(delivery->error, sizeof(delivery->error),
                         "this id belongs to a job of other content, which came first");
        if (result->claim == CLAIM_CRASHED)
                last_words_error(delivery->error, sizeof(delivery->error),
                                 delivery->engine->config->claim.max_crashes, result->signal);
        delivery_event(delivery,
                       &(struct job_event){.kind = EVENT_CLAIMED,
                                           .claim = result->claim,
                                           .now_ms = clock_boot_ms(),
                                           .sent_ms = result->sent_ms,
                                           .lease_left_ms = result->lease_left_ms,
                                           .early_ms = delivery->envelope.deliver_at_ms - clock_wall_ms(),
                                           .grace_ms = types_grace_ms(delivery),
                                           .generation = result->generation,
                                           .plan_deaths = tries_plan_deaths(delivery, result),
                                           .decision = result->decision});
}

static void remove_from(struct delivery *delivery, enum record_key kind, const char *name)
{
        const char *prefix = delivery->engine->config->redis.prefix;
        struct slice arguments[] = {SLICE_LITERAL("ZREM"),
                                    slice_of(record_key(delivery->arena, prefix, kind, name)),
                                    slice_of(delivery->envelope.id)};
        redis_store_command(delivery->engine->store, arguments, 3, NULL, NULL);
}

/* It waits no longer, on the ladder, in a tier or as a dead letter. */
static void index_leave_waiting(struct delivery *delivery)
{
        const struct job_generation *generation = &delivery->job.generation;
        if (generation->attempt + generation->deferrals + generation->redrives == 0 &&
            !delivery->envelope.dead_id)
                return;
        remove_from(delivery, KEY_JOBS, "retrying");
        remove_from(delivery, KEY_JOBS, "dead");
        if (delivery->envelope.deliver_at_ms == 0)
                return;
        remove_from(delivery, KEY_JOBS, "scheduled");
        remove_from(delivery, KEY_LATER, delivery_config_queue(delivery)->name);
}

/* How long it stood in its queue; what is for later has not stood there. */
static void note_wait(struct delivery *delivery)
{
        int64_t now_ms = clock_wall_ms(), since_ms = envelope_since_ms(&delivery->envelope, now_ms);
        if (since_ms == 0 || delivery->envelope.deliver_at_ms > now_ms)
                return;
        depth_newer_than(delivery->engine, delivery->queue, since_ms);
        if (delivery->job.generation.attempt == 0)
                metrics_queue_wait(delivery->engine->metrics, delivery->queue,
                                   (double)(now_ms - since_ms) / 1000);
}

/* The beginning of a digest is enough to see that files have changed. */
static struct slice type_files(const struct delivery *delivery)
{
        bool made_of_files = delivery->handler && delivery->handler->kind;
        return made_of_files ? (struct slice){.data = delivery->types->digest, .len = 16} : (struct slice){0};
}

static void claim_ask(struct delivery *delivery)
{
        const struct envelope *envelope = &delivery->envelope;
        struct engine *engine = delivery->engine;
        struct store_identity identity = delivery_identity(delivery);
        delivery->renewed_ms = clock_boot_ms();
        if (delivery->started_ms == 0) {
                delivery->started_ms = delivery->renewed_ms;
                recent_subject(engine, slice_of(envelope->id), slice_of(envelope->subject));
                index_leave_waiting(delivery);
                note_wait(delivery);
        }
        types_ask(delivery);
        delivery->pending++;
        redis_store_claim(
                engine->store, &identity,
                &(struct store_claim){.subject = slice_of(envelope->subject),
                                      .correlation_id = slice_of(envelope->correlation_id),
                                      .app_id = slice_of(envelope->source),
                                      .first_seen_ms = envelope->first_seen_ms,
                                      .alone = delivery->job.alone,
                                      .outside = envelope->outside && !delivery->message->redelivered,
                                      .death_ms = delivery->job.death_ms,
                                      .first = delivery->first,
                                      .known = delivery->known || delivery->message->redelivered,
                                      .source_id = slice_of(envelope->source_id),
                                      .tells = delivery->job.tells,
                                      .dead_id = slice_of(envelope->dead_id),
                                      .types = type_files(delivery)},
                claim_answered, delivery);
        CRASHPOINT("claim_sent");
}

/* ---- record ---- */

static struct store_effect effect_of(const struct delivery *delivery, int index)
{
        const struct job *job = &delivery->job;
        struct store_effect effect = {.total = job->effects_total,
                                      .done = __builtin_popcount(job->done),
                                      .tells = job->tells >> CHANGE_COMPLETED & 1};
        if (index >= 0) {
                effect.key = slice_of(delivery->plan->effects[index].key);
                effect.sent = (job->done >> index) & 1;
                effect.provider_id = slice_of(delivery->provider_id);
                if (effect.sent && delivery->engine->config->outlet_count > 0)
                        effect.outlet =
                                slice_of(delivery->engine->outlets[delivery->outlet_index].config->name);
        }
        return effect;
}

/* The inside of a timeline entry: what happened to an effect. */
static void note_effect(struct buffer *note, const struct delivery *delivery, const char *event,
                        const struct store_effect *effect)
{
        buffer_add_text(note, "\"event\":\"");
        buffer_add_text(note, event);
        buffer_add_char(note, '"');
        if (!effect->key.data)
                return;
        buffer_add_text(note, ",\"effect\":");
        buffer_add_json_string(note, effect->key);
        if (delivery->outlet) {
                buffer_add_text(note, ",\"outlet\":");
                buffer_add_json_string(
                        note, slice_of(delivery->engine->outlets[delivery->outlet_index].config->name));
        }
        buffer_add_text(note, effect->sent ? ",\"outcome\":\"sent\",\"provider_id\":"
                                           : ",\"outcome\":\"refused\",\"provider_id\":");
        buffer_add_json_string(note, effect->provider_id);
        if (delivery->looked)
                buffer_printf(note, ",\"look\":\"%s\"", delivery->looked);
        if (!delivery->refused_recipients)
                return;
        buffer_add_text(note, ",\"refused\":");
        buffer_add_json_string(note, slice_of(delivery->refused_recipients));
}

/* A mail that not all got: the record says so before it says that the mail is out, on the same connection. */
static void record_partial(struct delivery *delivery, struct slice key)
{
        const char *prefix = delivery->engine->config->redis.prefix;
        if (!delivery->refused_recipients || !key.data)
                return;
        const char *field = arena_printf(delivery->arena, "refused.%.*s", SLICE_PRINT(key));
        struct slice arguments[] = {
                SLICE_LITERAL("HSET"),
                slice_of(record_key(delivery->arena, prefix, KEY_JOB, delivery->envelope.id)),
                SLICE_LITERAL("partial"),
                SLICE_LITERAL("1"),
                slice_of(field),
                slice_of(delivery->refused_recipients)};
        redis_store_command(delivery->engine->store, arguments, 6, NULL, NULL);
}

static void record(struct delivery *delivery, int index)
{
        struct store_identity identity = delivery_identity(delivery);
        struct store_effect effect = effect_of(delivery, index);
        record_partial(delivery, effect.key);
        struct buffer note = {0};
        note_effect(&note, delivery, "effect", &effect);
        delivery->looked = NULL;
        delivery->pending++;
        effect.note = (struct slice){.data = note.data, .len = note.len};
        redis_store_record(delivery->engine->store, &identity, &effect, record_answered, delivery);
        buffer_fini(&note);
        CRASHPOINT("record_sent");
}

/* Is all that there is to note what the record's fields say (core/record/record_timeline.h)? */
static bool is_plain(const struct delivery *delivery, const struct store_effect *effect)
{
        if (!delivery->fresh || effect->total != 1 || !effect->sent || !delivery->outlet)
                return false;
        const char *outlet = delivery->engine->outlets[delivery->outlet_index].config->name;
        return !delivery->looked && !delivery->refused_recipients &&
               (effect->outlet.len > 0 || strcmp(outlet, RECORD_FIRST_OUTLET) == 0);
}

static void complete(struct delivery *delivery, int index)
{
        struct store_identity identity = delivery_identity(delivery);
        struct store_effect effect = effect_of(delivery, index);
        record_partial(delivery, effect.key);
        struct buffer note = {0};
        effect.plain = is_plain(delivery, &effect);
        effect.took_ms = clock_boot_ms() - delivery->claimed_ms;
        if (!effect.plain)
                note_effect(&note, delivery, "completed", &effect);
        delivery->looked = NULL;
        delivery->pending++;
        effect.fresh = delivery->fresh;
        effect.note = (struct slice){.data = note.data, .len = note.len};
        redis_store_complete(delivery->engine->store, &identity, &effect, completion_answered, delivery);
        buffer_fini(&note);
        recent_completed(delivery->engine, slice_of(delivery->envelope.id));
        CRASHPOINT("complete_sent");
}

static void renew(struct delivery *delivery)
{
        struct store_identity identity = delivery_identity(delivery);
        delivery->renewed_ms = clock_boot_ms();
        delivery->pending++;
        redis_store_renew(delivery->engine->store, &identity, renewal_answered, delivery);
}

/* It cannot start any more behind a queue whose cancel is confirmed: what was held was given back then. */
static bool hold_suspect(struct delivery *delivery, struct job_event *answer)
{
        const struct queue_state *queue = &delivery->engine->queues[delivery->queue];
        inflight_list(delivery, LIST_SUSPECTS);
        *answer = (struct job_event){.kind = EVENT_RETURN};
        return queue->wanted == 0 && queue->cancelled;
}

static void settle_message(struct delivery *delivery, const struct job_action *action)
{
        struct amqp_consumer *consumer = delivery->engine->consumer;
        if (action->kind == ACTION_REJECT) {
                end_reject(delivery, action);
        } else if (action->kind == ACTION_RETURN) {
                amqp_consumer_nack(consumer, action->epoch, action->tag, /* requeue = */ true);
        } else {
                CRASHPOINT("pre_ack");
                amqp_consumer_ack(consumer, action->epoch, action->tag);
        }
}

bool delivery_perform(struct delivery *delivery, const struct job_action *action, struct job_event *answer)
{
        switch (action->kind) {
        case ACTION_CLAIM:
                claim_ask(delivery);
                return false;
        case ACTION_PLAN:
                return plans_begin(delivery, answer);
        case ACTION_KEEP:
                return plans_keep(delivery);
        case ACTION_WANT_PLACE:
                return place_want(delivery, answer);
        case ACTION_RENEW:
                renew(delivery);
                return false;
        case ACTION_INTEND:
                tries_intend(delivery, action->effect);
                return false;
        case ACTION_LOOK:
                look_effect(delivery, action->effect);
                return false;
        case ACTION_SEND:
                if (files_failed(delivery, answer))
                        return true;
                send_effect(delivery, action->effect);
                return false;
        case ACTION_RECORD:
                record(delivery, action->effect);
                return false;
        case ACTION_COMPLETE:
                complete(delivery, action->effect);
                return false;
        case ACTION_DECIDE:
                end_decide(delivery);
                return false;
        case ACTION_PUBLISH:
                return end_publish(delivery, answer);
        case ACTION_PUBLISH_DELAY:
                return end_publish_delay(delivery, answer);
        case ACTION_PUBLISH_LATER:
                end_publish_later(delivery);
                return false;
        case ACTION_SETTLE:
                end_settle(delivery);
                return false;
        case ACTION_TELL:
                telling_begin(delivery);
                return false;
        case ACTION_HOLD_SUSPECT:
                return hold_suspect(delivery, answer);
        case ACTION_ACK:
        case ACTION_REJECT:
        case ACTION_RETURN:
                settle_message(delivery, action);
                return false;
        case ACTION_END:
                delivery_end(delivery, action->end);
                return false;
        }
        return false;
}
