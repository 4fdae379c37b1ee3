#ifndef LEVERET_CORE_OWN_HEADERS_H
#define LEVERET_CORE_OWN_HEADERS_H

#include "core/job/protocol.h"
#include "core/message/message.h"

#include <stdbool.h>
#include <stdint.h>

/* The headers that leveret puts on its copies. Anybody can publish such headers, so they are believed only on
 * a message that came by an exchange to which leveret alone publishes. */
#define OWN_HEADER_PREFIX "x-leveret-"
#define OWN_HEADER_ATTEMPT "x-leveret-attempt"
#define OWN_HEADER_DEFERRALS "x-leveret-deferrals"
#define OWN_HEADER_REDRIVES "x-leveret-redrives"
#define OWN_HEADER_REASON "x-leveret-reason"
#define OWN_HEADER_ERROR "x-leveret-error"
#define OWN_HEADER_FAILED_AT "x-leveret-failed-at"
#define OWN_HEADER_WORKER "x-leveret-worker"
#define OWN_HEADER_QUEUE "x-leveret-queue"
#define OWN_HEADER_EXCHANGE "x-leveret-exchange"
#define OWN_HEADER_ROUTING_KEY "x-leveret-routing-key"
#define OWN_HEADER_FIRST_SEEN "x-leveret-first-seen"
#define OWN_HEADER_DEAD_ID "x-leveret-dead-id"
#define OWN_HEADER_ID "x-leveret-id" /* of messages of others, whose own properties stay as they came */

/* What they say; all texts are borrowed from the message and absent if not said. */
struct own_headers {
        bool believed;                    /* else all below is empty */
        struct job_generation generation; /* each number capped at INT32_MAX */
        int64_t first_seen_ms;            /* since 1970; -1: not said */
        int64_t failed_at_ms;             /* since 1970; -1: not said */
        struct slice reason, error, worker, queue, exchange, routing_key, dead_id, id;
};

/* Of a message that was delivered from a work queue: believed if it came by leveret.return. */
void own_headers_read(const struct message *message, struct own_headers *own);

/*
 * Of a message that was taken out of a dead-letter queue or leveret.unrouted: believed too if leveret
 * published it to leveret.dlx, or if the broker itself moved on (x-death) what leveret had published.
 * `exchange` and `routing_key` are then what the broker noted if leveret did not.
 */
void own_headers_read_dead(const struct message *message, struct own_headers *own);

#endif
