#include "core/broker/topology.h"
#include "core/codec/base64.h"
#include "core/message/own_headers.h"
#include "core/text/utf8.h"
#include "core/text/word.h"
#include "query/dlq/dlq.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what the broker says of a message that it moved itself (https://www.rabbitmq.com/docs/dlx#effects)
 * ---- */

static const struct header *entry_of(const struct header *table, const char *name)
{
        for (size_t i = 0; table->tag == HEADER_TABLE && i < table->nested.count; i++)
                if (slice_is(table->nested.items[i].name, name))
                        return &table->nested.items[i];
        return NULL;
}

/* The death in the work queue itself; a retry that expired in its tier was none. */
static const struct header *death_in(const struct message *message, const char *queue)
{
        const struct header *deaths = message_header(message, "x-death");
        if (!deaths || deaths->tag != HEADER_ARRAY || deaths->nested.count == 0)
                return NULL;
        for (size_t i = 0; i < deaths->nested.count; i++)
                if (slice_is(header_text(entry_of(&deaths->nested.items[i], "queue")), queue))
                        return &deaths->nested.items[i];
        return &deaths->nested.items[0];
}

/* `death` may be NULL: headers that cannot be taken apart, or a message that nobody has moved. */
static const char *reason_of(const struct dlq *dlq, const struct message *message, const struct header *death)
{
        struct slice word = death ? header_text(entry_of(death, "reason")) : (struct slice){0};
        if (!death && strcmp(dlq->source, QUEUE_UNROUTED) == 0)
                return "unrouted";
        if (!word.data)
                word = message_header_text(message, "x-first-death-reason");
        if (slice_is(word, "delivery_limit"))
                return reason_word(REASON_DELIVERY_LIMIT);
        if (slice_is(word, "expired"))
                return reason_word(REASON_BROKER_EXPIRED);
        if (slice_is(word, "maxlen"))
                return reason_word(REASON_MAX_LENGTH);
        return reason_word(message->body_size > message->body.len ? REASON_TOO_LARGE : REASON_REJECTED);
}

static int64_t time_of_death(const struct header *death)
{
        const struct header *time = entry_of(death, "time");
        return time && time->tag == HEADER_TIMESTAMP && time->unsigned_ < INT64_MAX / 1000
                       ? (int64_t)time->unsigned_ * 1000
                       : -1;
}

/* A rejected original has its entry under the reason that the worker saw: it is one of the list. One that was
 * never routed has none. */
static void name_letter(const struct dlq *dlq, const struct envelope *envelope, const struct own_headers *own,
                        struct letter *letter)
{
        struct job_death death = {.queue = dlq->queue,
                                  .id = envelope->id,
                                  .fingerprint = envelope->fingerprint,
                                  .redrives = own->generation.redrives};
        for (int reason = REASON_NONE; envelope->id && reason < REASON_COUNT; reason++) {
                death.reason = (enum reason)reason;
                dead_id_of_job(letter->dead_id, &death);
                letter->entry = dlq_index_find(dlq, letter->dead_id);
                if (letter->entry)
                        return;
        }
        if (envelope->id) {
                death.reason = reason_parse(letter->reason);
                dead_id_of_job(letter->dead_id, &death);
                return;
        }
        char token[SHA256_HEX_SIZE + 64];
        snprintf(token, sizeof(token), "%s %" PRId64, envelope->fingerprint, letter->failed_ms);
        dead_id_of_delivery(letter->dead_id, token);
        letter->entry = dlq_index_find(dlq, letter->dead_id);
}

static void read_unindexed(struct arena *arena, const struct dlq *dlq, const struct message *message,
                           const struct own_headers *own, struct letter *letter)
{
        struct envelope envelope;
        envelope_read(arena, message, dlq_config_queue(dlq), dlq->query.config->max_body, &envelope);
        const struct header *death = death_in(message, dlq->queue);
        letter->broker_made = death != NULL;
        letter->id = envelope.id;
        letter->type = envelope.type;
        letter->error = "";
        letter->failed_ms = death ? time_of_death(death) : -1;
        letter->reason = reason_of(dlq, message, death);
        name_letter(dlq, &envelope, own, letter);
}

static const char *letter_copy(struct arena *arena, struct slice text)
{
        return text.data ? arena_copy(arena, text.data, text.len) : NULL;
}

void letter_read(struct arena *arena, const struct dlq *dlq, const struct message *message,
                 struct letter *letter)
{
        struct own_headers own;
        *letter = (struct letter){0};
        own_headers_read_dead(message, &own);
        letter->queue = dlq->queue;
        letter->first_seen_ms = own.first_seen_ms;
        letter->redrives = own.generation.redrives;
        bool moved_by_broker = message_header(message, "x-death") != NULL;
        if (!moved_by_broker && own.believed && own.dead_id.len == DEAD_ID_SIZE - 1 && own.reason.data) {
                snprintf(letter->dead_id, sizeof(letter->dead_id), "%.*s", SLICE_PRINT(own.dead_id));
                letter->entry = dlq_index_find(dlq, letter->dead_id);
                letter->failed_ms = own.failed_at_ms;
                letter->reason = letter_copy(arena, own.reason);
                letter->error = own.error.data ? letter_copy(arena, own.error) : "";
                struct slice id = own.id.data ? own.id : message->properties.message_id;
                letter->id = envelope_id_valid(id) ? letter_copy(arena, id) : NULL;
                letter->type = letter_copy(arena, message->properties.type);
        } else {
                read_unindexed(arena, dlq, message, &own, letter);
        }
        if (letter->entry) {
                letter->id = letter->entry->id[0] ? letter->entry->id : NULL;
                letter->type = letter->entry->type.len > 0 ? letter_copy(arena, letter->entry->type) : NULL;
                letter->reason = letter_copy(arena, letter->entry->reason);
                letter->error = letter->entry->error.len > 0 ? letter_copy(arena, letter->entry->error) : "";
        }
}

/* ---- as JSON ---- */

static void add_bytes(struct buffer *out, struct slice bytes)
{
        struct buffer text = {0};
        base64_add(&text, bytes.data ? bytes.data : "", bytes.len);
        buffer_add_json_string(out, (struct slice){.data = text.data, .len = text.len});
        buffer_fini(&text);
}

static void nested_json(struct buffer *out, const struct header *header)
{
        bool table = header->tag == HEADER_TABLE;
        buffer_add_char(out, table ? '{' : '[');
        for (size_t i = 0; i < header->nested.count; i++) {
                buffer_add_text(out, i ? "," : "");
                if (table) {
                        buffer_add_json_string(out, header->nested.items[i].name);
                        buffer_add_char(out, ':');
                }
                header_json(out, &header->nested.items[i]);
        }
        buffer_add_char(out, table ? '}' : ']');
}

void header_json(struct buffer *out, const struct header *header)
{
        switch (header->tag) {
        case HEADER_BOOLEAN:
                buffer_add_text(out, bool_word(header->boolean));
                return;
        case HEADER_I8:
        case HEADER_I16:
        case HEADER_I32:
        case HEADER_I64:
                buffer_printf(out, "%" PRId64, header->integer);
                return;
        case HEADER_U8:
        case HEADER_U16:
        case HEADER_U32:
        case HEADER_U64:
        case HEADER_TIMESTAMP:
                buffer_printf(out, "%" PRIu64, header->unsigned_);
                return;
        case HEADER_DECIMAL:
                buffer_printf(out, "\"%" PRIu64 "e-%u\"", header->unsigned_, header->decimals);
                return;
        case HEADER_F32:
        case HEADER_F64:
                if (isfinite(header->real))
                        buffer_printf(out, "%.17g", header->real);
                else
                        buffer_add_text(out, "null");
                return;
        case HEADER_STRING:
                buffer_add_json_string(out, header->text);
                return;
        case HEADER_BYTES:
                add_bytes(out, header->text);
                return;
        case HEADER_ARRAY:
        case HEADER_TABLE:
                nested_json(out, header);
                return;
        case HEADER_VOID:
                buffer_add_text(out, "null");
                return;
        }
        buffer_add_text(out, "null");
}

static bool read_nested(struct arena *arena, json_t *value, struct header *header, int depth)
{
        bool table = json_is_object(value);
        size_t count = table ? json_object_size(value) : json_array_size(value), index;
        const char *name;
        json_t *item;
        bool good = depth < HEADER_DEPTH_MAX;
        header->tag = table ? HEADER_TABLE : HEADER_ARRAY;
        header->nested.items = arena_alloc(arena, (count ? count : 1) * sizeof(*header->nested.items));
        struct header *to = header->nested.items;
        header->nested.count = count;
        if (table) {
                json_object_foreach(value, name, item) good =
                        good && header_read(arena, name, item, to++, depth + 1);
        } else {
                json_array_foreach(value, index, item) good =
                        good && header_read(arena, NULL, item, to++, depth + 1);
        }
        return good;
}

static bool letter_read_number(const json_t *value, bool timestamp, struct header *header)
{
        if (json_is_integer(value) && timestamp) {
                header->tag = HEADER_TIMESTAMP;
                header->unsigned_ = (uint64_t)json_integer_value(value);
        } else if (json_is_integer(value)) {
                header->tag = HEADER_I64;
                header->integer = json_integer_value(value);
        } else {
                header->tag = HEADER_F64;
                return json_real_number(value, &header->real);
        }
        return true;
}

bool header_read(struct arena *arena, const char *name, json_t *value, struct header *header, int depth)
{
        struct slice text = json_text(value);
        *header = (struct header){.name = arena_slice(arena, slice_of(name))};
        if (json_is_object(value) || json_is_array(value))
                return read_nested(arena, value, header, depth);
        if (json_is_number(value) || json_wide(value).len)
                return letter_read_number(value, name && strcmp(name, "deadline") == 0, header);
        if (json_is_boolean(value)) {
                header->tag = HEADER_BOOLEAN;
                header->boolean = json_is_true(value);
                return true;
        }
        header->tag = text.data ? HEADER_STRING : HEADER_VOID;
        header->text = arena_slice(arena, text);
        return text.data || json_is_null(value);
}

static void dlq_letter_add_text(struct buffer *out, const char *name, struct slice text)
{
        if (!text.data)
                return;
        buffer_printf(out, ",\"%s\":", name);
        buffer_add_json_string(out, text);
}

static void properties_json(struct buffer *out, const struct message_properties *properties)
{
        buffer_printf(out, ",\"properties\":{\"delivery_mode\":%u", properties->delivery_mode);
        dlq_letter_add_text(out, "message_id", properties->message_id);
        dlq_letter_add_text(out, "type", properties->type);
        dlq_letter_add_text(out, "content_type", properties->content_type);
        dlq_letter_add_text(out, "content_encoding", properties->content_encoding);
        dlq_letter_add_text(out, "correlation_id", properties->correlation_id);
        dlq_letter_add_text(out, "reply_to", properties->reply_to);
        dlq_letter_add_text(out, "app_id", properties->app_id);
        dlq_letter_add_text(out, "user_id", properties->user_id);
        dlq_letter_add_text(out, "expiration", properties->expiration);
        if (properties->has_priority)
                buffer_printf(out, ",\"priority\":%u", properties->priority);
        if (properties->has_timestamp)
                buffer_printf(out, ",\"timestamp\":%" PRIu64, properties->timestamp);
        buffer_add_text(out, "},\"headers\":");
        struct header table = {.tag = HEADER_TABLE};
        table.nested.items = properties->headers;
        table.nested.count = properties->header_count;
        nested_json(out, &table);
}

void letter_json(struct buffer *out, const struct letter *letter, const struct message *message)
{
        buffer_printf(out, "{\"dead_id\":\"%s\",\"redrives\":%" PRIu32, letter->dead_id, letter->redrives);
        dlq_letter_add_text(out, "queue", slice_of(letter->queue));
        dlq_letter_add_text(out, "id", slice_of(letter->id));
        dlq_letter_add_text(out, "type", slice_of(letter->type));
        dlq_letter_add_text(out, "reason", slice_of(letter->reason));
        dlq_letter_add_text(out, "error", slice_of(letter->error));
        dlq_letter_add_text(out, "exchange", message->exchange);
        dlq_letter_add_text(out, "routing_key", message->routing_key);
        properties_json(out, &message->properties);
        if (utf8_valid(message->body.data ? message->body.data : "", message->body.len)) {
                dlq_letter_add_text(out, "body", message->body.data ? message->body : SLICE_LITERAL(""));
        } else {
                buffer_add_text(out, ",\"body_base64\":");
                add_bytes(out, message->body);
        }
        buffer_printf(out, ",\"body_size\":%" PRIu64 "}", message->body_size);
}
