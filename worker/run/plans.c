#include "core/codec/sha256.h"
#include "core/mail/mail_guard.h"
#include "core/memory/memory.h"
#include "core/plan/plan_record.h"
#include "core/plan/registry.h"
#include "core/record/keys.h"
#include "core/record/try_record.h"
#include "core/send/mail_preset.h"
#include "core/types/planned_type.h"
#include "io/log/fatal_signal.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "run/send.h"
#include "run/state.h"

#include <stdio.h>
#include <stdlib.h>

/* Where a job's plan comes from: its handler, its planner, or its record; and what the record keeps of it. */

/* ---- What the configuration forbids ---- */

/* Does the configuration forbid an effect: its sender, its recipients, where its files come from? The error
 * says why. */
static bool is_guarded(struct delivery *delivery)
{
        const struct config *config = delivery->engine->config;
        struct config_guard guard = request_guard(delivery);
        for (size_t i = 0; i < delivery->plan->count; i++) {
                const struct effect *effect = &delivery->plan->effects[i];
                if (effect->kind != EFFECT_MAIL)
                        continue;
                const char *refusal = mail_guard_refusal(&guard, &effect->mail, config->mail.from);
                if (!refusal)
                        refusal = mail_files_refusal(delivery->arena, &config->attachments, &effect->mail);
                if (refusal)
                        snprintf(delivery->error, sizeof(delivery->error), "mail %s: %s", effect->key,
                                 refusal);
                if (refusal)
                        return true;
        }
        return false;
}

/* The first effect that the service of its outlet cannot carry; the error says what. */
static bool is_too_much(struct delivery *delivery)
{
        struct buffer why = {0};
        for (size_t i = 0; i < delivery->plan->count && !why.len; i++) {
                const struct config_outlet *outlet = route_home(delivery, i);
                struct mail_request request = {.mail = delivery->plan->effects[i].mail};
                if (!outlet || outlet->kind != OUTLET_MAIL || outlet->transport != TRANSPORT_HTTP)
                        continue;
                request.mail.from = request.mail.from ? request.mail.from : outlet->from;
                if (mail_preset_refusal(&why, mail_preset_rules(outlet->http.preset), &request))
                        snprintf(delivery->error, sizeof(delivery->error), "mail %s: %s",
                                 delivery->plan->effects[i].key, why.data);
        }
        bool refused = why.len > 0;
        buffer_fini(&why);
        return refused;
}

/* ---- The plan is there ---- */

static struct job_event refused(enum reason reason)
{
        return (struct job_event){.kind = EVENT_REFUSED, .reason = reason};
}

static bool is_among(const struct slice *effects, size_t count, const char *key)
{
        for (size_t i = 0; i < count; i++)
                if (slice_is(effects[i], key))
                        return true;
        return false;
}

/* Writes the plan as it is to be recorded; false with the error: it is too large for that. */
static bool plan_write_record(struct delivery *delivery, const struct plan *plan)
{
        const struct engine *engine = delivery->engine;
        struct plan_sender senders[OUTLETS_MAX];
        struct plan_around around = {.redirect_to = engine->config->guard.redirect_to,
                                     .bcc_all = engine->config->guard.bcc_all,
                                     .senders = senders,
                                     .sender_count = engine->outlet_count};
        struct buffer text = {0};
        struct sha256 hash;
        char digest[SHA256_HEX_SIZE];
        for (size_t i = 0; i < engine->outlet_count; i++)
                senders[i] = (struct plan_sender){.outlet = engine->outlets[i].config->name,
                                                  .from = engine->outlets[i].config->from};
        bool fits = plan_record_write(&text, plan, &around);
        sha256_init(&hash);
        sha256_add(&hash, text.data, text.len);
        sha256_final_hex(&hash, digest);
        if (fits) {
                delivery->plan_text =
                        arena_slice(delivery->arena, (struct slice){.data = text.data, .len = text.len});
                delivery->plan_digest = slice_of(arena_strdup(delivery->arena, digest));
        }
        buffer_fini(&text);
        return fits;
}

static struct job_event planned(struct delivery *delivery, bool keep)
{
        const struct plan *plan = delivery->plan;
        route_seen(delivery->engine, delivery->queue, route_kinds(plan));
        if (is_guarded(delivery) || !route_allows(delivery) || is_too_much(delivery))
                return refused(REASON_REJECTED);
        struct job_event event = {.kind = EVENT_PLANNED,
                                  .effects_total = (uint8_t)plan->count,
                                  .tries = tries_of_plan(delivery),
                                  .letter = delivery->letter,
                                  .keep = keep};
        for (size_t i = 0; i < plan->count; i++) {
                uint32_t bit = (uint32_t)1 << i;
                const char *key = plan->effects[i].key;
                event.done |= is_among(delivery->recorded, delivery->recorded_count, key) ? bit : 0;
                event.intents |= is_among(delivery->intended, delivery->intended_count, key) ? bit : 0;
                event.park |= route_on_ambiguous(delivery, i) == ON_AMBIGUOUS_PARK ? bit : 0;
        }
        return event;
}

/* ---- By its handler ---- */

static enum plan_outcome plan_by_handler(struct delivery *delivery)
{
        struct faults faults = {.arena = delivery->arena};
        fatal_signal_running(&delivery->words);
        enum plan_outcome outcome =
                plan_build_text(delivery->handler, delivery->envelope.payload, &delivery->plan, &faults);
        fatal_signal_running(NULL);
        CRASHPOINT("planned");
        if (outcome != PLAN_OK && outcome != PLAN_PLANNERS)
                faults_join(&faults, delivery->error, sizeof(delivery->error));
        return outcome;
}

/* ---- By its planner ---- */

static struct job_event unplanned(struct delivery *delivery, const char *error)
{
        snprintf(delivery->error, sizeof(delivery->error), "%s", error);
        return (struct job_event){.kind = EVENT_UNPLANNED, .outage = true, .retry_after_ms = -1};
}

static void planner_breaker_tell(const struct type_planner *planner, const char *error)
{
        bool open = planner->breaker.state == BREAKER_OPEN;
        log_event(open ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
                  &(struct log_fields){.event = open ? "planner_down" : "planner_up",
                                       .type = slice_of(planner->type),
                                       .error = open ? error : NULL});
        if (open)
                alerts_event(planner->engine, "planner_down", error);
}

/* What the end says of the planner. True: of the job nothing. */
static bool planner_judge(struct delivery *delivery, const struct planner_answer *answer)
{
        struct type_planner *planner = delivery->planner;
        bool good = answer->end == PLANNER_ANSWERED || answer->end == PLANNER_REFUSED ||
                    answer->end == PLANNER_GARBAGE;
        struct send_result result = {
                .outcome = good ? SEND_DONE : SEND_TRANSIENT, .retry_after_ms = -1, .counts = !good};
        enum breaker_state before = planner->breaker.state;
        bool innocent = breaker_result(&planner->breaker, delivery->hash, delivery->plan_probe, &result,
                                       clock_boot_ms());
        if (planner->breaker.state != before)
                planner_breaker_tell(planner, answer->error);
        return innocent && !good;
}

/* A plan that was recorded, whose text is gone, may only be replaced by itself once anything of it was sent.
 * A message that was published and not confirmed leaves no mark but the try that it cost. */
static bool is_changed(const struct delivery *delivery, struct slice digest_before)
{
        const struct job_generation *generation = &delivery->job.generation;
        bool begun = delivery->recorded_count > 0 || delivery->intended_count > 0 || delivery->doubt_ms > 0 ||
                     tries_any(delivery) || generation->attempt > 0 || generation->redrives > 0;
        return digest_before.len > 0 && begun && !slice_equal(digest_before, delivery->plan_digest);
}

static struct job_event plan_answer_take(struct delivery *delivery, const json_t *answer)
{
        struct faults faults = {.arena = delivery->arena};
        const struct handler *mail = handler_find(handlers, SLICE_LITERAL("email.send.v1"));
        struct slice before = delivery->plan_digest;
        enum plan_outcome outcome = plan_answer_read(mail, answer, &delivery->plan, &faults);
        CRASHPOINT("planned");
        if (outcome != PLAN_OK) {
                faults_join(&faults, delivery->error, sizeof(delivery->error));
                return refused(outcome == PLAN_REJECTED ? REASON_REJECTED : REASON_BAD_PLAN);
        }
        if (!plan_write_record(delivery, delivery->plan)) {
                snprintf(delivery->error, sizeof(delivery->error), "the plan is larger than 8 MiB");
                return refused(REASON_BAD_PLAN);
        }
        if (is_changed(delivery, before)) {
                snprintf(delivery->error, sizeof(delivery->error),
                         "the recorded plan is gone, and its planner makes another one now");
                return refused(REASON_BAD_PLAN);
        }
        return planned(delivery, /* keep = */ true);
}

static struct job_event answer_event(struct delivery *delivery, const struct planner_answer *answer)
{
        bool outage = planner_judge(delivery, answer);
        if (answer->error && answer->end != PLANNER_ANSWERED)
                snprintf(delivery->error, sizeof(delivery->error), "%s", answer->error);
        switch (answer->end) {
        case PLANNER_ANSWERED:
                return plan_answer_take(delivery, answer->answer);
        case PLANNER_REFUSED:
                return refused(REASON_REJECTED);
        case PLANNER_GARBAGE:
                return refused(REASON_BAD_PLAN);
        case PLANNER_LATE:
        case PLANNER_DIED:
        case PLANNER_FAILED:
                break;
        }
        joblog_warn(delivery, "plan_failed", delivery->error);
        return (struct job_event){.kind = EVENT_UNPLANNED,
                                  .died = answer->end == PLANNER_DIED,
                                  .outage = outage,
                                  .retry_after_ms = answer->retry_after_ms};
}

static void on_plan_answer(void *context, const struct planner_answer *answer)
{
        struct delivery *delivery = context;
        delivery->ask = NULL;
        if (!delivery_back(delivery))
                return;
        struct job_event event = answer_event(delivery, answer);
        delivery->planner = NULL;
        delivery_event(delivery, &event);
}

static struct type_planner *planner_find(const struct engine *engine, const char *type)
{
        for (size_t i = 0; i < engine->planner_count; i++)
                if (strcmp(engine->planners[i]->type, type) == 0)
                        return engine->planners[i];
        return NULL;
}

static struct plan_question question_of(const struct delivery *delivery)
{
        const struct envelope *envelope = &delivery->envelope;
        int64_t since_ms = envelope_since_ms(envelope, delivery->created_ms);
        return (struct plan_question){.id = envelope->id,
                                      .type = envelope->type,
                                      .subject = envelope->subject,
                                      .time_ms = since_ms ? since_ms : delivery->created_ms,
                                      .data = envelope->payload,
                                      .traceparent = envelope->traceparent,
                                      .tracestate = envelope->tracestate};
}

/* False: it is asked, and answers later. */
static bool planner_begin(struct delivery *delivery, struct job_event *event)
{
        struct plan_question question = question_of(delivery);
        struct type_planner *planner = planner_find(delivery->engine, delivery->handler->type);
        if (!planner) {
                *event = unplanned(delivery, "planner: it is not configured");
                return true;
        }
        breaker_tick(&planner->breaker, clock_boot_ms());
        delivery->plan_probe = planner->breaker.state == BREAKER_HALF_OPEN;
        if (!breaker_admit(&planner->breaker)) {
                *event = unplanned(delivery, "planner: it is down");
                return true;
        }
        delivery->ask = planner_ask(planner->planner, &question, on_plan_answer, delivery);
        if (!delivery->ask) {
                breaker_withdraw(&planner->breaker);
                *event = unplanned(delivery, planner_trouble(planner->planner));
                return true;
        }
        delivery->planner = planner;
        delivery->pending++;
        return false;
}

static bool plan_make(struct delivery *delivery, struct job_event *event)
{
        enum plan_outcome outcome = plan_by_handler(delivery);
        if (outcome == PLAN_PLANNERS)
                return planner_begin(delivery, event);
        if (outcome == PLAN_OK)
                *event = planned(delivery, /* keep = */ false);
        else
                *event = refused(outcome == PLAN_REJECTED ? REASON_REJECTED : REASON_BAD_PAYLOAD);
        return true;
}

/* ---- From its record ---- */

static const char *plan_key(const struct delivery *delivery)
{
        return record_key(delivery->arena, delivery->engine->config->redis.prefix, KEY_PLAN,
                          delivery->envelope.id);
}

static bool plan_take(struct delivery *delivery, struct slice text)
{
        struct sha256 hash;
        char digest[SHA256_HEX_SIZE];
        sha256_init(&hash);
        sha256_add(&hash, text.data, text.len);
        sha256_final_hex(&hash, digest);
        if (!slice_is(delivery->plan_digest, digest))
                return false;
        delivery->around = arena_alloc(delivery->arena, sizeof(*delivery->around));
        if (!plan_record_read(delivery->arena, text, &delivery->plan, delivery->around))
                return false;
        delivery->plan_text = arena_slice(delivery->arena, text);
        return true;
}

/* NULL in place of effects: the plan depends on the payload alone and is made of it again. */
static void on_plan_read(void *context, bool lost, const struct slice *values, size_t count)
{
        struct delivery *delivery = context;
        struct job_event event;
        if (!delivery_back(delivery))
                return;
        bool found = !lost && count > 0 && plan_take(delivery, values[0]);
        if (lost)
                event = unplanned(delivery, "Redis: the recorded plan could not be read");
        else if (found && delivery->plan)
                event = planned(delivery, /* keep = */ false);
        else if (!plan_make(delivery, &event))
                return;
        delivery_event(delivery, &event);
}

bool plans_begin(struct delivery *delivery, struct job_event *event)
{
        delivery->plan = NULL;
        delivery->around = NULL;
        delivery->plan_text = (struct slice){0};
        delivery->plan_digest = tries_plan(delivery);
        if (delivery->plan_digest.len == 0)
                return plan_make(delivery, event);
        struct slice words[] = {SLICE_LITERAL("GET"), slice_of(plan_key(delivery))};
        delivery->pending++;
        redis_store_query(delivery->engine->store, words, 2, on_plan_read, delivery);
        return false;
}

/* ---- Into its record ---- */

static void keep_answered(void *context, const struct store_result *result)
{
        if (!result->lost)
                CRASHPOINT("kept");
        delivery_reply(context, EVENT_KEPT, result);
}

bool plans_keep(struct delivery *delivery)
{
        struct store_identity identity = delivery_identity(delivery);
        struct store_plan plan = {.record = delivery->plan_text, .digest = delivery->plan_digest};
        delivery->pending++;
        redis_store_keep(delivery->engine->store, &identity, &plan, keep_answered, delivery);
        CRASHPOINT("keep_sent");
        return false;
}

/* Does the plan depend on files, beside its payload? */
static bool depends_on_files(const struct delivery *delivery)
{
        return delivery->handler->kind || delivery->plan->templated;
}

void plans_keep_tried(struct delivery *delivery)
{
        struct store_identity identity = delivery_identity(delivery);
        if (!delivery->job.tried || delivery->plan_digest.len > 0 || !delivery->plan)
                return;
        if (plan_write_record(delivery, depends_on_files(delivery) ? delivery->plan : NULL))
                redis_store_keep(delivery->engine->store, &identity,
                                 &(struct store_plan){delivery->plan_text, delivery->plan_digest}, NULL,
                                 NULL);
}

void plans_settled(struct delivery *delivery, bool dead)
{
        const struct config *config = delivery->engine->config;
        const char *keep = arena_printf(delivery->arena, "%" PRId64, config->claim.keep_ms);
        if (delivery->plan_digest.len == 0)
                return;
        struct slice words[] = {dead ? SLICE_LITERAL("PERSIST") : SLICE_LITERAL("PEXPIRE"),
                                slice_of(plan_key(delivery)), slice_of(keep)};
        redis_store_command(delivery->engine->store, words, dead ? 2 : 3, NULL, NULL);
}

void plans_completed(struct delivery *delivery)
{
        if (delivery->plan_digest.len == 0)
                return;
        struct slice words[] = {SLICE_LITERAL("DEL"), slice_of(plan_key(delivery))};
        redis_store_command(delivery->engine->store, words, 2, NULL, NULL);
}
