#ifndef LEVERET_QUERY_FIGURES_H
#define LEVERET_QUERY_FIGURES_H

#include "core/text/buffer.h"
#include "query/fleet.h"

/* What all workers and queues are in few numbers, now and in the last hour. */

struct figures {
        int64_t ready, retrying, in_flight, dead; /* -1: not known */
        int64_t oldest_ms;             /* so long what waits, waits at most; 0: nothing; -1: not known */
        size_t workers, breakers_open; /* workers of which an outlet is shut */
        double rate;                   /* completed a second */
        bool complete;                 /* false: the broker could not be asked */
};

void figures_of(const struct fleet *fleet, struct figures *figures);
/* Adds the members `"ready":..,` and so on, without braces. */
void figures_add(const struct figures *figures, struct buffer *out);

/* Takes a sample if no process has in the last RECORD_SAMPLE_EVERY_MS. The latest RECORD_SAMPLES_MAX are
 * kept. */
void samples_take(const struct query *query);
/* Adds those of the last hour, the oldest first, as the items of a JSON array. NULL, or what Redis said. */
const char *samples_add(const struct query *query, struct buffer *out);

#endif
