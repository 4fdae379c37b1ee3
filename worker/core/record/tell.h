#ifndef LEVERET_CORE_TELL_H
#define LEVERET_CORE_TELL_H

#include "core/message/message.h"
#include "core/record/due.h"
#include "core/record/record_fields.h"

/*
 * The event that others get of a change of a job: a CloudEvent 1.0 in structured mode
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md, and its
 * JSON format), of the type leveret.job.<state>.v1, published with the key <state>.<type of the job>. Its id
 * is the same on a repetition, its data the job's record.
 */
#define TELL_TYPES "leveret.job."

struct tell {
        const char *id, *type, *key, *body;
        const char *traceparent, *tracestate; /* or NULL */
        int64_t at_ms;
};

/* Which job, and in whose trace the event belongs
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md). */
struct tell_job {
        const char *prefix; /* redis.prefix */
        struct slice id;
        const char *traceparent, *tracestate; /* of the job's message; NULL: none, or not known */
};

/* The event of the job whose record has these fields. The record may have gone on since the change: state and
 * generation in the data are those of the change. All memory is in the arena. */
struct tell tell_make(struct arena *arena, const struct tell_job *job, const struct record_fields *fields,
                      const struct due_event *due);
/* As a message for the exchange; all memory is in its arena. */
struct message *tell_message(struct arena *arena, const char *exchange, const struct tell *tell);

/* Is it the type of such an event? If an event comes back as a job, that job has no events: they would never
 * end. */
bool tell_type_is(const char *type);

#endif
