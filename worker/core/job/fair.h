#ifndef LEVERET_CORE_FAIR_H
#define LEVERET_CORE_FAIR_H

#include <stddef.h>
#include <stdint.h>

/*
 * Weighted fair queueing over up to 64 classes: whose turn is it, if each has something waiting? While two
 * wait, they are served in the ratio of their weights, the heavier first; one that comes back after a rest
 * has saved nothing up (self-clocked fair queueing: Golestani, INFOCOM 1994). Work per decision: one pass
 * over the classes that wait.
 */

enum { FAIR_CLASSES_MAX = 64, FAIR_WEIGHT_MAX = 100 };

struct fair {
        uint64_t now;                      /* virtual: the tag of what was served last */
        uint64_t start[FAIR_CLASSES_MAX];  /* from when on the next of the class is served */
        uint32_t weight[FAIR_CLASSES_MAX]; /* 1 to FAIR_WEIGHT_MAX; 0, as in a zeroed struct, counts as 1 */
};

/* Another weight from now on. */
void fair_weigh(struct fair *fair, size_t class, uint32_t weight);
/* The class, in which nothing waited, has something. */
void fair_begin(struct fair *fair, size_t class);
/* Whose turn it is among those in `waiting` (bit by bit, not 0). */
size_t fair_next(const struct fair *fair, uint64_t waiting);
/* One of the class is served. */
void fair_serve(struct fair *fair, size_t class);

#endif
