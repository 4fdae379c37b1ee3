#include "core/message/foreign_rules.h"

#include <stddef.h>

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct foreign_rules presets[] = {
        [FOREIGN_NONE] = {.id = LIST("message_id"), .type = LIST("type"), .data = LIST("")},
        /* Task messages, protocol 2 (the body is [args, kwargs, embed]) and 1 (an object):
         * https://docs.celeryq.dev/en/stable/internals/protocol.html */
        [FOREIGN_CELERY] = {.id = LIST("header:id", "/id", "correlation_id"),
                            .type = LIST("header:task", "/task"),
                            .data = LIST("/1", "/kwargs"),
                            .empty = LIST("/0", "/args"),
                            .empty_advice = "positional arguments have no names: call the task with keyword "
                                            "arguments, task.delay(order_id=42)",
                            .deadline = "header:expires",
                            .not_before = "header:eta",
                            .body_advice = "set task_serializer = 'json', without task_compression"},
        /* https://masstransit.io/documentation/concepts/messages, "message envelope" */
        [FOREIGN_MASSTRANSIT] = {.id = LIST("/messageId", "message_id"),
                                 .type = LIST("/messageType"),
                                 .data = LIST("/message"),
                                 .type_begins = "urn:message:",
                                 .deadline = "/expirationTime",
                                 .body_advice =
                                         "use the JSON serializer with the envelope, UseJsonSerializer",
                                 .data_advice =
                                         "the envelope of UseJsonSerializer is expected, not raw JSON"},
        /* https://docs.particular.net/nservicebus/messaging/headers */
        [FOREIGN_NSERVICEBUS] = {.id = LIST("header:NServiceBus.MessageId", "message_id"),
                                 .type = LIST("header:NServiceBus.EnclosedMessageTypes", "type"),
                                 .data = LIST(""),
                                 .type_ends = ",;",
                                 .body_advice =
                                         "use a JSON serializer, "
                                         "endpointConfiguration.UseSerialization<SystemJsonSerializer>()"},
        /* Spring AMQP's Jackson2JsonMessageConverter; it makes no id unless createMessageIds is set. */
        [FOREIGN_SPRING] = {.id = LIST("message_id", "content"),
                            .type = LIST("header:__TypeId__", "type", "routing_key"),
                            .data = LIST(""),
                            .body_advice = "use the Jackson2JsonMessageConverter"},
        /* The payload of Illuminate\Queue\Queue::createPayload. */
        [FOREIGN_LARAVEL] = {.id = LIST("/uuid", "/id"),
                             .type = LIST("/data/commandName", "/displayName", "/job"),
                             .data = LIST("/data"),
                             .empty = LIST("/data/command"),
                             .empty_advice = "a job class is a serialized PHP object: push the name and an "
                                             "array, Queue::push('order.created.v1', ['order_id' => 42])",
                             .type_ends = "@"},
        /* Messenger with the serializer of Symfony; that of PHP, the default, writes PHP objects. */
        [FOREIGN_SYMFONY] = {.id = LIST("message_id", "content"),
                             .type = LIST("header:type", "type"),
                             .data = LIST(""),
                             .body_advice = "set serializer: messenger.transport.symfony_serializer of the "
                                            "transport"},
        /* ClientRMQ: {pattern, data}, and id of what wants an answer. */
        [FOREIGN_NESTJS] = {.id = LIST("message_id", "/id", "content"),
                            .type = LIST("/pattern"),
                            .data = LIST("/data"),
                            .data_advice = "emit(pattern, data) with an object as data"},
        /* A CloudEvent whatever the content type says; its type is that of all of Dapr's unless it is set. */
        [FOREIGN_DAPR] = {.id = LIST("/id"),
                          .type = LIST("/type", "/topic"),
                          .data = LIST("/data"),
                          .type_ignored = "com.dapr.event.sent",
                          .deadline = "/expiration",
                          .body_advice = "publish without rawPayload",
                          .id_advice = "publish without rawPayload",
                          .data_advice = "publish JSON, without rawPayload"},
        /* The property type is "Namespace.Class, Assembly", before version 3 with a colon. */
        [FOREIGN_EASYNETQ] = {.id = LIST("message_id", "correlation_id"),
                              .type = LIST("type"),
                              .data = LIST(""),
                              .type_ends = ",:",
                              .body_advice = "use a JSON serializer"},
};

const struct foreign_rules *foreign_rules_of(enum foreign_preset preset)
{
        return &presets[preset];
}
