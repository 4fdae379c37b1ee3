#include "core/message/child.h"
#include "core/broker/topology.h"

enum { DELIVERY_PERSISTENT = 2 };

const char *child_id(struct arena *arena, const char *parent_id, const struct outgoing_batch *batch,
                     size_t index)
{
        const char *key = batch->list[index].key;
        if (batch->numbered)
                return arena_printf(arena, "%s/%s.%zu", parent_id, key, index);
        return arena_printf(arena, "%s/%s", parent_id, key);
}

struct message *child_make(struct arena *arena, const struct outgoing_batch *batch, size_t index,
                           const struct child_parent *parent)
{
        const struct outgoing *outgoing = &batch->list[index];
        struct message *message = arena_alloc(arena, sizeof(*message));
        message->exchange =
                slice_of(outgoing->exchange ? arena_strdup(arena, outgoing->exchange) : EXCHANGE_IN);
        message->routing_key = slice_of(arena_strdup(arena, outgoing->type));
        message->body = slice_of(arena_strdup(arena, outgoing->data));
        message->body_size = message->body.len;
        message->properties = (struct message_properties){
                .content_type = SLICE_LITERAL("application/json"),
                .message_id = slice_of(child_id(arena, parent->id, batch, index)),
                .type = message->routing_key,
                .app_id = SLICE_LITERAL("leveret"),
                .has_delivery_mode = true,
                .delivery_mode = DELIVERY_PERSISTENT,
                .has_timestamp = true,
                .timestamp = (uint64_t)parent->now_s,
        };
        if (parent->correlation_id)
                message->properties.correlation_id = slice_of(arena_strdup(arena, parent->correlation_id));
        message_set_text(arena, message, "subject", outgoing->subject ? outgoing->subject : parent->subject);
        message_set_text(arena, message, "deliver-at", outgoing->deliver_at);
        message_set_text(arena, message, "traceparent", parent->traceparent);
        message_set_text(arena, message, "tracestate", parent->tracestate);
        return message;
}
