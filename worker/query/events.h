#ifndef LEVERET_QUERY_EVENTS_H
#define LEVERET_QUERY_EVENTS_H

#include "core/record/tell.h"
#include "query/query.h"

/* What others are to be told of a job that no worker has in its hands, as one that was cancelled. */
struct query_events {
        const char *key, *due; /* of the record; what it says is due */
        struct tell list[DUE_MAX];
        size_t count;
};

/* Asks the record of the job. Nothing is due also where Redis cannot be asked, or others are told of nothing:
 * a worker makes up for it when the job's message comes. */
void query_events_due(const struct query *query, const char *id, struct query_events *events);
/* They are published and confirmed. */
void query_events_told(const struct query *query, const struct query_events *events);

#endif
