#ifndef LEVERET_QUERY_JOBS_H
#define LEVERET_QUERY_JOBS_H

#include "core/text/buffer.h"
#include "query/query.h"

#include <stdbool.h>
#include <stdint.h>

/* Records and timelines of jobs. */

/* The field of a record as a number; 0 if it is none. */
int64_t job_field_integer(const struct redis_value *record, const char *name);
/* Running, but the lease ran out and nobody has taken it over: it waits for a redelivery, or its message is
 * gone. */
bool job_is_stuck(const struct redis_value *record);

/* The record of the job with that id, or of the one that a dead id stands for; `id` is the job's. Without any
 * field: there is none. REDIS_FAILED: Redis cannot be asked. */
const struct redis_value *job_find(const struct query *query, const char *word, const char **id);
/* The entries of its timeline, each a text of JSON. */
const struct redis_value *job_events(const struct query *query, const char *id);
/* Adds them as an array; what is no JSON, so no entry of leveret's, is left out. */
void job_add_timeline(const struct query *query, const char *id, struct buffer *out);
/* Adds the members of the record, `"id":..,"state":..`, without the timeline. */
void job_add_fields(const char *id, const struct redis_value *record, struct buffer *out);
/* Adds the record with its timeline as one JSON object. */
void job_add_json(const struct query *query, const char *id, const struct redis_value *record,
                  struct buffer *out);

/* Which jobs; NULL or 0: all. */
struct job_filter {
        const char *state, *type, *subject;
        int64_t since_ms; /* came into their state then or later */
        int64_t after_ms; /* with after_id: the last row of the page before */
        const char *after_id;
};

struct job_row {
        const char *id;
        int64_t at_ms; /* since when it is in its state; with a subject, since when it is known */
        const struct redis_value *record;
};

struct job_list {
        struct job_row *rows;
        size_t count;
        const char *error; /* what Redis said, if it cannot be asked; else NULL */
        bool more;         /* there are others behind them */
        bool complete;     /* false: the index keeps only the latest, so there may have been more */
};

/* The states that an index is kept for; ended by NULL. */
extern const char *const jobs_listed_states[];
/* The newest that match and still have a record, at most `limit`. */
void jobs_list(const struct query *query, const struct job_filter *filter, size_t limit,
               struct job_list *list);
/* What is wrong with the state that is asked for, or NULL. */
const char *jobs_state_problem(const struct job_filter *filter);

#endif
