#ifndef LEVERET_IO_AMQP_DESK_H
#define LEVERET_IO_AMQP_DESK_H

#include "io/amqp/amqp_publisher.h"

/* One publisher for many threads that each publish and wait for the confirm. */
struct amqp_desk;

enum { AMQP_DESK_TIMEOUT_MS = 10000, AMQP_DESK_ERROR_MAX = 256 };

/* On the loop's thread. Connects when something is first published. */
struct amqp_desk *amqp_desk_open(uv_loop_t *loop, const struct config *config);
/* Any thread but the loop's: publishes, and waits for the end, at most about AMQP_DESK_TIMEOUT_MS. `arena`
 * holds the message and is taken over. `error` (AMQP_DESK_ERROR_MAX) says why it is not confirmed. */
enum publish_outcome amqp_desk_publish(struct amqp_desk *desk, struct arena *arena, struct message *message,
                                       char *error);
/* On the loop's thread: what is published from now on ends at once as PUBLISH_UNSENT. What was begun goes on.
 */
void amqp_desk_shut(struct amqp_desk *desk);
/* On the loop's thread, once no thread publishes any more. Freed by the loop's next turn. */
void amqp_desk_close(struct amqp_desk *desk);

#endif
