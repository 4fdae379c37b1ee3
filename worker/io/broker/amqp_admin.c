#include "io/broker/amqp_admin.h"
#include "io/amqp/amqp_wire.h"

enum { ADMIN_CHANNEL = 1 };

static bool admin_channel_open(struct broker *broker, struct amqp_error *error)
{
        amqp_channel_open(broker->state, ADMIN_CHANNEL);
        return amqp_error_reply(error, broker->place, "open a channel", amqp_get_rpc_reply(broker->state));
}

/* A passive declare of a missing queue closes the channel: it is opened again. */
static bool admin_depth_ask(struct broker *broker, struct queue_depth *queue, struct amqp_error *error)
{
        const amqp_queue_declare_ok_t *ok = amqp_queue_declare(
                broker->state, ADMIN_CHANNEL, bytes_of(queue->name), /* passive = */ 1,
                /* durable = */ 1, /* exclusive = */ 0, /* auto_delete = */ 0, amqp_empty_table);
        *queue = (struct queue_depth){.name = queue->name, .exists = ok};
        if (ok) {
                queue->messages = ok->message_count;
                queue->consumers = ok->consumer_count;
                amqp_maybe_release_buffers(broker->state);
                return true;
        }
        amqp_error_reply(error, broker->place, queue->name, amqp_get_rpc_reply(broker->state));
        if (error->code != AMQP_NOT_FOUND)
                return false;
        *error = (struct amqp_error){0};
        amqp_channel_close_ok_t closed = {0};
        amqp_send_method(broker->state, ADMIN_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed);
        return admin_channel_open(broker, error);
}

bool amqp_queue_depths(const struct config *config, struct queue_depth *queues, size_t count,
                       struct amqp_error *error)
{
        return amqp_queue_depths_within(config, queues, count, 0, error);
}

bool amqp_queue_depths_within(const struct config *config, struct queue_depth *queues, size_t count,
                              int64_t bound_ms, struct amqp_error *error)
{
        struct arena arena;
        struct amqp_settings settings;
        struct broker *broker = NULL;
        arena_init(&arena);
        bool ok = amqp_settings_parse(&arena, config, &settings, error);
        settings.bound_ms = bound_ms;
        ok = ok && (broker = broker_open(&settings, "admin", error)) && admin_channel_open(broker, error);
        for (size_t i = 0; ok && i < count; i++)
                ok = admin_depth_ask(broker, &queues[i], error);
        broker_close(broker, 1000);
        arena_fini(&arena);
        return ok;
}
