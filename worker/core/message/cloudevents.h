#ifndef LEVERET_CORE_CLOUDEVENTS_H
#define LEVERET_CORE_CLOUDEVENTS_H

#include "core/memory/arena.h"
#include "core/message/message.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * CloudEvents 1.0 over AMQP: the binary mode, in which a header `cloudEvents_<attribute>` or
 * `cloudEvents:<attribute>` carries each attribute, and the structured mode, in which the body is one event
 * in the JSON format.
 */

enum attribute {
        ATTRIBUTE_ID,
        ATTRIBUTE_TYPE,
        ATTRIBUTE_SOURCE,
        ATTRIBUTE_TIME,
        ATTRIBUTE_SUBJECT,
        ATTRIBUTE_CORRELATION_ID,
        ATTRIBUTE_TRACEPARENT,
        ATTRIBUTE_TRACESTATE,
        ATTRIBUTE_DELIVER_AT,
        ATTRIBUTE_SPECVERSION,
        ATTRIBUTE_DATACONTENTTYPE,
        ATTRIBUTE_COUNT
};

/* What is said of a message, by whichever of the three ways wins. */
struct attribute_value {
        const char *place; /* where it stands, for errors: "message_id", "header cloudEvents_id", "/id" */
        struct slice text; /* absent if not said */
        bool not_text;     /* said, but as another type than text */
};

struct attributes {
        struct attribute_value list[ATTRIBUTE_COUNT];
};

/* Sets those attributes that a header carries. False if there is no such header: not a CloudEvent in binary
 * mode. The texts are borrowed from the message. A time in AMQP's own type is written as RFC 3339. */
bool cloudevents_read_headers(struct arena *arena, const struct message *message,
                              struct attributes *attributes);

/* The data of an event in structured mode. */
struct cloudevents_data {
        struct slice
                payload; /* JSON, in the arena: `data` compact with sorted keys, or what data_base64 holds */
        struct slice compared; /* what the fingerprint is of, if that is not the payload */
        const char *error;     /* NULL, or what is wrong with `data` or `data_base64` */
};

/* Sets those attributes that the event names (null counts as not named) and its data. NULL, or why the body
 * is not an event at all; then nothing is set. All memory is in the arena. */
const char *cloudevents_read_body(struct arena *arena, struct slice body, struct attributes *attributes,
                                  struct cloudevents_data *data);

/* Is the body an event in structured mode, whatever the content type says? */
bool cloudevents_is_event(struct slice body);

/* Gives an event in binary mode another id, in place; a message without that header is left alone. `id` is
 * borrowed. */
void cloudevents_set_header_id(struct message *message, const char *id);

/* The event in structured mode with another id, compact with sorted keys; absent if the body is not an event.
 */
struct slice cloudevents_set_body_id(struct arena *arena, struct slice body, const char *id);

#endif
