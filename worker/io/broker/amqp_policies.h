#ifndef LEVERET_IO_AMQP_POLICIES_H
#define LEVERET_IO_AMQP_POLICIES_H

#include "core/broker/policy.h"
#include "io/amqp/amqp_connection.h"

/* One finding about a queue; both borrowed. */
typedef void policies_report(void *context, const char *queue, const struct policy_finding *finding);

/*
 * Asks the management API (amqp.management_url) for the policies over each of leveret's queues that exists,
 * with the user of that URL, else that of the broker. Blocks for at most HTTP_GET_TIMEOUT_MS a queue. False:
 * it could not be asked; the cause is in `error`, without a password.
 */
bool amqp_policies_look(const struct config *config, policies_report *report, void *context,
                        struct amqp_error *error);

#endif
