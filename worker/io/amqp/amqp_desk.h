#ifndef LEVERET_IO_AMQP_DESK_H
#define LEVERET_IO_AMQP_DESK_H

#include "io/amqp/amqp_publisher.h"

/* One publisher for many threads. A thread does not wait for the confirm: `done` is called. */
struct amqp_desk;

enum {
        AMQP_DESK_TIMEOUT_MS = 10000,
        AMQP_DESK_LAST_MS = 3000, /* for what is under way when it is shut */
};

/* On the loop's thread. Connects when something is first published. */
struct amqp_desk *amqp_desk_open(uv_loop_t *loop, const struct config *config);
/* Any thread. `arena` holds the message and is taken over. `done` is called once on the loop's thread, at
 * most about AMQP_DESK_TIMEOUT_MS later. False: it is shut, nothing is called, and the arena is freed. */
bool amqp_desk_publish(struct amqp_desk *desk, struct arena *arena, struct message *message,
                       publish_done *done, void *context);
/* On the loop's thread: takes no more. What is under way ends within AMQP_DESK_LAST_MS, as PUBLISH_UNKNOWN if
 * need be, while the loop turns. */
void amqp_desk_shut(struct amqp_desk *desk);
/* On the loop's thread, once all has ended. Freed by the loop's next turn. */
void amqp_desk_close(struct amqp_desk *desk);

#endif
