#ifndef LEVERET_QUERY_FLEET_H
#define LEVERET_QUERY_FLEET_H

#include "query/query.h"

/* What runs now: the workers as they tell of themselves in Redis, the queues as the broker counts them. All
 * memory is the arena of the query. */

struct fleet_worker {
        const struct redis_value *told; /* all of its record */
        const char *name, *host, *pid, *version, *state, *queues, *paused, *breaker;
        int64_t in_flight, completed, started_ms, seen_ms;
        double rate; /* completed a second, as of its last telling */
};

struct fleet_tier {
        const char *name; /* "5s" */
        bool exists;
        int64_t messages;
};

struct fleet_queue {
        const char *name;
        bool exists, paused;
        int64_t ready, consumers, dead; /* -1: the broker could not be asked, or has no such queue */
        int64_t in_flight;              /* as the workers tell; -1: one of them does not */
        int64_t oldest_ms;          /* what waits, waits no longer than this; 0: nothing waits; -1: unknown */
        int64_t later, last_due_ms; /* how many wait for their time, until when (since 1970) the last does */
        int64_t oldest_dead_ms;     /* since 1970; 0: none */
        struct fleet_tier tiers[CONFIG_TIERS_MAX];
        size_t tier_count;
};

struct fleet {
        struct fleet_worker *workers;
        size_t worker_count;
        struct fleet_queue *queues; /* as configured, then leveret.unrouted */
        size_t queue_count;
        const char *trouble; /* the broker could not be asked; or NULL */
};

/* NULL, or what Redis said. Trouble with the broker is told only in `trouble`: the workers are known all the
 * same. */
const char *fleet_look(const struct query *query, struct fleet *fleet);
/* Is it one of these, separated by spaces? */
bool fleet_has_word(const char *words, const char *word);
/* Only the workers. NULL, or what Redis said. A `quick` query does not see workers before 0.2.0 in a Redis of
 * more than 20,000 keys. */
const char *fleet_workers(const struct query *query, struct fleet *fleet);

#endif
