#ifndef LEVERET_CORE_TOPOLOGY_H
#define LEVERET_CORE_TOPOLOGY_H

#include "core/memory/arena.h"
#include "core/settings/config.h"
#include "core/text/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Every exchange, queue and binding that leveret needs, as data: declared by the worker, verified, and shown
 * by `leveret topology show`. All exchanges and queues are durable, all queues quorum queues.
 */
#define EXCHANGE_IN "leveret.in"
#define EXCHANGE_RETRY "leveret.retry"
#define EXCHANGE_RETURN "leveret.return"
#define EXCHANGE_DLX "leveret.dlx"
#define EXCHANGE_UNROUTED "leveret.unrouted"
#define QUEUE_UNROUTED "leveret.unrouted"

enum {
        TOPOLOGY_ARGUMENTS_MAX = 8,
        /* Only the rescue for what no client can decode; innocents are charged for every crash and close. */
        TOPOLOGY_DELIVERY_LIMIT = 1000,
        /* Dead letters may be looked at often; "unlimited" is not understood before RabbitMQ 4.0. */
        TOPOLOGY_DLQ_DELIVERY_LIMIT = 1000000,
};

struct topology_argument {
        const char *name;
        const char *text; /* NULL: the integer counts */
        int64_t integer;
};

struct topology_arguments {
        struct topology_argument items[TOPOLOGY_ARGUMENTS_MAX];
        size_t count;
};

struct topology_exchange {
        const char *name, *type;
        struct topology_arguments arguments;
};

struct topology_queue {
        const char *name;
        struct topology_arguments arguments;
};

struct topology_binding {
        const char *exchange, *queue, *key;
        bool to_exchange; /* `queue` names an exchange */
};

struct topology {
        struct topology_exchange *exchanges;
        size_t exchange_count;
        struct topology_queue *queues;
        size_t queue_count;
        struct topology_binding *bindings;
        size_t binding_count;
};

/* Everything that the configured queues need to work, in an order that can be declared as it stands. All
 * memory is the arena's. */
struct topology *topology_build(struct arena *arena, const struct config *config);
/* The ladder (core/broker/ladder.h), on which messages for later wait. Who publishes the first of them
 * declares it. */
struct topology *topology_build_later(struct arena *arena, const struct config *config);

/* Does a configured queue receive messages of this type, by one of its patterns? */
bool topology_routes(const struct config *config, const char *type);

/* "<queue>.again": by it the copies of a queue that is not leveret's come back. */
const char *topology_again_name(struct arena *arena, const char *queue);

/* "<queue>.dlq", "<queue>.retry.<tier>" and the routing key "<queue>.<tier>" of the retry exchange. */
const char *topology_dlq_name(struct arena *arena, const char *queue);
const char *topology_tier_queue(struct arena *arena, const char *queue, const char *tier);
const char *topology_tier_key(struct arena *arena, const char *queue, const char *tier);

/* "x-queue-type=quorum x-delivery-limit=1000", for people. */
void topology_arguments_print(struct buffer *buffer, const struct topology_arguments *arguments);
/*
 * What to tell an operator about a queue or exchange that exists otherwise: both values of what differs, as
 * far as the broker's text tells ("inequivalent arg 'x' for queue 'q' ...: received ... but current is ..."),
 * and all that is wanted. The broker names only the first difference and cuts its text at 255 bytes.
 */
const char *topology_difference(struct arena *arena, const struct topology_arguments *wanted,
                                const char *broker_text);

#endif
