#ifndef LEVERET_IO_AMQP_ADMIN_H
#define LEVERET_IO_AMQP_ADMIN_H

#include "core/settings/config.h"
#include "io/amqp/amqp_connection.h"

struct queue_depth {
        const char *name; /* filled in by the caller */
        bool exists;
        uint32_t messages; /* ready ones; those in flight do not count */
        uint32_t consumers;
};

/* Asks for the depth of each queue on a connection of its own. Blocks, each call within AMQP_RPC_TIMEOUT_MS.
 * A missing queue is no error. False with the cause in `error` if the broker cannot be asked. */
bool amqp_queue_depths(const struct config *config, struct queue_depth *queues, size_t count,
                       struct amqp_error *error);
/* The same, each call within `bound_ms`, if that is less; 0: as above. */
bool amqp_queue_depths_within(const struct config *config, struct queue_depth *queues, size_t count,
                              int64_t bound_ms, struct amqp_error *error);

#endif
