#ifndef LEVERET_IO_AMQP_PUBLISHER_H
#define LEVERET_IO_AMQP_PUBLISHER_H

#include "core/message/message.h"
#include "core/settings/config.h"
#include "io/amqp/amqp_connection.h"

#include <uv.h>

/*
 * The connection that publishes, on a thread of its own: librabbitmq's publish blocks for ever under a memory
 * alarm or on a dead connection. Every publish is persistent, mandatory and confirmed. A watchdog on the loop
 * shuts the socket down when the thread has not come back from a call within the limit.
 */
struct amqp_publisher;

enum publish_outcome {
        PUBLISH_CONFIRMED,   /* basic.ack and not returned */
        PUBLISH_RETURNED,    /* no queue took it (mandatory) */
        PUBLISH_NACKED,      /* basic.nack: the queue is full or failing */
        PUBLISH_UNKNOWN,     /* time-out or connection lost after sending: it may or may not be there */
        PUBLISH_UNSENT,      /* not connected in time, or the broker blocks publishers: never sent */
        PUBLISH_UNENCODABLE, /* the copy cannot be encoded (headers unusable or too large): never sent */
};
const char *publish_outcome_word(enum publish_outcome outcome);

/* On the loop's thread, exactly once for each publish. */
typedef void publish_done(void *context, enum publish_outcome outcome, const char *error);

/* Starts the thread, which connects at once and reconnects for ever. `timeout_ms` bounds the wait for a
 * connection, the wait for a confirm and every library call (default use: 10000). */
struct amqp_publisher *amqp_publisher_open(uv_loop_t *loop, const struct config *config, int64_t timeout_ms);

/* Publishes to message->exchange / routing_key. `arena` holds the message and is taken over: freed
 * (arena_free) after the end. Bounded by the caller. */
void amqp_publisher_publish(struct amqp_publisher *publisher, struct arena *arena, struct message *message,
                            publish_done *done, void *context);

/* Is the broker blocking publishers (connection.blocked)? */
bool amqp_publisher_is_blocked(const struct amqp_publisher *publisher);
bool amqp_publisher_is_up(const struct amqp_publisher *publisher);
/* Why it is not: the last error; "" while it is, or before the first try has ended. */
void amqp_publisher_trouble(const struct amqp_publisher *publisher, char text[AMQP_ERROR_MAX]);
/* How often a connection that stood was lost. */
uint64_t amqp_publisher_losses(const struct amqp_publisher *publisher);

/* Waits up to `grace_ms` for what is under way, then ends the thread within about 1 s more; all that is not
 * settled by then is reported PUBLISH_UNKNOWN or PUBLISH_UNSENT before this returns. The loop is to be run
 * afterwards until libuv has let go of the handles. */
void amqp_publisher_close(struct amqp_publisher *publisher, int64_t grace_ms);

#endif
