#ifndef LEVERET_CORE_NACKS_H
#define LEVERET_CORE_NACKS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * When a channel that publishes is to be changed for another. A quorum queue that has no leader when a
 * channel first publishes to it is nacked on that channel for ever, though it soon has one, while other
 * queues are acked there (RabbitMQ 3.10, ran); a new channel is well. Where the queue is full, a new one is
 * no worse. All times are milliseconds of one clock that does not go back.
 */
struct nacks {
        int64_t first_ms; /* on this channel; 0: none */
        int64_t limit_ms; /* how long they may go on */
        bool overdue;     /* they did: nothing more is to be sent until the channel is another */
};

/* A new connection has a new channel. */
void nacks_init(struct nacks *nacks);
/* Something was nacked. */
void nacks_note(struct nacks *nacks, int64_t now_ms);
/* The channel was changed for another, which may be nacked for twice as long, a minute at most. */
void nacks_renewed(struct nacks *nacks);

#endif
