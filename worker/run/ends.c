#include "core/broker/topology.h"
#include "core/job/jitter.h"
#include "core/job/retry.h"
#include "core/message/copy.h"
#include "core/record/keys.h"
#include "core/record/letter.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "run/send.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdio.h>

/* Ends that are not completion: the decision is recorded, the copy published and confirmed, that recorded,
 * the delivery acknowledged. */

/* Of a dead letter's body in the index, for people. */
#define AGAIN_MAX_MS 15000
/* What has to wait for longer than this, and than any tier, goes onto the ladder at once: a duplicate of a
 * job that is scheduled for next year does not go round the tiers until then. */
#define LONG_DELAY_MS 600000

/* Settles on a tier. One that was recorded may be gone with a change of the configuration: then the longest.
 */
static void choose_tier(struct delivery *delivery)
{
        struct job_decision *decision = &delivery->job.decision;
        const struct config_queue *queue = delivery_config_queue(delivery);
        if (decision->kind == DECISION_DEAD || decision->kind == DECISION_SCHEDULE)
                return;
        if (decision->tier >= (int)queue->tier_count)
                decision->tier = (int)queue->tier_count - 1;
        if (decision->tier >= 0)
                return;
        if (decision->kind == DECISION_RETRY)
                decision->tier = (int)retry_tier_at_least(
                        queue, delivery->job.generation.attempt,
                        (uint32_t)(jitter_next(&delivery->engine->random) >> 32), decision->delay_min_ms);
        else
                decision->tier = (int)retry_tier_covering(queue, decision->delay_min_ms);
}

static struct slice text_or_empty(const char *text)
{
        return text ? slice_of(text) : SLICE_LITERAL("");
}

static void on_decided(void *context, const struct store_result *result)
{
        if (!result->lost)
                CRASHPOINT("decided");
        delivery_reply(context, EVENT_DECIDED, result);
}

/* The inside of a timeline entry. */
static void note_decision(struct buffer *note, const struct delivery *delivery, const char *event)
{
        const struct job *job = &delivery->job;
        struct job_generation next = job_decision_generation(job);
        buffer_printf(note, "\"event\":\"%s\",\"decision\":\"%s\",\"attempt\":%u,\"deferrals\":%u", event,
                      job_decision_word(job->decision.kind), next.attempt, next.deferrals);
        if (job->decision.kind == DECISION_DEAD)
                buffer_printf(note, ",\"reason\":\"%s\"", reason_word(job->decision.reason));
        else if (job->decision.kind == DECISION_SCHEDULE)
                buffer_printf(note, ",\"due_ms\":%" PRId64, delivery->envelope.deliver_at_ms);
        else if (job->decision.tier >= 0)
                buffer_printf(note, ",\"tier\":\"%s\"",
                              delivery_config_queue(delivery)->tiers[job->decision.tier]);
        if (delivery->looked)
                buffer_printf(note, ",\"look\":\"%s\"", delivery->looked);
        if (delivery->error[0]) {
                buffer_add_text(note, ",\"error\":");
                buffer_add_json_string(note, slice_of(delivery->error));
        }
}

void end_decide(struct delivery *delivery)
{
        choose_tier(delivery);
        struct store_identity identity = delivery_identity(delivery);
        struct buffer note = {0};
        note_decision(&note, delivery, "decide");
        delivery->looked = NULL;
        delivery->pending++;
        plans_keep_tried(delivery);
        size_t try_count;
        const struct slice *tries = tries_news(delivery, &try_count);
        redis_store_decide(delivery->engine->store, &identity,
                           &(struct store_decision){.decision = delivery->job.decision,
                                                    .error = slice_of(delivery->error),
                                                    .effects_total = delivery->job.effects_total,
                                                    .refused = text_or_empty(delivery->refused),
                                                    .tries = tries,
                                                    .try_count = try_count,
                                                    .note = {note.data, note.len}},
                           on_decided, delivery);
        buffer_fini(&note);
        CRASHPOINT("decide_sent");
}

/* ---- the copy ---- */

static void on_copy_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct delivery *delivery = context;
        if (!delivery_back(delivery))
                return;
        metrics_publish_end(delivery->engine->metrics, publish_outcome_word(outcome));
        if (outcome == PUBLISH_CONFIRMED)
                CRASHPOINT("confirmed");
        else
                joblog_warn(delivery, "publish_failed", error);
        delivery_event(delivery, &(struct job_event){.kind = EVENT_PUBLISHED,
                                                     .confirmed = outcome == PUBLISH_CONFIRMED,
                                                     .unencodable = outcome == PUBLISH_UNENCODABLE});
}

static void name_death(struct delivery *delivery)
{
        const struct job *job = &delivery->job;
        if (job->recorded)
                dead_id_of_job(delivery->dead_id,
                               &(struct job_death){.queue = delivery_config_queue(delivery)->name,
                                                   .id = delivery->envelope.id,
                                                   .fingerprint = delivery->envelope.fingerprint,
                                                   .redrives = job->generation.redrives,
                                                   .reason = job->decision.reason});
        else
                dead_id_of_delivery(delivery->dead_id, delivery->owner);
}

static struct copy_facts facts_of(struct delivery *delivery)
{
        return (struct copy_facts){
                .queue = delivery_config_queue(delivery)->name,
                .worker = delivery->engine->worker,
                .id = config_queue_is_mapped(delivery_config_queue(delivery)) ? delivery->envelope.id : NULL,
                .generation = delivery->job.generation,
                .first_seen_ms = delivery->created_ms,
                .failed_at_ms = -1,
                .error = delivery->error[0] ? delivery->error : NULL};
}

/* Hands the copy to the publisher; one that cannot be made is reported like one that cannot be encoded. */
static bool publish_copy(struct delivery *delivery, struct arena *arena, struct message *copy,
                         struct job_event *answer)
{
        if (!copy) {
                arena_free(arena);
                *answer = (struct job_event){.kind = EVENT_PUBLISHED, .unencodable = true};
                return true;
        }
        delivery->pending++;
        CRASHPOINT("pre_publish");
        amqp_publisher_publish(delivery->engine->publisher, arena, copy, on_copy_published, delivery);
        CRASHPOINT("publish_sent");
        return false;
}

bool end_publish(struct delivery *delivery, struct job_event *answer)
{
        const struct job *job = &delivery->job;
        struct copy_facts facts = facts_of(delivery);
        choose_tier(delivery);
        facts.generation = job_decision_generation(job);
        if (job->decision.kind != DECISION_DEFER && job->decision.kind != DECISION_SCHEDULE)
                facts.failed_at_ms = clock_wall_ms();
        struct arena *arena = arena_new();
        if (job->decision.kind == DECISION_SCHEDULE) {
                delivery->later_ms = delivery->envelope.deliver_at_ms - clock_wall_ms();
                return publish_copy(
                        delivery, arena,
                        copy_later(arena, delivery->message, &facts, clock_boot_ms() + delivery->later_ms),
                        answer);
        }
        if (job->decision.kind == DECISION_DEAD) {
                name_death(delivery);
                facts.reason = job->decision.reason;
                facts.dead_id = delivery->dead_id;
                return publish_copy(delivery, arena, copy_dead(arena, delivery->message, &facts), answer);
        }
        return publish_copy(delivery, arena,
                            copy_retry(arena, delivery->message, &facts, delivery_config_queue(delivery),
                                       (size_t)job->decision.tier),
                            answer);
}

bool end_publish_delay(struct delivery *delivery, struct job_event *answer)
{
        const struct config_queue *queue = delivery_config_queue(delivery);
        struct copy_facts facts = facts_of(delivery);
        struct arena *arena = arena_new();
        int64_t delay_ms = delivery->job.delay_ms;
        size_t tier = retry_tier_covering(queue, delay_ms);
        if (delay_ms > LONG_DELAY_MS && delay_ms > queue->tiers_ms[tier])
                return publish_copy(delivery, arena,
                                    copy_later(arena, delivery->message, &facts, clock_boot_ms() + delay_ms),
                                    answer);
        return publish_copy(delivery, arena, copy_retry(arena, delivery->message, &facts, queue, tier),
                            answer);
}

void end_publish_later(struct delivery *delivery)
{
        int64_t wait_ms = (int64_t)250 << (delivery->publish_tries < 6 ? delivery->publish_tries : 6);
        delivery->publish_tries++;
        delivery->publish_again_ms = clock_boot_ms() + (wait_ms < AGAIN_MAX_MS ? wait_ms : AGAIN_MAX_MS);
}

/* ---- the index of dead letters, and the end ---- */

static void on_settle_answered(void *context, const struct store_result *result)
{
        if (!result->lost)
                CRASHPOINT("settled");
        delivery_reply(context, EVENT_SETTLED, result);
}

static struct slice ends_number(struct arena *arena, int64_t value)
{
        return slice_of(arena_printf(arena, "%" PRId64, value));
}

static void index_entry(struct delivery *delivery, int64_t now_ms)
{
        const struct envelope *envelope = &delivery->envelope;
        const struct job *job = &delivery->job;
        struct letter_record letter = {
                .id = slice_of(envelope->id),
                .type = slice_of(envelope->type),
                .queue = slice_of(delivery_config_queue(delivery)->name),
                .reason = slice_of(reason_word(job->decision.reason)),
                .error = slice_of(delivery->error),
                .failed_ms = now_ms,
                .first_seen_ms = delivery->created_ms,
                .attempt = job->generation.attempt,
                .deferrals = job->generation.deferrals,
                .redrives = job->generation.redrives,
                .worker = slice_of(delivery->engine->worker),
        };
        struct own_headers own;
        own_headers_read(delivery->message, &own);
        letter_record_message(&letter, delivery->message, envelope, &own);
        struct slice words[LETTER_WORDS];
        letter_record_set(delivery->arena, delivery->engine->config->redis.prefix, delivery->dead_id, &letter,
                          words);
        redis_store_command(delivery->engine->store, words, LETTER_WORDS, NULL, NULL);
}

static const char *ends_key_of(struct delivery *delivery, enum record_key kind, const char *name)
{
        return record_key(delivery->arena, delivery->engine->config->redis.prefix, kind, name);
}

static void add_to_set(struct delivery *delivery, const char *key, int64_t now_ms, struct slice member,
                       store_done *done)
{
        struct slice arguments[] = {SLICE_LITERAL("ZADD"), slice_of(key),
                                    ends_number(delivery->arena, now_ms), member};
        if (done)
                delivery->pending++;
        redis_store_command(delivery->engine->store, arguments, 4, done, delivery);
}

/* What leveret:jobs:retrying forgets: entries older than a record is kept. */
static void trim_retrying(struct delivery *delivery, int64_t now_ms)
{
        struct arena *arena = delivery->arena;
        const struct config *config = delivery->engine->config;
        struct slice arguments[] = {
                SLICE_LITERAL("ZREMRANGEBYSCORE"), slice_of(ends_key_of(delivery, KEY_JOBS, "retrying")),
                SLICE_LITERAL("-inf"), ends_number(arena, now_ms - config->claim.keep_ms)};
        redis_store_command(delivery->engine->store, arguments, 4, NULL, NULL);
}

/* For how long a copy waits; when it is due, if it is for later. */
static int64_t decision_wait_of(const struct delivery *delivery)
{
        const struct job_decision *decision = &delivery->job.decision;
        if (decision->kind == DECISION_SCHEDULE)
                return delivery->envelope.deliver_at_ms;
        return decision->tier >= 0 ? delivery_config_queue(delivery)->tiers_ms[decision->tier] : 0;
}

static void settle_record(struct delivery *delivery)
{
        const struct job *job = &delivery->job;
        enum job_change change = job->decision.kind == DECISION_DEAD ? CHANGE_DEAD : CHANGE_RETRYING;
        struct store_identity identity = delivery_identity(delivery);
        struct buffer note = {0};
        note_decision(&note, delivery, "settled");
        delivery->pending++;
        redis_store_settle(delivery->engine->store, &identity,
                           &(struct store_settlement){.decision = job->decision,
                                                      .generation = job_decision_generation(job),
                                                      .wait_ms = decision_wait_of(delivery),
                                                      .later_ms = delivery->later_ms,
                                                      .dead_id = slice_of(delivery->dead_id),
                                                      .tells = job->tells >> change & 1,
                                                      .note = {note.data, note.len}},
                           on_settle_answered, delivery);
        buffer_fini(&note);
}

/* By when they are due: all of them, and those of each queue. */
static void index_scheduled(struct delivery *delivery, struct slice id)
{
        int64_t due_ms = delivery->envelope.deliver_at_ms;
        add_to_set(delivery, ends_key_of(delivery, KEY_JOBS, "scheduled"), due_ms, id, NULL);
        add_to_set(delivery, ends_key_of(delivery, KEY_LATER, delivery_config_queue(delivery)->name), due_ms,
                   id, NULL);
}

/* Replies come in order: when the last request is answered, the index has been written. */
void end_settle(struct delivery *delivery)
{
        const struct job *job = &delivery->job;
        struct slice id = text_or_empty(delivery->envelope.id);
        int64_t now_ms = clock_wall_ms();
        if (job->decision.kind == DECISION_DEAD) {
                name_death(delivery);
                index_entry(delivery, now_ms);
                add_to_set(delivery, ends_key_of(delivery, KEY_DEAD, delivery_config_queue(delivery)->name),
                           now_ms, slice_of(delivery->dead_id), job->recorded ? NULL : on_settle_answered);
                if (job->recorded)
                        add_to_set(delivery, ends_key_of(delivery, KEY_JOBS, "dead"), now_ms, id, NULL);
        } else if (job->decision.kind == DECISION_SCHEDULE) {
                index_scheduled(delivery, id);
        } else {
                add_to_set(delivery, ends_key_of(delivery, KEY_JOBS, "retrying"), now_ms, id, NULL);
                trim_retrying(delivery, now_ms);
        }
        if (job->recorded)
                plans_settled(delivery, job->decision.kind == DECISION_DEAD);
        if (job->recorded)
                settle_record(delivery);
        CRASHPOINT("settle_sent");
}

/* ---- what nobody can take ---- */

/* What cannot be copied is for the broker to move. Somebody else's queue may have nowhere to move it to:
 * there it stays, unacknowledged, and people are told. */
void end_reject(struct delivery *delivery, const struct job_action *action)
{
        struct engine *engine = delivery->engine;
        const struct config_queue *queue = delivery_config_queue(delivery);
        bool came_back = slice_is(delivery->message->exchange, EXCHANGE_RETURN);
        if (queue->declare || queue->broker_dlx || came_back) {
                amqp_consumer_nack(engine->consumer, action->epoch, action->tag, /* requeue = */ false);
                return;
        }
        engine->queues[delivery->queue].kept++;
        joblog_warn(delivery, "kept_unacknowledged",
                    "it can neither be processed nor copied; set broker_dlx, or take it out of the queue");
        alerts_event(engine, "kept_unacknowledged", queue->name);
}
