#ifndef LEVERET_CORE_REDIS_SLOTS_H
#define LEVERET_CORE_REDIS_SLOTS_H

#include "core/memory/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which node of a cluster has which key
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/). */

enum { REDIS_SLOT_COUNT = 16384, REDIS_NODES_MAX = 128, REDIS_HOST_SIZE = 256, REDIS_SLOT_NOBODY = 255 };

/* The slot of a key: CRC16 of what stands in its first braces, if that is not empty, else of all of it. */
uint16_t redis_slot(struct slice key);

struct redis_slots {
        struct redis_slots_node {
                char host[REDIS_HOST_SIZE];
                uint16_t port;
        } nodes[REDIS_NODES_MAX]; /* primaries */
        size_t count;
        uint8_t owner[REDIS_SLOT_COUNT]; /* index in nodes, or REDIS_SLOT_NOBODY */
};

/* No node, no owner. */
void redis_slots_init(struct redis_slots *slots);
/* The index of the node; -1: there is none of it. */
int redis_slots_find(const struct redis_slots *slots, const char *host, uint16_t port);
/* The same, added if need be; -1: there are too many, or the host is too long. */
int redis_slots_add(struct redis_slots *slots, const char *host, uint16_t port);
/* From slot `from` to slot `to`, inclusive, all are the node's. False if they are no slots. */
bool redis_slots_assign(struct redis_slots *slots, int64_t from, int64_t to, int node);
/* How many have no owner. */
size_t redis_slots_missing(const struct redis_slots *slots);
/* A number whose key "<before>{<number>}" is the node's; -1: there is none, for `before` has braces of its
 * own or the node has no slot. */
int redis_slots_tag(const struct redis_slots *slots, int node, const char *before);

enum redis_redirect_kind {
        REDIRECT_NONE,  /* another error */
        REDIRECT_MOVED, /* the slot is there from now on */
        REDIRECT_ASK,   /* this key may be there already: after ASKING, this once */
        REDIRECT_AGAIN, /* the keys are under way: here, a little later */
};

struct redis_redirect {
        enum redis_redirect_kind kind;
        uint16_t slot, port;
        char host[REDIS_HOST_SIZE]; /* "": that of the node which says so */
};

/* What an error of a node says of where the key is. */
struct redis_redirect redis_redirect_parse(struct slice error);

/* Where in a command its key is; 0: it has none, or it may go to any node. `words` are its name and
 * arguments. */
size_t redis_key_index(const struct slice *words, size_t count);

#endif
