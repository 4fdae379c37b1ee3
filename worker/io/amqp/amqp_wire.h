#ifndef LEVERET_IO_AMQP_WIRE_H
#define LEVERET_IO_AMQP_WIRE_H

/* What the amqp_*.c files share of librabbitmq. Nobody else includes this. */
#include "core/message/message.h"
#include "io/amqp/amqp_connection.h"
#include "io/amqp/amqp_library.h"

struct broker {
        amqp_connection_state_t state;
        const struct amqp_settings *settings;
        const struct amqp_node *node; /* of the settings: the one that it is connected to */
        const char *place;            /* of the node */
};

static inline struct slice slice_of_bytes(amqp_bytes_t bytes)
{
        return (struct slice){.data = bytes.bytes ? bytes.bytes : "", .len = bytes.len};
}

/* librabbitmq only reads through the pointer. */
static inline amqp_bytes_t bytes_of_slice(struct slice slice)
{
        union {
                const char *constant;
                void *plain;
        } data = {.constant = slice.data};
        return (amqp_bytes_t){.len = slice.len, .bytes = data.plain};
}

static inline amqp_bytes_t bytes_of(const char *text)
{
        return bytes_of_slice(slice_of(text));
}

/* The handshake on a socket that is connected, within `bound_ms`. False with the cause in `error`. */
bool broker_log_in(struct broker *broker, const char *role, int64_t bound_ms, struct amqp_error *error);

/* Can the socket take more now? Writing to it else blocks the thread without limit. */
bool amqp_writable(struct broker *broker, int wait_ms);
/* Is there something to read, or the end of the stream? */
bool amqp_readable(struct broker *broker);

/* From here on the caller itself sends heartbeats and watches for those of the broker, every *heartbeat_ms
 * (0: none agreed): inside the library they could block on a full socket, and one that stalls would be
 * noticed late. False: not possible. */
bool broker_heartbeats_take_over(struct broker *broker, int64_t *heartbeat_ms);

/* Fills `error` from a status of the library, for an action such as "log in" at a node's place. */
void amqp_error_status(struct amqp_error *error, const char *place, const char *action, int status);
/* The same from a reply; true if the reply was normal (then `error` is left alone). */
bool amqp_error_reply(struct amqp_error *error, const char *place, const char *action,
                      amqp_rpc_reply_t reply);
/* The same from a connection.close or channel.close method. */
void amqp_error_close(struct amqp_error *error, const char *place, const char *action,
                      const amqp_method_t *method);

/* Copies properties into the arena; headers that are too deep or too many are left out and marked. */
void amqp_message_read(struct arena *arena, struct message *message,
                       const amqp_basic_properties_t *properties);
/* The properties as the library wants them, borrowing from the message; tables are made in the arena. False
 * if they cannot be encoded at all: a name or short string over 255 bytes, or headers marked unusable. */
bool amqp_message_write(struct arena *arena, const struct message *message,
                        amqp_basic_properties_t *properties);

#endif
