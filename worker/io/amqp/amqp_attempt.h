#ifndef LEVERET_IO_AMQP_ATTEMPT_H
#define LEVERET_IO_AMQP_ATTEMPT_H

/* Inside of the consumer: one try to connect, log in and declare, on a thread of its own because all of it
 * blocks. */
#include "core/settings/config.h"
#include "io/amqp/amqp_connection.h"

#include <uv.h>

struct attempt;

/* Starts the try. `done` is sent when it has ended. Nothing of `config` is used after this returns. */
struct attempt *attempt_start(const struct config *config, uv_async_t *done);
/* Has it ended? */
bool attempt_ended(struct attempt *attempt);
/* Takes the result of an ended try: a connection whose settings live as long as the attempt, or NULL and
 * `error`. */
struct broker *attempt_take(struct attempt *attempt, struct amqp_error *error);
/* Frees an ended try. One still running is waited for up to the bound; then it is left to itself and frees
 * itself. `done` is not sent any more after this. */
void attempt_free(struct attempt *attempt, int64_t bound_ms);

#endif
