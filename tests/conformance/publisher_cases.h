#ifndef LEVERET_CONFORMANCE_PUBLISHER_CASES_H
#define LEVERET_CONFORMANCE_PUBLISHER_CASES_H

#include "io/amqp/amqp_publisher.h"

/*
 * What the engine relies on when it publishes, as one table of cases: for io/amqp over a real RabbitMQ
 * (amqp_conformance_test.c), and for the publisher of the engine's simulator (amqp_model_test.c).
 */

enum broker_does {
        BROKER_TAKES,
        BROKER_HAS_NO_QUEUE, /* for that routing key */
        BROKER_IS_FULL,      /* the queue refuses what is published */
        BROKER_IS_SILENT,    /* what it is sent is never confirmed */
        BROKER_BLOCKS,       /* who publishes; it has said so */
};

struct publisher_subject {
        void *context;
        /* A publisher, connected to a broker that does so. */
        struct amqp_publisher *(*open)(void *context, enum broker_does does);
        void (*publish)(void *context, publish_done *done, void *done_context);
        /* What was published is with the broker, unless that has ended it already. */
        void (*leave)(void *context);
        /* A little happens, to the loop as well. */
        void (*turn)(void *context);
        void (*close)(void *context); /* the publisher, at once */
};

struct publisher_case {
        const char *name;
        void (*run)(const struct publisher_subject *subject);
};

extern const struct publisher_case publisher_cases[];
extern const size_t publisher_case_count;

#endif
