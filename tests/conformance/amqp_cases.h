#ifndef LEVERET_CONFORMANCE_AMQP_CASES_H
#define LEVERET_CONFORMANCE_AMQP_CASES_H

#include "io/amqp/amqp_consumer.h"

/*
 * What the engine relies on when it consumes, as one table of cases: for io/amqp over a real RabbitMQ
 * (amqp_conformance_test.c), and for the broker and the consumer of the engine's simulator
 * (amqp_model_test.c). Both are to pass it.
 */
struct amqp_subject {
        void *context;
        uv_loop_t *loop;
        const struct config *config; /* of one queue, which is empty */
        /* So many messages are in the queue before this returns, or soon after. */
        void (*put)(void *context, unsigned count);
        /* A little happens, to the loop as well. */
        void (*turn)(void *context);
        /* The broker closes the connection. */
        void (*cut)(void *context);
        /* Messages in the queue that nobody has. */
        unsigned (*depth)(void *context);
};

struct amqp_case {
        const char *name;
        void (*run)(const struct amqp_subject *subject);
};

extern const struct amqp_case amqp_cases[];
extern const size_t amqp_case_count;

#endif
