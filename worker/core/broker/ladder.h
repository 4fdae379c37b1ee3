#ifndef LEVERET_CORE_LADDER_H
#define LEVERET_CORE_LADDER_H

#include "core/memory/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where a message waits for its time: in RabbitMQ, on queues that nobody consumes. Rung n is a queue
 * leveret.later.<n> whose messages expire after 2^n granules; the exchange of the same name leads a message
 * into it if bit n of its delay is set, and else on to the exchange below. What expires on a rung goes to the
 * exchange below it. So a message waits once on the rung of each set bit, from the greatest to the least, and
 * every queue is first in, first out: none waits behind one that is due later.
 *
 * At the foot, the exchange leveret.later leads it into leveret.later.to.<queue>, which is of its work queue
 * alone: if that is full, no other waits for it. From there it goes to leveret.return.
 *
 * The routing key is one word for each rung, from the greatest to the least, 1 or 0, and then the work
 * queue's name.
 */
#define LADDER_FOOT "leveret.later"

enum {
        LADDER_RUNGS = 28,
        LADDER_GRANULE_MS = 250, /* waits are rounded up to it */
        LADDER_FOOT_TTL_MS = 1,
};
/* So far ahead a deliver-at may be. All rungs together wait twice as long. */
#define LADDER_MAX_MS (INT64_C(400) * 24 * 3600 * 1000)

/* "leveret.later.07": of the exchange and of the queue. */
const char *ladder_rung_name(struct arena *arena, size_t rung);
int64_t ladder_rung_ms(size_t rung);
/* "leveret.later.to.<queue>" */
const char *ladder_last_name(struct arena *arena, const char *queue);
/* The binding key of a rung's exchange: to its queue (`set`), or to the exchange below. */
const char *ladder_rung_pattern(struct arena *arena, size_t rung, bool set);
/* That of the foot's exchange to the last queue of this work queue. */
const char *ladder_last_pattern(struct arena *arena, const char *queue);

/* How a message gets onto the ladder so that it comes off after `delay_ms` or a little later, never earlier;
 * at most after twice LADDER_MAX_MS. */
struct ladder_way {
        const char *exchange, *key;
};
struct ladder_way ladder_way(struct arena *arena, const char *queue, int64_t delay_ms);

#endif
