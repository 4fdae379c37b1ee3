#ifndef LEVERET_CORE_TRACESTATE_H
#define LEVERET_CORE_TRACESTATE_H

#include "core/memory/arena.h"

#include <stdbool.h>

enum {
        TRACESTATE_MAX = 512, /* bytes; what every participant has to hand on (section 3.3.1.5) */
        TRACESTATE_MEMBERS_MAX = 32
};

/*
 * Reads a tracestate of W3C Trace Context section 3.3 and writes it as it goes on: the same members in the
 * same order, without blanks between them. Of one that is longer than TRACESTATE_MAX, whole members are left
 * out, those of more than 128 bytes first, then from the end. NULL if there is none, or if one member is
 * invalid or there are too many: then all of it is dropped. The text is in the arena.
 */
const char *tracestate_read(struct arena *arena, struct slice text);

/* May this be sent as it is? It has members, each is valid, and it is within the bounds. */
bool tracestate_valid(struct slice text);

#endif
