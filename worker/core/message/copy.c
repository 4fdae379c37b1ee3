#include "core/message/copy.h"

#include "core/broker/ladder.h"
#include "core/broker/topology.h"
#include "core/codec/rfc3339.h"
#include "core/message/cloudevents.h"
#include "core/message/content_type.h"
#include "core/message/envelope.h"
#include "core/message/own_headers.h"
#include "core/text/plain_text.h"

#include <stdio.h>
#include <stdlib.h>

enum { OWN_HEADERS_MAX = 13, PERSISTENT = 2 };

/* A header that would do harm on a copy. */
static bool is_stripped(struct slice name)
{
        return slice_begins(name, OWN_HEADER_PREFIX) || slice_is(name, "x-death") ||
               slice_begins(name, "x-first-death-") || slice_begins(name, "x-last-death-") ||
               slice_is(name, "x-delivery-count") || slice_is(name, "x-acquired-count") ||
               slice_is(name, "CC") || slice_is(name, "BCC");
}

static size_t count_headers(const struct header *headers, size_t count)
{
        size_t sum = count;
        for (size_t i = 0; i < count; i++)
                if (headers[i].tag == HEADER_TABLE || headers[i].tag == HEADER_ARRAY)
                        sum += count_headers(headers[i].nested.items, headers[i].nested.count);
        return sum;
}

bool copy_possible(const struct message *message)
{
        const struct message_properties *properties = &message->properties;
        size_t count = 0;
        for (size_t i = 0; i < properties->header_count; i++)
                if (!is_stripped(properties->headers[i].name))
                        count += count_headers(&properties->headers[i], 1);
        return !properties->headers_unusable && message->body.len >= message->body_size &&
               count + OWN_HEADERS_MAX <= HEADER_COUNT_MAX;
}

bool copy_same_generation(const struct message *copy, const struct message *other)
{
        static const char *const names[] = {OWN_HEADER_ATTEMPT, OWN_HEADER_DEFERRALS, OWN_HEADER_REDRIVES};
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (message_header_integer(copy, names[i], -1) != message_header_integer(other, names[i], -1))
                        return false;
        return true;
}

/* A deep copy without what does harm, with room for our own headers. */
static struct message *clean_copy(struct arena *arena, const struct message *original)
{
        struct message *copy = message_copy(arena, original);
        struct message_properties *properties = &copy->properties;
        struct header *headers =
                arena_alloc(arena, (properties->header_count + OWN_HEADERS_MAX) * sizeof(*headers));
        size_t count = 0;
        for (size_t i = 0; i < properties->header_count; i++)
                if (!is_stripped(properties->headers[i].name))
                        headers[count++] = properties->headers[i];
        properties->headers = headers;
        properties->header_count = count;
        properties->expiration = (struct slice){0};
        properties->user_id = (struct slice){0};
        properties->has_delivery_mode = true;
        properties->delivery_mode = PERSISTENT;
        copy->body_size = copy->body.len;
        copy->redelivered = false;
        return copy;
}

static void add_header(struct message *copy, struct header header)
{
        copy->properties.headers[copy->properties.header_count++] = header;
}

/* Absent text adds no header. */
static void copy_add_text(struct message *copy, const char *name, struct slice text)
{
        if (text.data)
                add_header(copy, (struct header){.name = slice_of(name), .tag = HEADER_STRING, .text = text});
}

static void copy_add_count(struct message *copy, const char *name, uint32_t count)
{
        add_header(copy, (struct header){.name = slice_of(name), .tag = HEADER_I64, .integer = count});
}

static void add_time(struct arena *arena, struct message *copy, const char *name, int64_t time_ms)
{
        char text[RFC3339_SIZE];
        if (time_ms < 0)
                return;
        rfc3339_format(time_ms, text);
        copy_add_text(copy, name, slice_of(arena_strdup(arena, text)));
}

/* The headers of every copy. `own` is what the original said. */
static void add_common(struct arena *arena, struct message *copy, const struct own_headers *own,
                       const struct copy_facts *facts)
{
        copy_add_count(copy, OWN_HEADER_ATTEMPT, facts->generation.attempt);
        copy_add_count(copy, OWN_HEADER_DEFERRALS, facts->generation.deferrals);
        copy_add_count(copy, OWN_HEADER_REDRIVES, facts->generation.redrives);
        copy_add_text(copy, OWN_HEADER_QUEUE, slice_of(arena_strdup(arena, facts->queue)));
        copy_add_text(copy, OWN_HEADER_EXCHANGE, arena_slice(arena, own->exchange));
        copy_add_text(copy, OWN_HEADER_ROUTING_KEY, arena_slice(arena, own->routing_key));
        add_time(arena, copy, OWN_HEADER_FIRST_SEEN,
                 own->first_seen_ms >= 0 ? own->first_seen_ms : facts->first_seen_ms);
}

static void copy_address(struct arena *arena, struct message *copy, const char *exchange, const char *key)
{
        copy->exchange = slice_of(exchange);
        copy->routing_key = slice_of(arena_strdup(arena, key));
}

/* A copy with all headers but those of a dead letter. */
static struct message *copy_of_job(struct arena *arena, const struct message *original,
                                   const struct copy_facts *facts)
{
        struct own_headers own;
        if (!copy_possible(original))
                return NULL;
        own_headers_read(original, &own);
        if (!own.exchange.data) {
                own.exchange = original->exchange;
                own.routing_key = original->routing_key;
        }
        struct message *copy = clean_copy(arena, original);
        add_common(arena, copy, &own, facts);
        copy_add_text(copy, OWN_HEADER_WORKER, slice_of(arena_strdup(arena, facts->worker)));
        if (facts->id)
                copy_add_text(copy, OWN_HEADER_ID, slice_of(arena_strdup(arena, facts->id)));
        add_time(arena, copy, OWN_HEADER_FAILED_AT, facts->failed_at_ms);
        if (facts->error)
                copy_add_text(copy, OWN_HEADER_ERROR,
                              slice_of(plain_text(arena, slice_of(facts->error), ERROR_TEXT_MAX)));
        return copy;
}

/* A copy that is the job when it comes back. */
static struct message *copy_waiting(struct arena *arena, const struct message *original,
                                    const struct copy_facts *facts)
{
        struct own_headers own;
        struct message *copy = copy_of_job(arena, original, facts);
        if (!copy)
                return NULL;
        own_headers_read(original, &own);
        copy_add_text(copy, OWN_HEADER_DEAD_ID,
                      arena_slice(arena, own.dead_id)); /* of the redrive that began it */
        return copy;
}

struct message *copy_retry(struct arena *arena, const struct message *original,
                           const struct copy_facts *facts, const struct config_queue *queue, size_t tier)
{
        struct message *copy = copy_waiting(arena, original, facts);
        if (copy)
                copy_address(arena, copy, EXCHANGE_RETRY,
                             arena_printf(arena, "%s.%s", queue->name, queue->tiers[tier]));
        return copy;
}

struct message *copy_later(struct arena *arena, const struct message *original,
                           const struct copy_facts *facts, int64_t until_ms)
{
        struct message *copy = copy_waiting(arena, original, facts);
        if (!copy)
                return NULL;
        copy_address(arena, copy, LADDER_FOOT, facts->queue);
        copy->wait_until_ms = until_ms;
        return copy;
}

struct message *copy_dead(struct arena *arena, const struct message *original, const struct copy_facts *facts)
{
        struct message *copy = copy_of_job(arena, original, facts);
        if (!copy)
                return NULL;
        copy_add_text(copy, OWN_HEADER_REASON, slice_of(reason_word(facts->reason)));
        copy_add_text(copy, OWN_HEADER_DEAD_ID, slice_of(arena_strdup(arena, facts->dead_id)));
        copy_address(arena, copy, EXCHANGE_DLX, facts->queue);
        return copy;
}

static void drop_header(struct message *copy, const char *name)
{
        struct message_properties *properties = &copy->properties;
        size_t count = 0;
        for (size_t i = 0; i < properties->header_count; i++)
                if (!slice_is(properties->headers[i].name, name))
                        properties->headers[count++] = properties->headers[i];
        properties->header_count = count;
}

/* Whoever redrives what is late, or has a deadline that cannot be read, wants it sent all the same. */
static bool deadline_is_ahead(const struct message *message, int64_t now_ms)
{
        int64_t deadline_ms = 0;
        const struct header *header = message_header(message, "deadline");
        if (header && header->tag == HEADER_TIMESTAMP)
                return header->unsigned_ > (uint64_t)now_ms / 1000;
        return header && rfc3339_parse(message_header_text(message, "deadline"), &deadline_ms) &&
               deadline_ms > now_ms;
}

struct message *copy_redrive(struct arena *arena, const struct message *dead, const char *queue,
                             int64_t now_ms)
{
        struct own_headers own;
        if (!copy_possible(dead))
                return NULL;
        own_headers_read_dead(dead, &own);
        struct message *copy = clean_copy(arena, dead);
        if (!deadline_is_ahead(dead, now_ms))
                drop_header(copy, "deadline");
        bool dated = dead->properties.has_timestamp && dead->properties.timestamp <= RFC3339_MAX_MS / 1000 &&
                     envelope_time_plausible((int64_t)dead->properties.timestamp * 1000, now_ms);
        add_common(arena, copy, &own,
                   &(struct copy_facts){.queue = queue,
                                        .generation = {.redrives = own.generation.redrives + 1},
                                        .first_seen_ms =
                                                dated ? (int64_t)dead->properties.timestamp * 1000 : now_ms});
        copy_add_text(copy, OWN_HEADER_DEAD_ID, arena_slice(arena, own.dead_id));
        copy_add_text(copy, OWN_HEADER_ID, arena_slice(arena, own.id));
        copy_address(arena, copy, EXCHANGE_RETURN, queue);
        return copy;
}

const char *copy_edited_id(struct arena *arena, const char *id)
{
        size_t len = strlen(id), digits = len;
        unsigned long edits = 0;
        while (digits > 0 && len - digits < 6 && id[digits - 1] >= '0' && id[digits - 1] <= '9')
                digits--;
        if (digits < len && digits > 2 && id[digits - 1] == 'e' && id[digits - 2] == ':') {
                edits = strtoul(id + digits, NULL, 10);
                len = digits - 2;
        }
        const char *next = arena_printf(arena, "%.*s:e%lu", (int)len, id, edits + 1);
        return strlen(next) <= ENVELOPE_ID_MAX ? next : NULL;
}

struct message *copy_redrive_edited(struct arena *arena, const struct message *dead, const char *queue,
                                    int64_t now_ms, const struct copy_edit *edit)
{
        struct message *copy = copy_redrive(arena, dead, queue, now_ms);
        struct slice body = edit->body;
        if (!copy)
                return NULL;
        if (content_type_parse(dead->properties.content_type) == CONTENT_CLOUDEVENT)
                body = cloudevents_set_body_id(arena, body, edit->id);
        else
                cloudevents_set_header_id(copy, edit->id);
        copy->properties.message_id = slice_of(edit->id);
        if (message_header(copy, OWN_HEADER_ID))
                message_set_header(arena, copy,
                                   (struct header){.name = SLICE_LITERAL(OWN_HEADER_ID),
                                                   .tag = HEADER_STRING,
                                                   .text = slice_of(edit->id)});
        if (edit->type)
                copy->properties.type = slice_of(edit->type);
        for (size_t i = 0; i < edit->dropped_count; i++)
                drop_header(copy, edit->dropped[i]);
        for (size_t i = 0; i < edit->set_count; i++)
                message_set_header(arena, copy, edit->set[i]);
        copy->properties.content_encoding = (struct slice){0};
        copy->body = arena_slice(arena, body);
        copy->body_size = body.len;
        return body.data ? copy : NULL;
}
