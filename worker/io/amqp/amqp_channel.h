#ifndef LEVERET_IO_AMQP_CHANNEL_H
#define LEVERET_IO_AMQP_CHANNEL_H

/* Inside of the consumer: one channel consumes one queue, so that trouble with a queue does not disturb the
 * others. */
#include "core/broker/acks.h"
#include "core/job/backoff.h"
#include "io/amqp/amqp_wire.h"

enum channel_phase {
        CHANNEL_CLOSED,     /* not opened yet, or closed by the broker over a missing queue */
        CHANNEL_IDLE,       /* open, no consumer */
        CHANNEL_STARTING,   /* basic.consume sent */
        CHANNEL_CONSUMING,  /* basic.consume-ok received */
        CHANNEL_CANCELLING, /* basic.cancel sent */
};

/* What a frame meant to the owner of the channel. */
enum channel_event {
        CHANNEL_NOTHING,
        CHANNEL_DELIVERY, /* channel_take gives it */
        CHANNEL_LOST,     /* cancelled by the broker or the queue is missing; tried again after a wait */
        CHANNEL_FOUND,    /* consuming again after that */
        CHANNEL_BROKEN,   /* the connection is to be dropped; `error` says why */
};

/*
 * The tag given outward is unique over the channels and over the lives of each: channel in the top 7 bits,
 * then 9 bits of generation, then the delivery tag of AMQP, which restarts at 1 whenever the broker closed
 * the channel.
 */
enum { CHANNEL_TAG_BITS = 48, CHANNEL_GENERATION_BITS = 9 };

struct channel {
        size_t number;          /* among the channels of its consumer */
        size_t queue;           /* number of the queue in the configuration */
        const char *queue_name; /* borrowed */
        bool foreign;           /* somebody else's queue */
        enum channel_phase phase;
        uint16_t wanted;     /* prefetch; 0: no consumer */
        uint16_t running;    /* the prefetch of the consumer under way */
        bool cancelled_due;  /* the wish for 0 is still to be answered */
        bool lost;           /* reported lost, not yet found */
        int64_t retry_at_ms; /* while lost */
        struct backoff backoff;
        uint16_t generation; /* of delivery tags */
        struct acks acks;
        struct arena *(*arena)(void *context); /* for the next message; NULL: one is made */
        void *arena_context;
        struct {                     /* the message being put together */
                struct arena *arena; /* NULL: none */
                struct message *message;
                uint64_t tag, received;
                char *body; /* NULL: not kept */
                bool has_header;
        } partial;
        uint32_t consumer_number; /* counts the consumers of this channel, over all connections */
        char consumer_tag[32];    /* of the last one */
};

void channel_init(struct channel *channel, size_t number, size_t queue, const char *queue_name);
void channel_fini(struct channel *channel);
/* The connection is gone: back to CHANNEL_CLOSED, deliveries forgotten. The wish stays. */
void channel_reset(struct channel *channel);

/* Is there something to send now? */
bool channel_is_due(const struct channel *channel, int64_t now_ms);
/* Sends what the wish asks for in this phase. A status of the library, below 0 if the connection is to be
 * dropped. */
int channel_drive(struct channel *channel, struct broker *broker, int64_t now_ms);
/* Acks written before the socket is asked again: 1.4 kB. */
enum { CHANNEL_FLUSH_FRAMES = 64 };

/* When a frame was read. */
struct channel_moment {
        int64_t now_ms;
        uint64_t random; /* for the wait after a loss */
};
/* Digests a frame of this channel. */
enum channel_event channel_frame(struct channel *channel, struct broker *broker, const amqp_frame_t *frame,
                                 struct channel_moment moment, struct amqp_error *error);
/* The message that CHANNEL_DELIVERY announced; it and its arena are the caller's. */
struct amqp_delivery channel_take(struct channel *channel);
/* Notes the decision on an outward tag; of an older generation it is ignored. */
void channel_decide(struct channel *channel, uint64_t tag, enum ack_decision decision);
/* Writes up to `frames_max` of what was decided. A status of the library; *more: something
 * is left. */
int channel_flush(struct channel *channel, struct broker *broker, int frames_max, bool *more);
/* Is something decided on one of them that is not written? */
bool channels_acks_pending(const struct channel *channels, size_t count);
/* All that is decided on all channels, waiting for the socket until `until_ms` (clock_boot_ms) at most. */
void channels_flush(struct channel *channels, size_t count, struct broker *broker, int64_t until_ms);

/* The number of the channel in an outward tag. */
size_t channel_of_tag(uint64_t tag);

#endif
