#ifndef LEVERET_IO_AMQP_PULL_H
#define LEVERET_IO_AMQP_PULL_H

#include "core/message/message.h"
#include "core/settings/config.h"
#include "io/amqp/amqp_connection.h"

/*
 * Takes messages from one queue one by one, blocking: for the operator's commands that move dead letters. It
 * consumes with a bounded prefetch; messages that were neither acked nor nacked go back when it is closed. A
 * prefetch is at most 65,535, and 0, unlimited, means 2,000 to a quorum queue: who wants to hold more
 * consumes several times on the channel, each time when all earlier consumers have what they may have. On
 * RabbitMQ 3.10 the order of a quorum queue survives that only if the consumer is stopped first and the
 * messages are nacked in portions of 30; each return counts against the delivery limit. The calling thread
 * needs a stack of AMQP_STACK_BYTES.
 */
struct amqp_pull;

enum pull_result {
        PULL_MESSAGE,
        PULL_NOTHING, /* none came in time, or all were taken after amqp_pull_stop */
        PULL_FAILED,  /* the connection is of no use any more */
};

/* Connects and begins to consume; up to `hold` messages may be unsettled at once, at least 1. NULL with the
 * cause in `error`: code 404 if there is no such queue. */
struct amqp_pull *amqp_pull_open(const struct config *config, const char *queue, uint64_t hold,
                                 struct amqp_error *error);
/* Lets so many be unsettled from now on; never fewer than before. */
void amqp_pull_widen(struct amqp_pull *pull, uint64_t hold);
/* The next message; it and its arena belong to the caller, who frees them by arena_free. */
enum pull_result amqp_pull_next(struct amqp_pull *pull, int64_t timeout_ms, struct amqp_delivery *taken,
                                struct amqp_error *error);
/* Writes at once. False: the connection is of no use any more. */
bool amqp_pull_ack(struct amqp_pull *pull, uint64_t tag);
bool amqp_pull_nack(struct amqp_pull *pull, uint64_t tag, bool requeue);
/* Cancels the consumer. What is under way can still be taken, until PULL_NOTHING. */
bool amqp_pull_stop(struct amqp_pull *pull);
/* After the stop: gives messages back so that they stand in their old order, `tags` ascending. In portions,
 * and waits until the broker is done with each: RabbitMQ joins orders that pile up and shuffles those of more
 * than 32 messages. */
bool amqp_pull_return(struct amqp_pull *pull, const uint64_t *tags, size_t count, struct amqp_error *error);
/* NULL is allowed. */
void amqp_pull_close(struct amqp_pull *pull);

#endif
