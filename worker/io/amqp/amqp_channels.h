#ifndef LEVERET_IO_AMQP_CHANNELS_H
#define LEVERET_IO_AMQP_CHANNELS_H

#include "core/settings/config.h"
#include "io/amqp/amqp_channel.h"

/* Inside of the consumer: the channels of all queues. A queue that is somebody else's has two: its own, and
 * that of <queue>.again, by which its copies come back. Both are consumed, paused and found as one. */
struct channels {
        struct channel *list; /* one a queue, in the order of the configuration, then the second ones */
        size_t count;
        const struct config *config;
        struct arena names;
};

/* `arena` gives the one for the next message, or is NULL. */
void channels_open(struct channels *channels, const struct config *config,
                   struct arena *(*arena)(void *context), void *context);
void channels_close(struct channels *channels);
void channels_reset(struct channels *channels);

/* As amqp_consumer_want, of the queue as a whole: of its prefetch a quarter is for what comes back. */
void channels_want(struct channels *channels, size_t queue, uint16_t prefetch);
/* Has the wish for 0 come true? Once for each wish. */
bool channels_cancelled(struct channels *channels, size_t queue);
bool channels_consuming(const struct channels *channels, size_t queue);
bool channels_may_deliver(const struct channels *channels, size_t queue);
/* Is one of the queue's reported lost and not yet found? */
bool channels_lost(const struct channels *channels, size_t queue);

#endif
