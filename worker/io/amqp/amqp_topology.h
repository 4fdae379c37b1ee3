#ifndef LEVERET_IO_AMQP_TOPOLOGY_H
#define LEVERET_IO_AMQP_TOPOLOGY_H

#include "core/broker/topology.h"
#include "io/amqp/amqp_connection.h"

/* What became of one exchange, queue or binding. */
enum topology_verdict {
        TOPOLOGY_IN_PLACE,  /* declared now, or there as wanted */
        TOPOLOGY_MISSING,   /* verify: not there */
        TOPOLOGY_DIFFERENT, /* there with other arguments; the detail shows both */
        TOPOLOGY_DENIED,    /* no permission, or another refusal of the broker */
        TOPOLOGY_SKIPPED,   /* a binding of a queue that was refused: nothing is led into it */
};
const char *topology_verdict_word(enum topology_verdict verdict); /* ok missing different denied skipped */

/* `kind` is exchange, queue or binding; a binding's name is "exchange -> queue (key)". `detail` is "" if in
 * place. */
typedef void topology_report(void *context, const char *kind, const char *name, enum topology_verdict verdict,
                             const char *detail);
/* Who wants to hear of every item. */
struct topology_listener {
        topology_report *report;
        void *context;
};

/*
 * Declares the topology, or verifies it without changing anything: each item is first looked for passively,
 * and only if it exists declared with its arguments on a channel that may break, which compares them.
 * Bindings cannot be looked for over AMQP and are not verified. TOPOLOGY_OFF does nothing. Goes through all
 * items even after a refusal, but binds no queue that was refused; `listener` may be NULL. True if all is in
 * place; else `error` holds the first trouble. Blocks, each call within AMQP_RPC_TIMEOUT_MS.
 */
bool broker_topology(struct broker *broker, const struct topology *topology, enum topology_mode mode,
                     const struct topology_listener *listener, struct amqp_error *error);

/* The same on a connection of its own. */
bool amqp_topology_place(const struct amqp_settings *settings, const struct topology *topology,
                         enum topology_mode mode, struct amqp_error *error);

/* The same for all that is configured, for the operator's commands. A ladder of which nothing is there is not
 * missing: it is declared when it is needed first. */
bool amqp_topology_apply(const struct config *config, enum topology_mode mode,
                         const struct topology_listener *listener, struct amqp_error *error);

#endif
