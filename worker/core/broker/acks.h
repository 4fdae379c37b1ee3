#ifndef LEVERET_CORE_ACKS_H
#define LEVERET_CORE_ACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The unsettled deliveries of one channel in the order of their tags, and which of them are decided but not
 * yet written. Decisions are gathered during a loop turn and drawn as few frames: the leading run of equal
 * decisions becomes one frame with `multiple`, which names a tag that is still unsettled (the broker closes
 * the channel otherwise); stragglers behind an undecided delivery are written singly. Every call is O(1)
 * amortised; memory grows with the number of unsettled deliveries, which the prefetch bounds, not with the
 * span of their tags.
 */
enum ack_decision {
        ACK_UNDECIDED,
        ACK_ACK,
        ACK_REQUEUE, /* basic.nack with requeue */
        ACK_REJECT,  /* basic.nack without: the broker dead-letters */
};

struct ack_frame { /* one method to write */
        uint64_t tag;
        enum ack_decision decision;
        bool multiple;
};

struct acks {
        struct ack_node *nodes;
        size_t node_capacity;
        uint32_t free_node;                  /* list of unused nodes */
        uint32_t head, tail;                 /* all unsettled, by tag */
        uint32_t decided_head, decided_tail; /* those with a decision, by time of decision */
        uint32_t *slots;                     /* tag -> node, linear probing */
        size_t slot_capacity;                /* power of two, at least twice node_capacity */
        size_t count;                        /* unsettled, decided ones included */
        uint64_t last_tag;                   /* highest tag delivered */
};

/* Takes no memory before the first delivery; acks_fini gives it back. */
void acks_init(struct acks *acks);
void acks_fini(struct acks *acks);
/* Forgets everything: the channel is gone. Keeps the memory. */
void acks_clear(struct acks *acks);

/* A delivery arrived. Tags rise strictly; false: this one does not (a breach of the protocol). */
bool acks_deliver(struct acks *acks, uint64_t tag);
/* Decides on an undecided delivery. False: unknown or decided before; nothing changes. */
bool acks_decide(struct acks *acks, uint64_t tag, enum ack_decision decision);
/* Draws the next frame to write and forgets the deliveries it settles. False: nothing to write. */
bool acks_next(struct acks *acks, struct ack_frame *frame);
/* Is there anything to write? */
bool acks_pending(const struct acks *acks);

#endif
