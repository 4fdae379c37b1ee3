#ifndef LEVERET_IO_AMQP_CONSUMER_H
#define LEVERET_IO_AMQP_CONSUMER_H

#include "core/message/message.h"
#include "core/settings/config.h"
#include "io/amqp/amqp_connection.h"

#include <uv.h>

/*
 * The connection that consumes and acknowledges. It lives on one loop and never blocks it: connecting,
 * logging in and the topology run on another thread; after that every method is sent without waiting for its
 * answer, and frames are read one by one. It reconnects for ever with jittered backoff; each connection has
 * an epoch, one more than the last.
 */
struct amqp_consumer;

enum amqp_fatal {
        AMQP_FATAL_CONFIG /* credentials, vhost or topology refused at the very first connect: exit 78 */
};

struct amqp_consumer_events {
        /* Connected, logged in, topology in place. Consuming starts by itself as amqp_consumer_want says. */
        void (*up)(void *context, uint64_t epoch);
        /* The connection of `epoch` is gone: none of its deliveries can be settled any more. Reconnecting has
         * begun. */
        void (*down)(void *context, uint64_t epoch, const char *error);
        /* A try to connect failed; the next one follows by itself. For the log. May be NULL. */
        void (*unreachable)(void *context, const char *error, int64_t retry_in_ms);
        /* Never to be mended by waiting: bad credentials, vhost, topology mismatch at the first connect. */
        void (*fatal)(void *context, const char *error);
        /* An empty arena for the next message, of arena_new. May be NULL: then one is made. */
        struct arena *(*arena)(void *context);
        /* A message of queue number `queue` (as in config). It and its arena belong to the receiver from here
         * on, who frees them by arena_free. message->body_size may exceed body.len: over 16 MiB the body is
         * not kept. */
        void (*delivery)(void *context, size_t queue, uint64_t epoch, struct amqp_delivery delivery);
        /* The broker cancelled the consumer (queue deleted) or it is back. Not called for our own cancels. */
        void (*lost)(void *context, size_t queue, const char *error);
        void (*found)(void *context, size_t queue);
        /* Consuming has stopped: cancel-ok, or there was no consumer. No delivery arrives until more is
         * wanted. Called once per request to stop, unless a newer request replaced it; never from inside
         * amqp_consumer_want. */
        void (*cancelled)(void *context, size_t queue);
};

/* Starts connecting. config, events and context outlive it. */
struct amqp_consumer *amqp_consumer_open(uv_loop_t *loop, const struct config *config,
                                         const struct amqp_consumer_events *events, void *context);

/* How many unacknowledged messages of that queue are wanted: 0 cancels consuming, any other value (re)starts
 * it with that prefetch. Asynchronous; the newest wish wins. Survives reconnects. The broker does not count
 * messages from before a pause against the prefetch after it, so up to twice as many can be unsettled; never
 * more. */
void amqp_consumer_want(struct amqp_consumer *consumer, size_t queue, uint16_t prefetch);

/* Settles a delivery. Ignored if `epoch` is not the present one (tags restart at 1: a stale one would settle
 * another message). Acks are collected and written once per loop turn: one multiple ack for the contiguous
 * prefix, the others singly. */
void amqp_consumer_ack(struct amqp_consumer *consumer, uint64_t epoch, uint64_t tag);
void amqp_consumer_nack(struct amqp_consumer *consumer, uint64_t epoch, uint64_t tag, bool requeue);

/* Held: nothing more is read from the connection, so the broker stops sending by TCP's own means. Acks and
 * heartbeats go on. For when what has arrived takes too much memory. */
void amqp_consumer_hold(struct amqp_consumer *consumer, bool held);

/* Why there is no connection: the last error; "" while there is one, or before the first try has ended. Valid
 * until the next event. */
const char *amqp_consumer_trouble(const struct amqp_consumer *consumer);
/* Is a consumer of that queue confirmed and alive? */
bool amqp_consumer_is_consuming(const struct amqp_consumer *consumer, size_t queue);
/* Can a delivery of that queue still come? Yes until its cancel is confirmed. */
bool amqp_consumer_may_deliver(const struct amqp_consumer *consumer, size_t queue);

/* Writes what is still to be acked, closes the connection with a bound of 1 s and frees. No event is called
 * any more. A channel of RabbitMQ that has more than 32 commands on their way to a quorum queue forgets at
 * its end what it has kept back: such messages come again, unless a cancel was confirmed after their acks. */
void amqp_consumer_close(struct amqp_consumer *consumer);

#endif
