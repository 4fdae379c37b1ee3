#include "core/broker/acks.h"
#include "core/memory/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct ack_node {
        uint64_t tag;
        uint32_t before, after;                 /* by tag; `after` also links the free nodes */
        uint32_t decided_before, decided_after; /* by time of decision */
        enum ack_decision decision;
};

void acks_init(struct acks *acks)
{
        *acks = (struct acks){
                .free_node = NONE, .head = NONE, .tail = NONE, .decided_head = NONE, .decided_tail = NONE};
}

void acks_fini(struct acks *acks)
{
        free(acks->nodes);
        free(acks->slots);
        acks_init(acks);
}

static void nodes_free_from(struct acks *acks, size_t from)
{
        for (size_t i = acks->node_capacity; i-- > from;) {
                acks->nodes[i].after = acks->free_node;
                acks->free_node = (uint32_t)i;
        }
}

void acks_clear(struct acks *acks)
{
        acks->free_node = acks->head = acks->tail = acks->decided_head = acks->decided_tail = NONE;
        acks->count = 0;
        acks->last_tag = 0;
        nodes_free_from(acks, 0);
        if (acks->slots)
                memset(acks->slots, 0xff, acks->slot_capacity * sizeof(*acks->slots));
}

/* Tags are consecutive numbers. Taken modulo the table they would lie side by side, and each removal would
 * walk over all that are in flight; the golden ratio puts them as far apart as can be (Knuth 6.4). */
static size_t slot_home(const struct acks *acks, uint64_t tag)
{
        return (size_t)(tag * UINT64_C(0x9e3779b97f4a7c15) >> (64 - __builtin_ctzll(acks->slot_capacity)));
}

static size_t slot_find(const struct acks *acks, uint64_t tag)
{
        size_t slot = slot_home(acks, tag);
        while (acks->slots[slot] != NONE && acks->nodes[acks->slots[slot]].tag != tag)
                slot = (slot + 1) & (acks->slot_capacity - 1);
        return slot;
}

/* Linear probing without tombstones: entries behind the gap move up if the gap lies on their way (Knuth 6.4
 * R). */
static void slot_remove(struct acks *acks, size_t gap)
{
        size_t mask = acks->slot_capacity - 1;
        for (size_t at = (gap + 1) & mask; acks->slots[at] != NONE; at = (at + 1) & mask) {
                size_t home = slot_home(acks, acks->nodes[acks->slots[at]].tag);
                if (((at - home) & mask) < ((at - gap) & mask))
                        continue;
                acks->slots[gap] = acks->slots[at];
                gap = at;
        }
        acks->slots[gap] = NONE;
}

static void acks_grow(struct acks *acks)
{
        size_t from = acks->node_capacity;
        size_t capacity = from ? from * 2 : 64;
        struct ack_node *nodes = memory_resized(acks->nodes, capacity * sizeof(*nodes));
        uint32_t *slots = memory_raw(capacity * 2 * sizeof(*slots));
        if (capacity >= NONE)
                abort();
        free(acks->slots);
        acks->nodes = nodes;
        acks->slots = slots;
        acks->node_capacity = capacity;
        acks->slot_capacity = capacity * 2;
        nodes_free_from(acks, from);
        memset(slots, 0xff, acks->slot_capacity * sizeof(*slots));
        for (uint32_t i = acks->head; i != NONE; i = nodes[i].after)
                slots[slot_find(acks, nodes[i].tag)] = i;
}

bool acks_deliver(struct acks *acks, uint64_t tag)
{
        if (tag <= acks->last_tag)
                return false;
        if (acks->free_node == NONE)
                acks_grow(acks);
        uint32_t i = acks->free_node;
        acks->free_node = acks->nodes[i].after;
        acks->nodes[i] = (struct ack_node){.tag = tag,
                                           .before = acks->tail,
                                           .after = NONE,
                                           .decided_before = NONE,
                                           .decided_after = NONE};
        if (acks->tail == NONE)
                acks->head = i;
        else
                acks->nodes[acks->tail].after = i;
        acks->tail = i;
        acks->slots[slot_find(acks, tag)] = i;
        acks->last_tag = tag;
        acks->count++;
        return true;
}

bool acks_decide(struct acks *acks, uint64_t tag, enum ack_decision decision)
{
        assert(decision != ACK_UNDECIDED);
        if (acks->count == 0)
                return false;
        uint32_t i = acks->slots[slot_find(acks, tag)];
        if (i == NONE || acks->nodes[i].decision != ACK_UNDECIDED)
                return false;
        acks->nodes[i].decision = decision;
        acks->nodes[i].decided_before = acks->decided_tail;
        if (acks->decided_tail == NONE)
                acks->decided_head = i;
        else
                acks->nodes[acks->decided_tail].decided_after = i;
        acks->decided_tail = i;
        return true;
}

static void node_forget(struct acks *acks, uint32_t i)
{
        struct ack_node *nodes = acks->nodes, *node = &nodes[i];
        *(node->before == NONE ? &acks->head : &nodes[node->before].after) = node->after;
        *(node->after == NONE ? &acks->tail : &nodes[node->after].before) = node->before;
        *(node->decided_before == NONE ? &acks->decided_head : &nodes[node->decided_before].decided_after) =
                node->decided_after;
        *(node->decided_after == NONE ? &acks->decided_tail : &nodes[node->decided_after].decided_before) =
                node->decided_before;
        slot_remove(acks, slot_find(acks, node->tag));
        node->after = acks->free_node;
        acks->free_node = i;
        acks->count--;
}

bool acks_next(struct acks *acks, struct ack_frame *frame)
{
        if (acks->decided_head == NONE)
                return false;
        uint32_t i = acks->nodes[acks->head].decision == ACK_UNDECIDED ? acks->decided_head : acks->head;
        *frame = (struct ack_frame){.tag = acks->nodes[i].tag, .decision = acks->nodes[i].decision};
        bool leads = i == acks->head;
        node_forget(acks, i);
        while (leads && acks->head != NONE && acks->nodes[acks->head].decision == frame->decision) {
                frame->tag = acks->nodes[acks->head].tag;
                frame->multiple = true;
                node_forget(acks, acks->head);
        }
        return true;
}

bool acks_pending(const struct acks *acks)
{
        return acks->decided_head != NONE;
}
