#include "core/message/advice.h"

#include "core/codec/json.h"
#include "core/plan/registry.h"

#include <strings.h>

/* How the clients spell it, and under which names it is put elsewhere by mistake. */
static const struct {
        const char *clients;
        const char *const *names;
} missings[] = {
        [ATTRIBUTE_ID] = {"pika message_id=, amqplib messageId:, Java messageId()",
                          (const char *const[]){"message_id", "messageId", "message-id", "id", NULL}},
        [ATTRIBUTE_TYPE] = {"pika type=, amqplib type:, Java type()",
                            (const char *const[]){"type", "message_type", "messageType", "__TypeId__", NULL}},
};

static const char *header_among(const struct message *message, const char *const *names)
{
        for (size_t i = 0; i < message->properties.header_count; i++)
                for (const char *const *name = names; *name; name++) {
                        struct slice found = message->properties.headers[i].name;
                        if (found.len == strlen(*name) && strncasecmp(found.data, *name, found.len) == 0)
                                return *name;
                }
        return NULL;
}

static const char *member_among(const struct message *message, const char *const *names)
{
        char cause[JSON_CAUSE_MAX];
        const char *found = NULL;
        if (message->body.len == 0 || message->body.len < message->body_size)
                return NULL;
        json_t *body = json_parse(message->body, cause);
        for (; body && *names && !found; names++)
                found = json_object_get(body, *names) ? *names : NULL;
        json_decref(body);
        return found;
}

const char *advice_on_missing(struct arena *arena, const struct message *message, enum attribute missing)
{
        const char *clients = missings[missing].clients, *const *names = missings[missing].names;
        const char *base = arena_printf(arena, ": it is a property of AMQP (%s)", clients);
        const char *header = header_among(message, names);
        if (header)
                return arena_printf(arena, "%s, but a header %s was found", base, header);
        if (missing == ATTRIBUTE_TYPE && handler_type_valid(message->routing_key))
                return arena_printf(arena, "%s, but the routing key %.*s was found", base,
                                    SLICE_PRINT(message->routing_key));
        const char *member = member_among(message, names);
        return member ? arena_printf(arena, "%s, but /%s of the body was found", base, member) : base;
}
