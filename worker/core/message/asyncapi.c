#include "core/message/asyncapi.h"
#include "core/broker/topology.h"
#include "core/codec/json.h"
#include "core/plan/schema.h"

#include <stdlib.h>

/* docs/contract.md has the rules in full. */
#define DESCRIPTION                                                                                          \
        "Messages that leveret turns into mails. Publish to the exchange with the type as routing key, "     \
        "mandatory and persistent, and wait for the confirm; after an error publish again with the same "    \
        "message_id, which is the idempotency key."
#define ID_PATTERN "^[A-Za-z0-9._:/-]{1,200}$"
#define TRACEPARENT_PATTERN "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"

static json_t *packed(json_t *value)
{
        if (!value)
                abort(); /* a format that does not fit its arguments, or no memory */
        return value;
}

static json_t *reference(const char *place, const char *name)
{
        return packed(json_pack("{s: o}", "$ref", json_sprintf("#/%s/%s", place, name)));
}

static json_t *headers(void)
{
        json_t *subject = packed(json_pack("{s:s, s:s, s:[s]}", "type", "string", "description",
                                           "what the message is about, to find all its jobs by", "examples",
                                           "order/42"));
        json_t *trace = packed(json_pack("{s:s, s:s, s:s}", "type", "string", "description",
                                         "W3C Trace Context; goes on to the logs and the mail API", "pattern",
                                         TRACEPARENT_PATTERN));
        json_t *state = packed(json_pack("{s:s, s:s}", "type", "string", "description",
                                         "W3C Trace Context; goes on beside traceparent"));
        json_t *deadline =
                packed(json_pack("{s:s, s:s, s:s}", "type", "string", "format", "date-time", "description",
                                 "later than that the message is dead-lettered as expired"));
        return packed(json_pack("{s:s, s:{s:o, s:o, s:o, s:o}}", "type", "object", "properties", "subject",
                                subject, "traceparent", trace, "tracestate", state, "deadline", deadline));
}

/* The payload's schema keeps to what draft 07 knows, which is what AsyncAPI's own schemas are made of. */
static json_t *payload(const struct handler *handler)
{
        struct buffer text = {0};
        char error[JSON_CAUSE_MAX];
        schema_render(&text, handler, false);
        json_t *schema = packed(json_parse((struct slice){.data = text.data, .len = text.len}, error));
        buffer_fini(&text);
        json_object_del(schema, "$schema");
        return schema;
}

static json_t *message(const struct handler *handler)
{
        json_t *made = packed(
                json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:{s:{s:s, s:s}}}", "name", handler->type, "title",
                          handler->type, "summary", handler->summary, "contentType", "application/json",
                          "headers", reference("components/schemas", "headers"), "payload", payload(handler),
                          "bindings", "amqp", "messageType", handler->type, "bindingVersion", "0.3.0"));
        json_object_set_new(made, "x-message-id",
                            packed(json_pack("{s:s, s:s}", "description",
                                             "AMQP property message_id, required: the job's id and "
                                             "idempotency key",
                                             "pattern", ID_PATTERN)));
        char error[JSON_CAUSE_MAX];
        json_t *example = handler->example ? json_parse(slice_of(handler->example), error) : NULL;
        if (example)
                json_object_set_new(made, "examples",
                                    packed(json_pack("[{s:s, s:o}]", "name", "example", "payload", example)));
        return made;
}

static json_t *channel(const struct handler *const *table)
{
        json_t *messages = packed(json_object());
        for (size_t i = 0; table[i]; i++)
                json_object_set_new(messages, table[i]->type,
                                    reference("components/messages", table[i]->type));
        json_t *exchange = packed(json_pack("{s:s, s:s, s:b, s:b}", "name", EXCHANGE_IN, "type", "topic",
                                            "durable", 1, "autoDelete", 0));
        return packed(json_pack("{s:s, s:s, s:o, s:{s:{s:s, s:o, s:s}}}", "address", EXCHANGE_IN,
                                "description", "The exchange; the routing key is the type.", "messages",
                                messages, "bindings", "amqp", "is", "routingKey", "exchange", exchange,
                                "bindingVersion", "0.3.0"));
}

static json_t *components(const struct handler *const *table)
{
        json_t *messages = packed(json_object());
        for (size_t i = 0; table[i]; i++)
                json_object_set_new(messages, table[i]->type, message(table[i]));
        return packed(json_pack("{s:o, s:{s:o}}", "messages", messages, "schemas", "headers", headers()));
}

void asyncapi_render(struct buffer *out, const struct handler *const *table, const char *version)
{
        json_t *info = packed(json_pack("{s:s, s:s, s:s}", "title", "leveret", "version", version,
                                        "description", DESCRIPTION));
        json_t *work = packed(json_pack("{s:s, s:o, s:s, s:{s:{s:i, s:b, s:s}}}", "action", "receive",
                                        "channel", reference("channels", "in"), "summary",
                                        "Process the message once", "bindings", "amqp", "deliveryMode", 2,
                                        "mandatory", 1, "bindingVersion", "0.3.0"));
        json_t *document =
                packed(json_pack("{s:s, s:o, s:s, s:{s:o}, s:{s:o}, s:o}", "asyncapi", "3.0.0", "info", info,
                                 "defaultContentType", "application/json", "channels", "in", channel(table),
                                 "operations", "work", work, "components", components(table)));
        json_write(out, document, JSON_INDENT(2));
        buffer_add_char(out, '\n');
        json_decref(document);
}
