#include "run/spans.h"
#include "core/job/jitter.h"
#include "core/memory/memory.h"
#include "core/watch/metrics_text.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/trace/otlp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* How long the end of the process waits for the last spans. */
#define CLOSE_GRACE_MS 2000

struct spans {
        struct otlp *otlp;
        uint64_t random; /* of ids */
        uint64_t told;   /* changes that the log has told of */
        enum otlp_end state;
        uint64_t dropped; /* when the collector was heard of last */
};

/* Of one delivery. */
struct tracing {
        char trace[TRACE_ID_SIZE], parent[SPAN_ID_SIZE];
        char receive[SPAN_ID_SIZE], plan[SPAN_ID_SIZE], send[SPAN_ID_SIZE]; /* plan, send: "" unless open */
        unsigned flags;
        int64_t wall_offset_ns; /* so that all its times are of one clock, whatever happens to the other */
        int64_t receive_ns, plan_ns, send_ns;
        int effect; /* that is being sent */
};

static int64_t trace_now_ns(const struct tracing *trace)
{
        return clock_boot_ns() + trace->wall_offset_ns;
}

static void trace_new_id(struct delivery *delivery, char id[SPAN_ID_SIZE])
{
        span_id_write(id, jitter_next(&delivery->engine->spans->random));
}

/* What is handed on from now on names this span. */
static void hand_on(struct delivery *delivery, const char *id)
{
        span_context_write(delivery->envelope.traceparent, delivery->trace->trace, id,
                           delivery->trace->flags);
}

static void span_finish(struct delivery *delivery, struct span *span)
{
        char error[SPAN_ERROR_MAX];
        span->end_ns = trace_now_ns(delivery->trace);
        span->flags = delivery->trace->flags;
        span->state = slice_of(delivery->envelope.tracestate);
        memcpy(span->trace, delivery->trace->trace, sizeof(span->trace));
        if (span->failed)
                span->error = (struct slice){
                        .data = error, .len = log_mask(error, sizeof(error), slice_of(delivery->error))};
        otlp_add(delivery->engine->spans->otlp, span);
}

static struct span child_of_receive(const struct delivery *delivery, const char *id)
{
        struct span span = {.kind = SPAN_INTERNAL};
        memcpy(span.id, id, sizeof(span.id));
        memcpy(span.parent, delivery->trace->receive, sizeof(span.parent));
        return span;
}

/* ---- receive ---- */

static void trace_begin(struct delivery *delivery, const struct tracing *found)
{
        delivery->trace = arena_alloc(delivery->arena, sizeof(*delivery->trace));
        struct tracing *trace = delivery->trace;
        *trace = *found;
        trace->receive_ns = clock_wall_ns();
        trace->wall_offset_ns = trace->receive_ns - clock_boot_ns();
        trace_new_id(delivery, trace->receive);
        hand_on(delivery, trace->receive);
}

/* By the flag of the traceparent; of those that have none, by otlp.roots. */
static void span_begin(struct delivery *delivery)
{
        const struct config *config = delivery->engine->config;
        const struct envelope *envelope = &delivery->envelope;
        struct tracing found = {0};
        if (envelope->traceparent[0]) {
                span_context_read(envelope->traceparent, found.trace, found.parent, &found.flags);
                if (found.flags & SPAN_SAMPLED)
                        trace_begin(delivery, &found);
                return;
        }
        found.flags = SPAN_SAMPLED;
        span_root_trace(found.trace, config->redis.prefix, envelope->id ? envelope->id : delivery->owner);
        if (span_root_is_sampled(found.trace, config->otlp.roots))
                trace_begin(delivery, &found);
}

static bool span_is_failure(enum metrics_outcome outcome)
{
        return outcome == METRICS_RETRY || outcome == METRICS_DEFER || outcome == METRICS_DEAD;
}

static void receive_describe(const struct delivery *delivery, enum metrics_outcome outcome, struct span *span)
{
        const struct envelope *envelope = &delivery->envelope;
        const struct job *job = &delivery->job;
        span_add_text(span, "messaging.system", "rabbitmq");
        span_add_text(span, "messaging.operation.name", span->verb);
        span_add_text(span, "messaging.operation.type", "process");
        span_add_text(span, "messaging.destination.name", delivery_config_queue(delivery)->name);
        span_add_text(span, "messaging.message.id", envelope->id);
        span_add_text(span, "messaging.message.conversation_id", envelope->correlation_id);
        span_add_number(span, "messaging.message.body.size", (int64_t)delivery->message->body.len);
        span_add_text(span, "leveret.type", envelope->type);
        span_add_number(span, "leveret.attempt", job->generation.attempt);
        if (job->generation.deferrals > 0)
                span_add_number(span, "leveret.deferrals", job->generation.deferrals);
        if (job->generation.redrives > 0)
                span_add_number(span, "leveret.redrives", job->generation.redrives);
        span_add_text(span, "leveret.outcome", metrics_outcome_word(outcome));
        if (outcome == METRICS_DEAD)
                span_add_text(span, "error.type", reason_word(job->decision.reason));
        else if (span->failed)
                span_add_text(span, "error.type", metrics_outcome_word(outcome));
}

static void receive_end(struct delivery *delivery, enum metrics_outcome outcome)
{
        const struct tracing *trace = delivery->trace;
        struct span span = {.verb = "receive",
                            .object = slice_of(delivery_config_queue(delivery)->name),
                            .kind = SPAN_CONSUMER,
                            .start_ns = trace->receive_ns,
                            .remote = trace->parent[0] != '\0',
                            .failed = span_is_failure(outcome) && delivery->error[0]};
        memcpy(span.id, trace->receive, sizeof(span.id));
        memcpy(span.parent, trace->parent, sizeof(span.parent));
        receive_describe(delivery, outcome, &span);
        span_finish(delivery, &span);
}

/* ---- plan ---- */

static void plan_begin(struct delivery *delivery)
{
        trace_new_id(delivery, delivery->trace->plan);
        delivery->trace->plan_ns = trace_now_ns(delivery->trace);
        hand_on(delivery, delivery->trace->plan);
}

/* `failed`: why there is no plan, in a word; NULL: there is one, of so many effects. */
static void plan_end(struct delivery *delivery, const char *failed, int64_t effects)
{
        struct tracing *trace = delivery->trace;
        if (!trace->plan[0])
                return;
        struct span span = child_of_receive(delivery, trace->plan);
        span.verb = "plan";
        span.object = slice_of(delivery->envelope.type);
        span.start_ns = trace->plan_ns;
        span.failed = failed != NULL;
        span_add_text(&span, "leveret.type", delivery->envelope.type);
        span_add_text(&span, "error.type", failed);
        if (!failed)
                span_add_number(&span, "leveret.effects", effects);
        span_finish(delivery, &span);
        trace->plan[0] = '\0';
        hand_on(delivery, trace->receive);
}

/* ---- send ---- */

static void send_begin(struct delivery *delivery, int effect)
{
        struct tracing *trace = delivery->trace;
        trace_new_id(delivery, trace->send);
        trace->send_ns = trace_now_ns(trace);
        trace->effect = effect;
        hand_on(delivery, trace->send);
}

static void send_describe(const struct delivery *delivery, const char *outlet, struct span *span)
{
        static const char *const kinds[] = {
                [EFFECT_MAIL] = "mail", [EFFECT_POST] = "post", [EFFECT_PUBLISH] = "publish"};
        const struct effect *effect = &delivery->plan->effects[delivery->trace->effect];
        span_add_text(span, "leveret.outlet", outlet);
        span_add_text(span, "leveret.transport",
                      outlet_transport_word(delivery->engine->outlets[delivery->outlet_index].config));
        span_add_text(span, "leveret.effect", effect->key);
        span_add_text(span, "leveret.effect.kind", kinds[effect->kind]);
        if (effect->kind != EFFECT_PUBLISH)
                return;
        span->kind = SPAN_PRODUCER;
        span_add_text(span, "messaging.system", "rabbitmq");
        span_add_text(span, "messaging.operation.name", span->verb);
        span_add_text(span, "messaging.operation.type", "send");
        span_add_number(span, "messaging.batch.message_count", (int64_t)effect->publish.count);
}

/* `outcome`: in a word. `provider_id`: what the service calls what it took. */
static void span_end_send(struct delivery *delivery, const char *outcome, bool failed)
{
        struct tracing *trace = delivery->trace;
        if (!trace->send[0])
                return;
        const char *outlet = delivery->engine->outlets[delivery->outlet_index].config->name;
        struct span span = child_of_receive(delivery, trace->send);
        span.verb = "send";
        span.object = slice_of(outlet);
        span.kind = SPAN_CLIENT;
        span.start_ns = trace->send_ns;
        span.failed = failed;
        send_describe(delivery, outlet, &span);
        span_add_text(&span, "leveret.outcome", outcome);
        if (failed)
                span_add_text(&span, "error.type", outcome);
        else
                span_add_text(&span, "leveret.provider_id", delivery->provider_id);
        span_finish(delivery, &span);
        trace->send[0] = '\0';
        hand_on(delivery, trace->receive);
}

/* ---- what happens to a delivery ---- */

void spans_event_traced(struct delivery *delivery, const struct job_event *event)
{
        if (!delivery->trace) {
                if (event->kind == EVENT_START && delivery->started_ms == 0)
                        span_begin(delivery);
                return;
        }
        if (event->kind == EVENT_PLANNED)
                plan_end(delivery, NULL, event->effects_total);
        else if (event->kind == EVENT_REFUSED)
                plan_end(delivery, reason_word(event->reason), 0);
        else if (event->kind == EVENT_UNPLANNED)
                plan_end(delivery, "no_answer", 0);
        else if (event->kind == EVENT_SENT)
                span_end_send(delivery, event->fenced ? "not_sent" : send_outcome_word(event->outcome),
                              !event->fenced && event->outcome != SEND_DONE);
}

void spans_action_traced(struct delivery *delivery, const struct job_action *action)
{
        if (action->kind == ACTION_PLAN)
                plan_begin(delivery);
        else if (action->kind == ACTION_SEND)
                send_begin(delivery, action->effect);
}

void spans_end_traced(struct delivery *delivery, enum metrics_outcome outcome)
{
        plan_end(delivery, "no_answer", 0);
        span_end_send(delivery, "unknown", true);
        receive_end(delivery, outcome);
        delivery->trace = NULL;
}

/* ---- the process ---- */

static uint64_t sum_dropped(const struct otlp_counts *counts)
{
        uint64_t sum = 0;
        for (int i = 0; i < OTLP_DROP_COUNT; i++)
                sum += counts->dropped[i];
        return sum;
}

static void span_tell(struct spans *spans, const struct otlp_counts *counts)
{
        char text[120];
        uint64_t dropped = sum_dropped(counts);
        if (counts->state == OTLP_TAKEN && spans->state != OTLP_TAKEN) {
                snprintf(text, sizeof(text), "the collector takes spans again; %" PRIu64 " were dropped",
                         dropped - spans->dropped);
                log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "otlp_up", .msg = text});
        } else {
                log_event(LOG_LEVEL_WARN,
                          &(struct log_fields){
                                  .event = counts->state == OTLP_AGAIN ? "otlp_down" : "otlp_refused",
                                  .msg = "the collector does not take all spans; no mail waits for it",
                                  .error = counts->text});
        }
        spans->dropped = dropped;
}

void spans_look(struct engine *engine)
{
        struct spans *spans = engine->spans;
        struct otlp_counts counts;
        if (!spans)
                return;
        otlp_count(spans->otlp, &counts);
        if (counts.changes == spans->told)
                return;
        span_tell(spans, &counts);
        spans->told = counts.changes;
        spans->state = counts.state;
}

void spans_open(struct engine *engine)
{
        struct otlp *otlp = otlp_open(engine->config, engine->worker);
        if (!otlp)
                return;
        engine->spans = memory_zeroed(1, sizeof(*engine->spans));
        *engine->spans = (struct spans){.otlp = otlp, .random = jitter_next(&engine->random)};
}

void spans_close(struct engine *engine)
{
        struct otlp_counts counts;
        if (!engine->spans)
                return;
        otlp_close(engine->spans->otlp, CLOSE_GRACE_MS, &counts);
        uint64_t lost = sum_dropped(&counts);
        char text[120];
        snprintf(text, sizeof(text), "sent %" PRIu64 " spans, dropped %" PRIu64, counts.sent, lost);
        log_event(lost > 0 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
                  &(struct log_fields){.event = "otlp_closed",
                                       .msg = text,
                                       .error = lost > 0 && counts.text[0] ? counts.text : NULL});
        free(engine->spans);
        engine->spans = NULL;
}

void spans_render(struct engine *engine, struct buffer *out)
{
        struct otlp_counts counts;
        char labels[64];
        if (!engine->spans)
                return;
        otlp_count(engine->spans->otlp, &counts);
        metrics_add_head(out, "leveret_otlp_spans_sent_total", METRICS_COUNTER,
                         "Spans that the collector took.");
        metrics_add_count(out, "leveret_otlp_spans_sent_total", "", counts.sent);
        metrics_add_head(out, "leveret_otlp_spans_dropped_total", METRICS_COUNTER,
                         "Spans that nobody sees, by why: too many waited, the collector was away or refused "
                         "them, the worker ended.");
        for (int i = 0; i < OTLP_DROP_COUNT; i++) {
                snprintf(labels, sizeof(labels), "reason=\"%s\"", otlp_drop_word((enum otlp_drop)i));
                metrics_add_count(out, "leveret_otlp_spans_dropped_total", labels, counts.dropped[i]);
        }
        metrics_add_head(out, "leveret_otlp_spans_waiting", METRICS_GAUGE,
                         "Spans that wait for the collector, or are on their way.");
        metrics_add_count(out, "leveret_otlp_spans_waiting", "", counts.held);
}

void spans_status(struct engine *engine, struct buffer *out)
{
        static const char *const words[] = {
                [OTLP_TAKEN] = "up", [OTLP_AGAIN] = "down", [OTLP_REFUSED] = "refused"};
        struct otlp_counts counts;
        if (!engine->spans)
                return;
        otlp_count(engine->spans->otlp, &counts);
        buffer_printf(out,
                      "\"otlp\":{\"state\":\"%s\",\"sent\":%" PRIu64 ",\"dropped\":%" PRIu64
                      ",\"waiting\":%zu,\"error\":",
                      words[counts.state], counts.sent, sum_dropped(&counts), counts.held);
        buffer_add_json_string(out, slice_of(counts.state == OTLP_TAKEN ? "" : counts.text));
        buffer_add_text(out, "},");
}
