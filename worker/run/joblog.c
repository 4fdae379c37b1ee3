#include "io/log/log.h"
#include "io/machine/clock.h"
#include "run/state.h"

/* One vocabulary with the metrics and the headers. */

static struct log_fields fields_of(const struct delivery *delivery, const char *event)
{
        const struct envelope *envelope = &delivery->envelope;
        const struct outlet *outlet =
                delivery->outlet ? &delivery->engine->outlets[delivery->outlet_index] : NULL;
        bool traced = envelope->traceparent[0] != '\0';
        struct log_fields fields = {
                .event = event,
                .queue = delivery_config_queue(delivery)->name,
                .outlet = outlet ? outlet->config->name : NULL,
                .type = slice_of(envelope->type),
                .id = slice_of(envelope->id),
                .correlation_id = slice_of(envelope->correlation_id),
                .app_id = slice_of(envelope->source),
                .subject = slice_of(envelope->subject),
                /* version-traceid-parentid-flags: W3C Trace Context section 3.2 */
                .trace_id = {.data = traced ? envelope->traceparent + 3 : NULL, .len = traced ? 32 : 0},
                .has_attempt = true,
                .attempt = delivery->job.generation.attempt,
        };
        if (!envelope->id)
                fields.message_id = delivery->message->properties.message_id;
        return fields;
}

static enum log_level level_of(enum metrics_outcome outcome)
{
        switch (outcome) {
        case METRICS_DEAD:
                return LOG_LEVEL_ERROR;
        case METRICS_RETRY:
        case METRICS_DEFER:
                return LOG_LEVEL_WARN;
        case METRICS_COMPLETED:
        case METRICS_DUPLICATE:
        case METRICS_CANCELLED:
        case METRICS_SCHEDULE:
        case METRICS_STALE:
        case METRICS_BUSY:
                return LOG_LEVEL_INFO;
        case METRICS_RETURNED:
        case METRICS_FORGOTTEN:
        case METRICS_OUTCOME_COUNT:
                return LOG_LEVEL_DEBUG;
        }
        return LOG_LEVEL_DEBUG;
}

void joblog_end(struct delivery *delivery, enum metrics_outcome outcome)
{
        enum log_level level = level_of(outcome);
        if (!log_enabled(level))
                return;
        struct log_fields fields = fields_of(delivery, "job_end");
        fields.outcome = metrics_outcome_word(outcome);
        fields.has_duration = delivery->started_ms > 0;
        fields.duration_ms = clock_boot_ms() - delivery->started_ms;
        if (outcome == METRICS_DEAD)
                fields.reason = reason_word(delivery->job.decision.reason);
        if (outcome != METRICS_COMPLETED && delivery->error[0])
                fields.error = delivery->error;
        log_event(level, &fields);
}

void joblog_warn(struct delivery *delivery, const char *event, const char *error)
{
        struct log_fields fields = fields_of(delivery, event);
        fields.error = error;
        log_event(LOG_LEVEL_WARN, &fields);
}
