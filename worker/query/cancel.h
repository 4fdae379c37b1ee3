#ifndef LEVERET_QUERY_CANCEL_H
#define LEVERET_QUERY_CANCEL_H

#include "query/query.h"

/* A job that waits (scheduled, queued, retrying) and is not to be done. */

enum cancel_end {
        CANCEL_DONE,    /* no worker begins it any more; its message is acknowledged when it comes */
        CANCEL_RUNS,    /* a worker has it, or had it when it died: too late */
        CANCEL_OVER,    /* it has ended before, one way or the other */
        CANCEL_UNKNOWN, /* there is no record: no worker has seen it, or it has expired */
        CANCEL_FAILED,  /* Redis cannot be asked; it may have been carried out all the same */
};

struct cancel_answer {
        const char *id;    /* of the job, also where a dead id was asked for */
        const char *state; /* before */
        const char *error; /* CANCEL_FAILED: what Redis said */
        const char **sent; /* keys of the effects that had gone out before */
        size_t sent_count;
};

/* `word` is the id of a job or a dead id. `by` stands in the timeline as who asked: a token's name, or that
 * of the command. What it answers is true: the job is claimed and cancelled at one place. */
enum cancel_end query_cancel(const struct query *query, const char *word, const char *by,
                             struct cancel_answer *answer);

#endif
