#ifndef LEVERET_RUN_SPANS_H
#define LEVERET_RUN_SPANS_H

#include "run/state.h"

/* ---- trace/spans.c: what OpenTelemetry is told of each delivery (otlp) ---- */

/* Opens nothing unless the configuration names a collector. */
void spans_open(struct engine *engine);
/* Sends what waits, for a moment at most. After everything that ends spans was closed. */
void spans_close(struct engine *engine);
void spans_look(struct engine *engine); /* once a tick: tells of a collector that is away, and back */
/* Adds its metrics; its part of /status, with a comma behind it. */
void spans_render(struct engine *engine, struct buffer *out);
void spans_status(struct engine *engine, struct buffer *out);

/* Of one delivery: an event is about to be handled, an action about to be carried out, it is over. While it
 * is traced, envelope.traceparent names the span that whatever leaves now is to be a child of. */
void spans_event_traced(struct delivery *delivery, const struct job_event *event);
void spans_action_traced(struct delivery *delivery, const struct job_action *action);
void spans_end_traced(struct delivery *delivery, enum metrics_outcome outcome);

static inline void spans_event(struct delivery *delivery, const struct job_event *event)
{
        if (delivery->engine->spans)
                spans_event_traced(delivery, event);
}

static inline void spans_action(struct delivery *delivery, const struct job_action *action)
{
        if (delivery->trace)
                spans_action_traced(delivery, action);
}

static inline void spans_end(struct delivery *delivery, enum metrics_outcome outcome)
{
        if (delivery->trace)
                spans_end_traced(delivery, outcome);
}

#endif
