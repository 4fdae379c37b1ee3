#include "core/message/envelope.h"

#include "core/codec/gzip.h"
#include "core/codec/rfc3339.h"
#include "core/codec/tracestate.h"
#include "core/message/advice.h"
#include "core/message/cloudevents.h"
#include "core/message/content_type.h"
#include "core/message/dead_id.h"
#include "core/message/envelope_times.h"
#include "core/message/foreign.h"
#include "core/message/own_headers.h"
#include "core/plan/registry.h"
#include "core/text/plain_text.h"
#include "core/text/word.h"

#include <inttypes.h>

/* What envelope_read hands from step to step. */
struct reading {
        struct arena *arena;
        const struct message *message;
        int64_t max_body;
        struct envelope *envelope;
        struct attributes attributes;
        bool event;                         /* a CloudEvent, in either mode */
        enum content_type content_type;     /* of the message */
        bool stray_event;                   /* the body is an event, but the content type does not say so */
        struct cloudevents_data event_data; /* structured mode, once the body was read */
        struct slice compared;              /* what the fingerprint is of, if that is not the payload */
};

enum { SHOWN_MAX = 40 }; /* bytes of a content type or encoding that an error repeats */

static const char content_type_place[] = "content_type";

static struct attribute_value *attribute(struct reading *reading, enum attribute name)
{
        return &reading->attributes.list[name];
}

#define REFUSE(reading, reason, ...)                                                                         \
        envelope_refuse((reading)->arena, (reading)->envelope, reason, __VA_ARGS__)

/* ---- The properties ---- */

static void envelope_read_properties(struct reading *reading)
{
        const struct message *message = reading->message;
        const struct message_properties *properties = &message->properties;
        reading->attributes = (struct attributes){
                .list = {
                        [ATTRIBUTE_ID] = {.place = "message_id", .text = properties->message_id},
                        [ATTRIBUTE_TYPE] = {.place = "type", .text = properties->type},
                        [ATTRIBUTE_SOURCE] = {.place = "app_id", .text = properties->app_id},
                        [ATTRIBUTE_SUBJECT] = {.place = "header subject",
                                               .text = message_header_text(message, "subject")},
                        [ATTRIBUTE_CORRELATION_ID] = {.place = "correlation_id",
                                                      .text = properties->correlation_id},
                        [ATTRIBUTE_DELIVER_AT] = {.place = "header deliver-at",
                                                  .text = message_header_text(message, "deliver-at")},
                        [ATTRIBUTE_TRACEPARENT] = {.place = "header traceparent",
                                                   .text = message_header_text(message, "traceparent")},
                        [ATTRIBUTE_TRACESTATE] = {.place = "header tracestate",
                                                  .text = message_header_text(message, "tracestate")},
                }};
        /* Some clients send milliseconds, which would be the year 50000. */
        if (properties->has_timestamp && properties->timestamp <= RFC3339_MAX_MS / 1000) {
                reading->envelope->has_timestamp = true;
                reading->envelope->timestamp_s = (int64_t)properties->timestamp;
        }
}

static void read_own_headers(struct reading *reading)
{
        struct own_headers own;
        own_headers_read(reading->message, &own);
        reading->envelope->generation = own.generation;
        reading->envelope->first_seen_ms = own.first_seen_ms;
        reading->envelope->outside = !own.believed;
        struct slice dead_id = message_header_text(reading->message, OWN_HEADER_DEAD_ID);
        if (dead_id_valid(dead_id))
                reading->envelope->dead_id = arena_copy(reading->arena, dead_id.data, dead_id.len);
}

/* ---- Faults, in the order in which they count ---- */

/* What to do about a property that is missing. An event would have it in its body, or in a header of its own;
 * if the content type hides the event, check_content_type says so. */
static const char *advice(const struct reading *reading, enum attribute missing)
{
        bool event = reading->event || reading->stray_event || reading->content_type == CONTENT_CLOUDEVENT;
        return event ? "" : advice_on_missing(reading->arena, reading->message, missing);
}

/* The body of an event that cannot be read may hold the id and the type: they are not known to be missing. */
static bool is_unread(const struct reading *reading)
{
        return reading->content_type == CONTENT_CLOUDEVENT && !reading->event;
}

static void check_id(struct reading *reading)
{
        const struct attribute_value *id = attribute(reading, ATTRIBUTE_ID);
        size_t good = envelope_id_run(id->text);
        if (id->not_text)
                REFUSE(reading, REASON_BAD_ID, "%s: expected text", id->place);
        else if (id->text.len == 0 && is_unread(reading))
                return;
        else if (id->text.len == 0)
                REFUSE(reading, REASON_MISSING_ID, "%s: missing%s", id->place, advice(reading, ATTRIBUTE_ID));
        else if (id->text.len > ENVELOPE_ID_MAX)
                REFUSE(reading, REASON_BAD_ID, "%s: expected at most %d characters, found %zu", id->place,
                       ENVELOPE_ID_MAX, id->text.len);
        else if (good < id->text.len)
                REFUSE(reading, REASON_BAD_ID,
                       "%s: expected only A-Z a-z 0-9 . _ : / -, found byte 0x%02x at %zu", id->place,
                       (unsigned char)id->text.data[good], good + 1);
        else
                reading->envelope->id = arena_copy(reading->arena, id->text.data, id->text.len);
}

static void check_type(struct reading *reading)
{
        const struct attribute_value *type = attribute(reading, ATTRIBUTE_TYPE);
        if (!type->not_text && type->text.len == 0 && is_unread(reading))
                return;
        if (!type->not_text && type->text.len == 0)
                REFUSE(reading, REASON_MISSING_TYPE, "%s: missing%s", type->place,
                       advice(reading, ATTRIBUTE_TYPE));
        else if (type->not_text || !handler_type_valid(type->text))
                REFUSE(reading, REASON_UNKNOWN_TYPE,
                       "%s: expected lower-case words joined by dots and a version, as in order.created.v1",
                       type->place);
        else
                reading->envelope->type = arena_copy(reading->arena, type->text.data, type->text.len);
}

static void refuse_content_type(struct reading *reading, const char *place, struct slice found)
{
        bool inner = place != content_type_place;
        const char *shown = found.len ? plain_text(reading->arena, found, SHOWN_MAX) : "no text";
        REFUSE(reading, REASON_BAD_PAYLOAD, "%s: expected application/json%s, found %s", place,
               text_if(!inner, " or application/cloudevents+json"), shown);
}

static void refuse_stray_event(struct reading *reading)
{
        struct slice found = reading->message->properties.content_type;
        REFUSE(reading, REASON_BAD_PAYLOAD,
               "content_type: the body is a CloudEvent, but content_type says %s; expected "
               "application/cloudevents+json",
               found.len ? plain_text(reading->arena, found, SHOWN_MAX) : "nothing");
}

static void check_content_type(struct reading *reading)
{
        const char *place = content_type_place;
        struct slice found = reading->message->properties.content_type;
        enum content_type type = reading->content_type;
        const struct attribute_value *inner = attribute(reading, ATTRIBUTE_DATACONTENTTYPE);
        if ((type == CONTENT_CLOUDEVENT || type == CONTENT_JSON) && (inner->text.data || inner->not_text)) {
                place = inner->place;
                found = inner->text;
                type = inner->not_text ? CONTENT_OTHER : content_type_parse(inner->text);
                if (type == CONTENT_CLOUDEVENT)
                        type = CONTENT_OTHER;
        }
        if (reading->stray_event) {
                refuse_stray_event(reading);
                return;
        }
        switch (type) {
        case CONTENT_JSON:
        case CONTENT_CLOUDEVENT:
                break;
        case CONTENT_OTHER:
                refuse_content_type(reading, place, found);
                break;
        case CONTENT_BAD_CHARSET:
                REFUSE(reading, REASON_BAD_PAYLOAD, "%s: expected charset utf-8", place);
                break;
        }
}

static enum content_encoding encoding_of(const struct reading *reading)
{
        return content_encoding_parse(reading->message->properties.content_encoding);
}

static bool is_too_large(const struct reading *reading)
{
        const struct message *message = reading->message;
        return message->body_size > (uint64_t)reading->max_body || message->body.len < message->body_size ||
               message->body.len > (uint64_t)reading->max_body;
}

static void check_carriage(struct reading *reading)
{
        if (encoding_of(reading) == ENCODING_OTHER)
                REFUSE(reading, REASON_UNSUPPORTED_ENCODING,
                       "content_encoding: expected gzip or none, found %s",
                       plain_text(reading->arena, reading->message->properties.content_encoding, SHOWN_MAX));
        if (is_too_large(reading))
                REFUSE(reading, REASON_TOO_LARGE, "body: expected at most %" PRId64 " bytes, found %" PRIu64,
                       reading->max_body, reading->message->body_size);
}

static void check_headers(struct reading *reading)
{
        if (reading->message->properties.headers_unusable)
                REFUSE(reading, REASON_BAD_PAYLOAD, "headers: expected at most %d, nested at most %d deep",
                       HEADER_COUNT_MAX, HEADER_DEPTH_MAX);
}

static void envelope_check_times(struct reading *reading)
{
        envelope_check_deadline(reading->arena, reading->message, reading->envelope);
        envelope_check_deliver_at(reading->arena, reading->message, attribute(reading, ATTRIBUTE_DELIVER_AT),
                                  reading->envelope);
}

static void check_event(struct reading *reading)
{
        const struct attribute_value *version = attribute(reading, ATTRIBUTE_SPECVERSION);
        if (reading->event && !slice_is(version->text, "1.0"))
                REFUSE(reading, REASON_BAD_PAYLOAD, "%s: expected \"1.0\"", version->place);
        if (reading->event_data.error)
                REFUSE(reading, REASON_BAD_PAYLOAD, "%s", reading->event_data.error);
}

/* ---- The rest ---- */

static const char *kept_text(struct reading *reading, enum attribute name)
{
        const struct attribute_value *value = attribute(reading, name);
        return value->text.len ? plain_text(reading->arena, value->text, ENVELOPE_TEXT_MAX) : NULL;
}

static void envelope_read_subject(struct reading *reading)
{
        const struct attribute_value *subject = attribute(reading, ATTRIBUTE_SUBJECT);
        if (subject->text.len == 0)
                return;
        if (plain_text_is(subject->text, ENVELOPE_SUBJECT_MAX))
                reading->envelope->subject =
                        arena_copy(reading->arena, subject->text.data, subject->text.len);
        else
                reading->envelope->ignored = subject->place;
}

/* A state without a parent says nothing (W3C Trace Context section 3.2: it is not looked at then). */
static void read_trace(struct reading *reading)
{
        const struct attribute_value *parent = attribute(reading, ATTRIBUTE_TRACEPARENT);
        const struct attribute_value *state = attribute(reading, ATTRIBUTE_TRACESTATE);
        struct envelope *envelope = reading->envelope;
        if (!parent->text.data)
                return;
        if (!traceparent_parse(parent->text, envelope->traceparent)) {
                envelope->ignored = parent->place;
                return;
        }
        envelope->tracestate = tracestate_read(reading->arena, state->text);
        if (state->text.len && !envelope->tracestate)
                envelope->ignored = state->place;
}

static void envelope_read_time(struct reading *reading)
{
        const struct attribute_value *value = attribute(reading, ATTRIBUTE_TIME);
        int64_t time_ms;
        if (!value->place)
                return;
        if (rfc3339_parse(value->text, &time_ms) && time_ms >= 0) {
                reading->envelope->has_timestamp = true;
                reading->envelope->timestamp_s = time_ms / 1000;
        } else {
                reading->envelope->ignored = value->place;
        }
}

/* ---- The body ---- */

/* Sets the payload to the unpacked body, or to nothing. NULL, or why it cannot be had. */
static const char *envelope_unpack(struct reading *reading, enum reason *reason)
{
        struct envelope *envelope = reading->envelope;
        struct slice body = reading->message->body;
        if (encoding_of(reading) == ENCODING_PLAIN) {
                envelope->payload = body.data ? body : SLICE_LITERAL("");
                return NULL;
        }
        switch (gzip_unpack(reading->arena, body, (size_t)reading->max_body, &envelope->payload)) {
        case GZIP_OK:
                return NULL;
        case GZIP_BROKEN:
                *reason = REASON_BAD_PAYLOAD;
                return "body: expected gzip, as content_encoding says";
        case GZIP_TOO_LARGE:
                *reason = REASON_TOO_LARGE;
                return arena_printf(reading->arena, "body: expected at most %" PRId64 " bytes when unpacked",
                                    reading->max_body);
        }
        return NULL;
}

/* Can the body be looked at at all? */
static bool is_carried(const struct reading *reading)
{
        return encoding_of(reading) != ENCODING_OTHER && !is_too_large(reading);
}

/* Does the body hold what the properties do not say? Only a message that is dead anyway is looked at. */
static bool is_stray_event(const struct reading *reading)
{
        const struct message_properties *properties = &reading->message->properties;
        bool dead = reading->content_type == CONTENT_OTHER || properties->message_id.len == 0 ||
                    properties->type.len == 0;
        return dead && !reading->event && reading->content_type != CONTENT_CLOUDEVENT &&
               is_carried(reading) && encoding_of(reading) == ENCODING_PLAIN &&
               cloudevents_is_event(reading->message->body);
}

/* The body of a structured event holds the id and the type, so its faults come first. */
static void read_event(struct reading *reading)
{
        struct envelope *envelope = reading->envelope;
        enum reason reason = REASON_BAD_PAYLOAD;
        check_carriage(reading);
        if (!is_carried(reading))
                return;
        const char *error = envelope_unpack(reading, &reason);
        if (!error) {
                struct slice body = envelope->payload;
                error = cloudevents_read_body(reading->arena, body, &reading->attributes,
                                              &reading->event_data);
                envelope->payload = reading->event_data.payload;
                reading->compared = reading->event_data.compared;
                reading->event = !error;
        }
        if (error)
                REFUSE(reading, reason, "%s", error);
}

static void envelope_read_body(struct reading *reading)
{
        enum reason reason = REASON_NONE;
        if (reading->content_type == CONTENT_CLOUDEVENT || !is_carried(reading))
                return;
        const char *error = envelope_unpack(reading, &reason);
        if (error)
                REFUSE(reading, reason, "%s", error);
}

static void take_fingerprint(struct reading *reading)
{
        struct envelope *envelope = reading->envelope;
        struct slice text = envelope->payload.data ? envelope->payload : reading->message->body;
        text = reading->compared.data ? reading->compared : text;
        struct sha256 hash;
        sha256_init(&hash);
        if (envelope->type)
                sha256_add(&hash, envelope->type, strlen(envelope->type));
        sha256_add(&hash, "", 1);
        sha256_add(&hash, text.data, text.len);
        sha256_final_hex(&hash, envelope->fingerprint);
}

/* A message of others: the mapping says where all stands, and what the content type says does not matter. */
static void read_mapped(struct reading *reading, const struct config_queue *queue)
{
        struct arena *arena = reading->arena;
        struct envelope *envelope = reading->envelope;
        struct foreign foreign;
        enum reason reason = REASON_BAD_PAYLOAD;
        check_carriage(reading);
        if (is_carried(reading)) {
                const char *error = envelope_unpack(reading, &reason);
                if (error)
                        REFUSE(reading, reason, "%s", error);
        }
        foreign_read(arena, queue, reading->message, envelope->payload, &foreign);
        for (size_t i = 0; i < foreign.fault_count; i++)
                REFUSE(reading, foreign.faults[i].reason, "%s", foreign.faults[i].text);
        envelope->id = foreign.id;
        envelope->source_id = foreign.source_id;
        envelope->type = foreign.type;
        envelope->payload = foreign.payload;
        reading->compared = foreign.compared;
        if (foreign.has_deadline) {
                envelope->has_deadline = true;
                envelope->deadline_ms = foreign.deadline_ms;
        }
        take_fingerprint(reading);
        if (foreign.id_of_content)
                envelope->id = foreign_content_id(arena, queue, envelope->fingerprint);
}

static void read_ours(struct reading *reading)
{
        if (reading->content_type == CONTENT_CLOUDEVENT)
                read_event(reading);
        else
                reading->event =
                        cloudevents_read_headers(reading->arena, reading->message, &reading->attributes);
        reading->stray_event = is_stray_event(reading);
        check_id(reading);
        check_type(reading);
        check_headers(reading);
        check_content_type(reading);
        check_carriage(reading);
        envelope_check_times(reading);
        envelope_read_body(reading);
        check_event(reading);
}

void envelope_read(struct arena *arena, const struct message *message, const struct config_queue *queue,
                   int64_t max_body, struct envelope *envelope)
{
        bool mapped = queue && config_queue_is_mapped(queue);
        struct reading reading = {
                .arena = arena,
                .message = message,
                .max_body = max_body,
                .envelope = envelope,
                .content_type = content_type_parse(message->properties.content_type),
        };
        *envelope = (struct envelope){0};
        read_own_headers(&reading);
        envelope_read_properties(&reading);
        if (mapped) {
                check_headers(&reading);
                envelope_check_times(&reading);
                read_mapped(&reading, queue);
        } else {
                read_ours(&reading);
        }
        envelope->correlation_id = kept_text(&reading, ATTRIBUTE_CORRELATION_ID);
        envelope->source = kept_text(&reading, ATTRIBUTE_SOURCE);
        envelope_read_subject(&reading);
        read_trace(&reading);
        envelope_read_time(&reading);
        if (!mapped)
                take_fingerprint(&reading);
}
