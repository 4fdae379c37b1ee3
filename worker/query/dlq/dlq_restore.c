#include "core/broker/topology.h"
#include "core/codec/base64.h"
#include "core/codec/json.h"
#include "core/message/own_headers.h"
#include "query/dlq/dlq.h"

#include <string.h>

/* Brings back what drop has saved: each line becomes a dead letter again, with its dead id. */

static struct slice member(struct arena *arena, const json_t *object, const char *name)
{
        return arena_slice(arena, json_text(json_object_get(object, name)));
}

static void backup_read_properties(struct arena *arena, const json_t *json,
                                   struct message_properties *properties)
{
        const struct {
                const char *name;
                struct slice *to;
        } texts[] = {
                {"message_id", &properties->message_id},
                {"type", &properties->type},
                {"content_type", &properties->content_type},
                {"content_encoding", &properties->content_encoding},
                {"correlation_id", &properties->correlation_id},
                {"reply_to", &properties->reply_to},
                {"app_id", &properties->app_id},
        };
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                *texts[i].to = member(arena, json, texts[i].name);
        const json_t *priority = json_object_get(json, "priority"),
                     *time = json_object_get(json, "timestamp");
        properties->has_delivery_mode = true;
        properties->delivery_mode = 2;
        properties->has_priority = json_is_integer(priority);
        properties->priority = (uint8_t)json_integer_value(priority);
        properties->has_timestamp = json_is_integer(time);
        properties->timestamp = (uint64_t)json_integer_value(time);
}

static bool restore_read_headers(struct arena *arena, json_t *json, struct message_properties *properties)
{
        size_t count = json_object_size(json);
        const char *name;
        json_t *value;
        if (count > HEADER_COUNT_MAX)
                return false;
        properties->headers = arena_alloc(arena, (count ? count : 1) * sizeof(*properties->headers));
        json_object_foreach(json, name, value) if (header_read(arena, name, value,
                                                               &properties->headers[properties->header_count],
                                                               0)) properties->header_count++;
        else return false;
        return true;
}

static bool dlq_restore_read_body(struct arena *arena, const json_t *json, struct message *message)
{
        const json_t *packed = json_object_get(json, "body_base64");
        if (!packed)
                message->body = member(arena, json, "body");
        else if (!base64_unpack(arena, json_text(packed), &message->body))
                return false;
        message->body_size = message->body.len;
        return message->body.data != NULL;
}

/* The dead letter that the line holds, addressed to the dead-letter queue of `queue`. NULL: it is none. */
static struct message *message_of(struct arena *arena, json_t *json, const char *queue)
{
        struct message *message = arena_alloc(arena, sizeof(*message));
        *message = (struct message){.exchange = SLICE_LITERAL(EXCHANGE_DLX), .routing_key = slice_of(queue)};
        backup_read_properties(arena, json_object_get(json, "properties"), &message->properties);
        bool good = restore_read_headers(arena, json_object_get(json, "headers"), &message->properties) &&
                    dlq_restore_read_body(arena, json, message);
        return good ? message : NULL;
}

/* The queue that the line names; lines of 0.1.0 name it in leveret's header alone. */
static const char *queue_of(const struct dlq *dlq, struct arena *arena, const json_t *json)
{
        struct slice name = json_text(json_object_get(json, "queue"));
        if (!name.data)
                name = json_text(json_object_get(json_object_get(json, "headers"), OWN_HEADER_QUEUE));
        const char *text = name.data ? arena_copy(arena, name.data, name.len) : "";
        return dlq_work_queue(&dlq->query, text);
}

static bool restore_message(struct dlq *dlq, struct arena *arena, struct message *message, const char *queue)
{
        char error[160];
        struct arena *handed = arena_new();
        dlq_publish(dlq, handed, message_copy(handed, message), error);
        if (error[0]) {
                dlq_fail(dlq, DLQ_ERROR, "%s", error);
                return false;
        }
        /* As the broker would have delivered it: only then are leveret's own headers believed. */
        struct letter letter;
        dlq->queue = queue;
        dlq->source = topology_dlq_name(dlq->query.arena, queue);
        letter_read(arena, dlq, message, &letter);
        dlq_index_add(dlq, arena, &letter, message, letter.failed_ms);
        if (letter.id)
                dlq_note(dlq, letter.id,
                         arena_printf(arena, "\"event\":\"restored\",\"dead_id\":\"%s\"", letter.dead_id));
        return redis_sync_flush(dlq->query.redis);
}

const char *dlq_restore_line(struct dlq *dlq, struct slice line, const char *queue)
{
        struct arena arena;
        char cause[JSON_CAUSE_MAX];
        json_t *json = json_parse(line, cause);
        if (!json)
                return arena_printf(dlq->query.arena, "no JSON: %s", cause);
        arena_init(&arena);
        const char *problem = NULL;
        queue = queue ? queue : queue_of(dlq, &arena, json);
        struct message *message = queue ? message_of(&arena, json, queue) : NULL;
        if (!queue)
                problem = "it names no queue that is configured; --to QUEUE names one";
        else if (!message)
                problem = "it is no line of dlq drop or dlq export";
        else if (!restore_message(dlq, &arena, message, queue))
                problem = "";
        arena_fini(&arena);
        json_decref(json);
        return problem;
}
