#ifndef LEVERET_RUN_OBSTACLE_H
#define LEVERET_RUN_OBSTACLE_H

#include "core/text/buffer.h"

#include <stddef.h>
#include <stdint.h>

struct engine;

/* Why no work is taken, the most telling first. Their words are those of /readyz, /status and alerts; the %s
 * is the name of an outlet or of a queue. */
#define OBSTACLES(X)                                                                                         \
        X(DRAINING, "draining")                                                                              \
        X(BROKER_DOWN, "the broker connection is down")                                                      \
        X(PUBLISHER_DOWN, "the publisher's connection is down")                                              \
        X(REDIS_DOWN, "redis is down")                                                                       \
        X(PAUSES_UNKNOWN, "it is not known yet which queues are paused")                                     \
        X(PAUSED, "paused by an operator")                                                                   \
        X(BREAKER_OPEN, "the breaker of the %s transport is open")                                           \
        X(BREAKER_HALF_OPEN, "the breaker of the %s transport is half_open")                                 \
        X(THROTTLED, "the %s service asked for a pause")                                                     \
        X(QUEUE_LOST, "queue %s: not consuming, the broker cancelled it")                                    \
        X(NOT_CONSUMING, "queue %s: not consuming")                                                          \
        X(KEPT, "queue %s: holds messages that can neither be processed nor copied")

enum obstacle {
#define OBSTACLE(name, words) OBSTACLE_##name,
        OBSTACLES(OBSTACLE)
#undef OBSTACLE
                OBSTACLE_COUNT
};

/* Sets of obstacles: bit by bit. */
#define OBSTACLE_BIT(name) ((uint32_t)1 << OBSTACLE_##name)
#define OBSTACLES_OF_ENGINE                                                                                  \
        (OBSTACLE_BIT(DRAINING) | OBSTACLE_BIT(BROKER_DOWN) | OBSTACLE_BIT(PUBLISHER_DOWN) |                 \
         OBSTACLE_BIT(REDIS_DOWN) | OBSTACLE_BIT(PAUSES_UNKNOWN))

/* What is in the way of all work. PAUSES_UNKNOWN only while Redis is up. PUBLISHER_DOWN stops nothing, for
 * most jobs need no copy, but such a worker is not ready. */
uint32_t obstacles_of_engine(const struct engine *engine);
/* What is in the way at an outlet. */
uint32_t obstacles_of_outlet(const struct engine *engine, size_t outlet);
/* What is in the way of one queue: PAUSED, of its outlets what shuts all of them, and whether it is consumed
 * as it should be. */
uint32_t obstacles_of_queue(const struct engine *engine, size_t queue);

/* The first of a set that is not empty. */
enum obstacle obstacle_first(uint32_t set);
/* Adds its words; `name` is that of the outlet or the queue, NULL where they need none. */
void obstacle_print(struct buffer *out, enum obstacle obstacle, const char *name);

#endif
