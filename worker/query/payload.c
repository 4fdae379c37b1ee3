#include "query/payload.h"
#include "core/codec/gzip.h"
#include "core/message/envelope.h"
#include "core/record/keys.h"

#include <stdlib.h>

struct payload payload_kept(const struct query *query, const char *id)
{
        struct payload payload = {.found = PAYLOAD_ABSENT};
        const struct redis_value *packed =
                redis_sync_call(query->redis, query->arena, "GET", query_key(query, KEY_PAYLOAD, id), NULL);
        if (packed->kind == REDIS_FAILED)
                payload.found = PAYLOAD_FAILED;
        else if (packed->kind == REDIS_TEXT &&
                 gzip_unpack(query->arena, packed->text, (size_t)query->config->max_body, &payload.data) ==
                         GZIP_OK)
                payload.found = PAYLOAD_FOUND;
        return payload;
}

bool payload_is_kept(const struct query *query, const char *id)
{
        const struct redis_value *there = redis_sync_call(query->redis, query->arena, "EXISTS",
                                                          query_key(query, KEY_PAYLOAD, id), NULL);
        return there->kind == REDIS_INTEGER && there->integer == 1;
}

static const struct config_queue *queue_named(const struct config *config, struct slice name)
{
        for (size_t i = 0; i < config->queue_count; i++)
                if (slice_is(name, config->queues[i].name))
                        return &config->queues[i];
        return NULL;
}

/* What a worker would read of the letter's head as of a message. */
static struct payload payload_of_head(const struct query *query, const struct redis_value *letter)
{
        struct slice head = redis_value_field(letter, "head");
        struct message message = {
                .properties = {.content_type = redis_value_field(letter, "content_type"),
                               .content_encoding = redis_value_field(letter, "content_encoding"),
                               .message_id = redis_value_field(letter, "id"),
                               .type = redis_value_field(letter, "type")},
                .body = head,
                .body_size = head.len};
        struct envelope envelope;
        if (strtoull(query_text(query, redis_value_field(letter, "size")), NULL, 10) > head.len)
                return (struct payload){.found = PAYLOAD_CUT};
        envelope_read(query->arena, &message, queue_named(query->config, redis_value_field(letter, "queue")),
                      query->config->max_body, &envelope);
        if (!envelope.payload.data)
                return (struct payload){.found = PAYLOAD_BAD, .error = envelope.error};
        return (struct payload){.found = PAYLOAD_FOUND, .data = envelope.payload};
}

struct payload payload_of_letter(const struct query *query, const struct redis_value *letter)
{
        struct slice id = redis_value_field(letter, "id");
        struct payload payload = {.found = PAYLOAD_ABSENT};
        /* Other content under a known id is no payload of that job. */
        if (id.len > 0 && !slice_is(redis_value_field(letter, "reason"), "id_conflict"))
                payload = payload_kept(query, query_text(query, id));
        return payload.found == PAYLOAD_ABSENT ? payload_of_head(query, letter) : payload;
}
