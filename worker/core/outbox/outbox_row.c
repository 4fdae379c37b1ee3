#include "core/outbox/outbox_row.h"

#include "core/broker/topology.h"
#include "core/codec/json.h"
#include "core/codec/rfc3339.h"
#include "core/message/envelope.h"
#include "core/message/own_headers.h"
#include "core/plan/registry.h"
#include "core/text/faults.h"
#include "core/text/plain_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

enum { HEADER_NAME_MAX = 255, DELIVERY_PERSISTENT_MODE = 2, SHOWN_NAME_MAX = 60 };

struct reading_row {
        struct arena *arena;
        const struct outbox_row *row;
        const struct outbox_rules *rules;
        struct message *message;
        struct faults faults;
};

static void read_id(struct reading_row *reading)
{
        struct slice id = reading->row->id;
        if (!envelope_id_valid(id))
                faults_add(&reading->faults, "id: expected 1 to %d of A-Z a-z 0-9 . _ : / -%s",
                           ENVELOPE_ID_MAX, id.data ? "" : ", found NULL");
        reading->message->properties.message_id = arena_slice(reading->arena, id);
}

static void read_type(struct reading_row *reading)
{
        struct slice type = reading->row->type;
        if (!handler_type_valid(type))
                faults_add(&reading->faults,
                           "type: expected lower-case words joined by dots and a version, as in "
                           "order.created.v1%s",
                           type.data ? "" : ", found NULL");
        reading->message->properties.type = reading->message->routing_key = arena_slice(reading->arena, type);
}

static void row_read_data(struct reading_row *reading)
{
        const struct outbox_row *row = reading->row;
        int64_t max = reading->rules->max_body;
        if (row->data_len == 0)
                faults_add(&reading->faults, "data: expected JSON, found NULL");
        else if (row->data_len > max || !row->data.data)
                faults_add(&reading->faults,
                           "data: expected at most %" PRId64 " bytes (max_body), found %" PRId64, max,
                           row->data_len);
        reading->message->body = arena_slice(reading->arena, row->data);
        reading->message->body_size = row->data.len;
}

static void row_set_text(struct reading_row *reading, const char *name, struct slice text)
{
        message_set_header(reading->arena, reading->message,
                           (struct header){.name = slice_of(arena_strdup(reading->arena, name)),
                                           .tag = HEADER_STRING,
                                           .text = arena_slice(reading->arena, text)});
}

/* ---- headers ---- */

/* Headers that the broker or leveret itself obeys: CC and BCC add queues, and close the channel where they
 * are no list; with x-death a message may vanish on its way through a retry tier. */
static bool row_is_reserved(const char *name)
{
        return strcasecmp(name, "cc") == 0 || strcasecmp(name, "bcc") == 0 ||
               strncasecmp(name, OWN_HEADER_PREFIX, strlen(OWN_HEADER_PREFIX)) == 0 ||
               strncasecmp(name, "x-death", 7) == 0 || strncasecmp(name, "x-first-death-", 14) == 0 ||
               strncasecmp(name, "x-last-death-", 13) == 0;
}

static bool is_time(const json_t *value)
{
        int64_t time_ms;
        return rfc3339_parse(json_text(value), &time_ms);
}

/* What a header of this name must be; NULL if it is, or if the name says nothing. */
static const char *meaning_fault(struct reading_row *reading, const char *name, const json_t *value)
{
        bool due = strcmp(name, "deliver-at") == 0;
        if (due && reading->row->deliver_at.data)
                return "the column deliver_at says it too: take one of them away";
        if ((due || strcmp(name, "deadline") == 0) && !is_time(value))
                return "expected a time of RFC 3339, as in 2030-01-31T12:00:00Z";
        if (strcmp(name, "subject") == 0 && reading->row->subject.data)
                return "the column subject says it too: take one of them away";
        return NULL;
}

/* False: it is no value that a header can have here. */
static bool row_header_of(struct reading_row *reading, const json_t *value, struct header *header)
{
        struct slice text = json_text(value);
        double real;
        if (text.data)
                *header = (struct header){.tag = HEADER_STRING, .text = arena_slice(reading->arena, text)};
        else if (json_is_boolean(value))
                *header = (struct header){.tag = HEADER_BOOLEAN, .boolean = json_is_true(value)};
        else if (json_is_integer(value))
                *header = (struct header){.tag = HEADER_I64, .integer = json_integer_value(value)};
        else if (json_real_number(value, &real))
                *header = (struct header){.tag = HEADER_F64, .real = real};
        else
                return false;
        return true;
}

static const char *row_name_fault(const char *name)
{
        if (!name[0] || !plain_text_is(slice_of(name), HEADER_NAME_MAX))
                return "expected a name of 1 to 255 bytes without control characters";
        return row_is_reserved(name) ? "is kept for the broker and for leveret" : NULL;
}

static void row_read_header(struct reading_row *reading, const char *name, const json_t *value)
{
        struct header header;
        const char *fault = row_name_fault(name);
        const char *shown = plain_text(reading->arena, slice_of(name), SHOWN_NAME_MAX);
        if (!fault && !row_header_of(reading, value, &header))
                fault = "expected text, a number of 64 bits, true or false";
        if (!fault)
                fault = meaning_fault(reading, name, value);
        if (fault) {
                faults_add(&reading->faults, "headers: /%s: %s", shown, fault);
                return;
        }
        header.name = slice_of(arena_strdup(reading->arena, name));
        message_set_header(reading->arena, reading->message, header);
}

static void row_read_headers(struct reading_row *reading)
{
        char cause[JSON_CAUSE_MAX];
        if (!reading->row->headers.data)
                return;
        json_t *headers = json_parse(reading->row->headers, cause), *value;
        const char *name;
        if (!headers)
                faults_add(&reading->faults, "headers: %s", cause);
        else if (!json_is_object(headers) && !json_is_null(headers))
                faults_add(&reading->faults, "headers: expected an object, found %s", json_kind(headers));
        else if (json_object_size(headers) > OUTBOX_HEADERS_MAX)
                faults_add(&reading->faults, "headers: expected at most %d", OUTBOX_HEADERS_MAX);
        else
                json_object_foreach(headers, name, value)
                {
                        if (!json_is_null(value)) /* not said */
                                row_read_header(reading, name, value);
                }
        json_decref(headers);
}

/* ---- the other columns ---- */

static void row_read_subject(struct reading_row *reading)
{
        struct slice subject = reading->row->subject;
        if (!subject.data)
                return;
        if (!plain_text_is(subject, ENVELOPE_SUBJECT_MAX))
                faults_add(&reading->faults, "subject: expected at most %d bytes without control characters",
                           ENVELOPE_SUBJECT_MAX);
        else
                row_set_text(reading, "subject", subject);
}

static void read_deliver_at(struct reading_row *reading)
{
        struct slice text = reading->row->deliver_at;
        char due[RFC3339_SIZE], *end;
        if (!text.data)
                return;
        const char *digits = arena_copy(reading->arena, text.data, text.len);
        int64_t due_ms = strtoll(digits, &end, 10);
        if (end == digits || *end || due_ms < RFC3339_MIN_MS || due_ms > RFC3339_MAX_MS)
                faults_add(&reading->faults, "deliver_at: expected a date of the years 0 to 9999");
        else if (due_ms - reading->rules->now_ms > OUTBOX_AHEAD_MAX_MS)
                faults_add(&reading->faults, "deliver_at: expected at most 400 days ahead");
        else {
                rfc3339_format(due_ms, due);
                row_set_text(reading, "deliver-at", slice_of(due));
        }
}

struct message *outbox_row_message(struct arena *arena, const struct outbox_row *row,
                                   const struct outbox_rules *rules, char error[OUTBOX_ERROR_MAX])
{
        struct message *message = arena_alloc(arena, sizeof(*message));
        struct reading_row reading = {
                .arena = arena, .row = row, .rules = rules, .message = message, .faults = {.arena = arena}};
        *message = (struct message){.exchange = SLICE_LITERAL(EXCHANGE_IN),
                                    .properties = {.content_type = SLICE_LITERAL("application/json"),
                                                   .app_id = SLICE_LITERAL("leveret-relay"),
                                                   .has_delivery_mode = true,
                                                   .delivery_mode = DELIVERY_PERSISTENT_MODE,
                                                   .has_timestamp = row->created_ms >= 0,
                                                   .timestamp = (uint64_t)row->created_ms / 1000}};
        read_id(&reading);
        read_type(&reading);
        row_read_headers(&reading);
        row_read_subject(&reading);
        read_deliver_at(&reading);
        row_read_data(&reading);
        faults_join(&reading.faults, error, OUTBOX_ERROR_MAX);
        return reading.faults.count == 0 ? message : NULL;
}

enum outbox_fate outbox_fate_of(enum outbox_answer answer)
{
        switch (answer) {
        case OUTBOX_CONFIRMED:
                return OUTBOX_GONE;
        case OUTBOX_RETURNED:
        case OUTBOX_UNENCODABLE:
                return OUTBOX_ASIDE;
        case OUTBOX_REFUSED:
        case OUTBOX_UNANSWERED:
                return OUTBOX_STAYS;
        }
        abort();
}
