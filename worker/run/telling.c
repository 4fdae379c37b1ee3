#include "run/telling.h"
#include "core/job/event_gate.h"
#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "core/record/tell.h"
#include "core/watch/metrics_text.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MS = 1000, CLOSE_GRACE_MS = 1000 };

struct tellings {
        /* Of events alone: what is wrong with their exchange, or with its queues, holds no copy up. */
        struct amqp_publisher *publisher;
        struct event_gate gate;
        char error[AMQP_ERROR_MAX];           /* why the latest was not confirmed */
        uint64_t counts[JOB_CHANGE_COUNT][2]; /* let go, confirmed */
};

/* What others are told of one job, in its arena. */
struct telling {
        struct slice due; /* as the record says it */
        struct tell list[DUE_MAX];
        enum job_change changes[DUE_MAX];
        size_t count, next;
        uint32_t asked;   /* answers of the store that are still to come; the last one counts */
        bool publishing;  /* a confirm is to come */
        bool probe;       /* whether the gate can be opened again */
        int64_t since_ms; /* CLOCK_BOOTTIME: when it began */
        int64_t again_ms; /* when what was not confirmed is published again; 0: not waiting */
};

void telling_open(struct engine *engine, int64_t publish_timeout_ms)
{
        if (!engine->config->events.exchange)
                return;
        engine->tellings = memory_zeroed(1, sizeof(*engine->tellings));
        engine->tellings->publisher = amqp_publisher_open(&engine->loop, engine->config, publish_timeout_ms);
}

void telling_close(struct engine *engine)
{
        if (!engine->tellings)
                return;
        amqp_publisher_close(engine->tellings->publisher, CLOSE_GRACE_MS);
        free(engine->tellings);
        engine->tellings = NULL;
}

uint32_t telling_changes(const struct engine *engine, const char *type)
{
        return !engine->tellings || tell_type_is(type) ? 0 : due_changes(engine->config);
}

static void telling_count(struct engine *engine, const struct telling *telling, size_t from, bool told)
{
        for (size_t i = from; i < telling->count; i++)
                engine->tellings->counts[telling->changes[i]][told]++;
}

static void told(struct delivery *delivery)
{
        delivery_event(delivery, &(struct job_event){.kind = EVENT_TOLD});
}

/* Its record goes on to say what is due: a later telling of the same job makes up for it. */
static void telling_let_go(struct delivery *delivery, const char *why)
{
        struct telling *telling = delivery->telling;
        struct engine *engine = delivery->engine;
        telling_count(engine, telling, telling->next, false);
        engine->tellings->gate.let_go += telling->count - telling->next;
        telling->again_ms = 0;
        joblog_warn(delivery, "event_let_go", why);
        told(delivery);
}

static void on_forgotten(void *context, bool lost, const struct slice *values, size_t value_count)
{
        (void)context, (void)lost, (void)values, (void)value_count;
}

static const char *job_key(struct delivery *delivery)
{
        return record_key(delivery->arena, delivery->engine->config->redis.prefix, KEY_JOB,
                          delivery->envelope.id);
}

/* Nobody waits for the answer: what is not forgotten is told once more at most. */
static void telling_finish(struct delivery *delivery)
{
        struct slice words[] = {slice_of(job_key(delivery)), delivery->telling->due};
        redis_store_due(delivery->engine->store, words, 2, on_forgotten, NULL);
        CRASHPOINT("event_told");
        told(delivery);
}

static void publish_next(struct delivery *delivery);

static void confirmed(struct engine *engine)
{
        uint64_t gone = engine->tellings->gate.let_go;
        if (!event_gate_confirmed(&engine->tellings->gate))
                return;
        char text[96];
        snprintf(text, sizeof(text), "events are taken again; %" PRIu64 " were let go", gone);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "events_taken", .msg = text});
}

static void on_event_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct delivery *delivery = context;
        struct engine *engine = delivery->engine;
        struct telling *telling = delivery->telling;
        /* What no queue wanted was taken by the exchange: nobody has subscribed to it. */
        bool taken = outcome == PUBLISH_CONFIRMED || outcome == PUBLISH_RETURNED;
        if (taken)
                confirmed(engine);
        if (!delivery_back(delivery) || !telling->publishing)
                return;
        telling->publishing = false;
        if (!taken)
                snprintf(engine->tellings->error, sizeof(engine->tellings->error), "%s",
                         error && error[0] ? error : publish_outcome_word(outcome));
        if (taken) {
                CRASHPOINT("event_confirmed");
                engine->tellings->counts[telling->changes[telling->next++]][true]++;
                publish_next(delivery);
        } else if (telling->probe || outcome == PUBLISH_UNENCODABLE) {
                telling_let_go(delivery, engine->tellings->error);
        } else {
                telling->again_ms = clock_boot_ms() + AGAIN_MS;
        }
}

static void publish_next(struct delivery *delivery)
{
        struct engine *engine = delivery->engine;
        struct telling *telling = delivery->telling;
        if (telling->next == telling->count) {
                telling_finish(delivery);
                return;
        }
        if (!event_gate_admits(&engine->tellings->gate, clock_boot_ms())) {
                telling_let_go(delivery, "the broker takes no events");
                return;
        }
        telling->probe = engine->tellings->gate.shut;
        telling->publishing = true;
        delivery->pending++;
        struct arena *arena = arena_new();
        CRASHPOINT("event_publish");
        amqp_publisher_publish(
                engine->tellings->publisher, arena,
                tell_message(arena, engine->config->events.exchange, &telling->list[telling->next]),
                on_event_published, delivery);
}

static struct slice due_of(const struct slice *values, size_t value_count)
{
        for (size_t i = 0; i + 1 < value_count; i += 2)
                if (slice_is(values[i], RECORD_EVENT_DUE))
                        return values[i + 1];
        return SLICE_LITERAL("");
}

/* Only what the present configuration tells: what was due to another is forgotten with it. */
static void take_due(struct delivery *delivery, const struct slice *values, size_t value_count)
{
        struct telling *telling = delivery->telling;
        const struct envelope *envelope = &delivery->envelope;
        struct tell_job job = {.prefix = delivery->engine->config->redis.prefix,
                               .id = slice_of(envelope->id),
                               .traceparent = envelope->traceparent[0] ? envelope->traceparent : NULL,
                               .tracestate = envelope->tracestate};
        struct due_event due[DUE_MAX];
        telling->due = arena_slice(delivery->arena, due_of(values, value_count));
        size_t due_count = due_parse(telling->due, due);
        telling->count = telling->next = 0;
        for (size_t i = 0; i < due_count; i++) {
                if (!(delivery->job.tells >> due[i].change & 1))
                        continue;
                telling->changes[telling->count] = due[i].change;
                telling->list[telling->count++] = tell_make(
                        delivery->arena, &job, &(struct record_fields){values, value_count}, &due[i]);
        }
}

static void on_due(void *context, bool lost, const struct slice *values, size_t value_count)
{
        struct delivery *delivery = context;
        delivery->telling->asked--;
        if (!delivery_back(delivery))
                return;
        if (lost) {
                delivery_store_lost(delivery);
                return;
        }
        if (delivery->telling->asked > 0)
                return;
        take_due(delivery, values, value_count);
        if (value_count == 0)
                told(delivery);
        else
                publish_next(delivery);
}

void telling_begin(struct delivery *delivery)
{
        if (!delivery->telling)
                delivery->telling = arena_alloc(delivery->arena, sizeof(*delivery->telling));
        struct telling *telling = delivery->telling;
        if (telling->publishing || telling->again_ms > 0) /* a reply of something else was lost */
                return;
        if (telling->asked == 0)
                telling->since_ms = clock_boot_ms();
        struct slice words[] = {slice_of(job_key(delivery)), SLICE_LITERAL("")};
        telling->asked++;
        delivery->pending++;
        redis_store_due(delivery->engine->store, words, 2, on_due, delivery);
        CRASHPOINT("event_due");
}

/* The first that waits for too long. */
static void hold_ran_out(struct delivery *delivery, int64_t now_ms)
{
        struct engine *engine = delivery->engine;
        if (!event_gate_runs_out(&engine->tellings->gate, delivery->telling->since_ms,
                                 engine->config->events.hold_ms, now_ms))
                return;
        log_event(LOG_LEVEL_ERROR,
                  &(struct log_fields){.event = "events_held",
                                       .msg = "events are not confirmed: they are let go until one is",
                                       .error = engine->tellings->error});
        alerts_event(engine, "events_held", engine->config->events.exchange);
}

static void telling_look_at(struct delivery *delivery, void *context)
{
        struct telling *telling = delivery->telling;
        int64_t now_ms = *(int64_t *)context;
        bool published = telling && delivery->job.phase == JOB_TELLING && telling->asked == 0 &&
                         telling->next < telling->count;
        if (!published)
                return;
        hold_ran_out(delivery, now_ms);
        if (delivery->engine->tellings->gate.shut && !telling->probe) {
                telling->publishing = false; /* a late confirm opens the gate all the same */
                telling_let_go(delivery, "not confirmed within events.hold");
        } else if (telling->again_ms > 0 && now_ms >= telling->again_ms) {
                telling->again_ms = 0;
                publish_next(delivery);
        }
}

void telling_look(struct engine *engine, int64_t now_ms)
{
        if (engine->tellings)
                inflight_each(engine, telling_look_at, &now_ms);
}

void telling_render(const struct engine *engine, struct buffer *out)
{
        static const char name[] = "leveret_events_total";
        static const char *const words[] = {"let_go", "confirmed"};
        uint32_t changes = due_changes(engine->config);
        if (!engine->tellings)
                return;
        metrics_add_head(
                out, name, METRICS_COUNTER,
                "Events of jobs' changes, by what became of them: confirmed, or let go by events.hold.");
        for (int i = 0; i < JOB_CHANGE_COUNT; i++)
                for (int k = 0; k < 2 && (changes >> i & 1); k++) {
                        char labels[64];
                        snprintf(labels, sizeof(labels), "state=\"%s\",outcome=\"%s\"",
                                 job_change_word((enum job_change)i), words[k]);
                        metrics_add_count(out, name, labels, engine->tellings->counts[i][k]);
                }
}
