#ifndef LEVERET_TESTS_AMQP_BENCH_H
#define LEVERET_TESTS_AMQP_BENCH_H

/* A loop with a consumer, a publisher and a queue of its own on a real broker, and what tests do with them.
 */
#include "core/broker/topology.h"
#include "io/amqp/amqp_consumer.h"
#include "io/amqp/amqp_publisher.h"
#include "io/amqp/amqp_topology.h"
#include "io/amqp/amqp_wire.h"
#include "io/broker/amqp_admin.h"
#include "io/broker/amqp_pull.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PROMPT_MS = 15000, HELD_MAX = 64 };

struct held {
        uint64_t epoch, tag;
};

struct bench {
        uv_loop_t loop;
        struct arena arena;
        struct config config;
        struct amqp_consumer *consumer;
        struct amqp_publisher *publisher;
        bool hold; /* keep deliveries in `held` in place of acking them */
        struct held held[HELD_MAX];
        size_t held_count;
        unsigned ups, downs, fatals, losts, founds, cancels, deliveries, redelivered, unusable, not_kept;
        unsigned outcomes[PUBLISH_UNENCODABLE + 1], wrong_outcomes, ended;
        uint64_t body_bytes;
        char last_error[AMQP_ERROR_MAX];
};

struct expectation {
        struct bench *bench;
        enum publish_outcome outcome;
};

/* Forwards one connection at a time; stops the stream from broker to client after so many bytes. */
struct proxy {
        int listener, port;
        pthread_t thread;
        atomic_long pass_bytes; /* still let through to the client; negative: no limit */
        atomic_bool end;
};

extern const struct amqp_consumer_events events;

int64_t await(struct bench *bench, const unsigned *counter, unsigned value, int64_t limit_ms);
void turn_for(struct bench *bench, int64_t duration_ms);
const char *queue_name(const struct bench *bench);
int begin(void **state);
int end(void **state);
void queue_delete(struct bench *bench, const char *name);
void await_depth(struct bench *bench, const char *name, unsigned depth);
void consumer_start(struct bench *bench, uint16_t prefetch);
void consumer_settle(struct bench *bench);
void publisher_start(struct bench *bench, int64_t timeout_ms);
struct message *message_new(struct arena **arena, const char *exchange, const char *key, size_t body_len);
void publish(struct bench *bench, const char *exchange, const char *key, size_t body_len,
             enum publish_outcome expected);
void publish_many(struct bench *bench, unsigned count, size_t body_len);
void ctl(const char *arguments);
void proxy_start(struct proxy *proxy, struct bench *bench);
void proxy_stop(struct proxy *proxy);
struct broker *side_open(struct bench *bench);
const char *url(void);
int64_t now_ms(void);
void on_published(void *context, enum publish_outcome outcome, const char *error);

#endif
