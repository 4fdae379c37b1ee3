#ifndef LEVERET_QUERY_PAUSE_H
#define LEVERET_QUERY_PAUSE_H

#include "query/query.h"

#include <stdbool.h>
#include <stddef.h>

struct pause {
        bool changed;   /* it was not so before */
        size_t workers; /* that consume the queue */
        size_t late;    /* of them, who have not followed within 3 s */
};

/* Pauses a queue or lets it go on, and waits until every worker that consumes it has told that it follows, at
 * most 3 s. NULL, or what Redis said. */
const char *query_pause(const struct query *query, const char *queue, bool paused, struct pause *pause);
/* Is it a work queue of the configuration? */
bool query_has_queue(const struct config *config, const char *queue);

#endif
