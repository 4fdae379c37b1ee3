#ifndef LEVERET_SERVE_WORK_H
#define LEVERET_SERVE_WORK_H

#include "query/dlq/dlq.h"
#include "query/operation.h"

#include <stdatomic.h>

/* Long work on dead letters, each on a thread of its own, until it ends or the process does. */

struct works;

enum {
        WORKS_MAX = 8,
        WORK_TEXT_MAX = 1024,
        WORKS_LAST_S = 4, /* for one that waits for a broker that hangs, when all is to end */
};

struct work {
        struct works *works;
        struct arena arena; /* all of it lies here */
        struct dlq dlq;     /* without a connection to Redis while it is prepared; then with one of its own */
        struct operation operation;
        int (*run)(struct work *work); /* as the functions of dlq.h; sets operation.done and the like */
        int told_status;               /* of the first thing that went wrong; 0: nothing */
        char told[WORK_TEXT_MAX];
        /* What the kinds need. */
        double rate;
        struct copy_edit edit;
        const char *source; /* the operation whose letters are restored */
        /* Of works.c. */
        atomic_bool stop;
        atomic_int_least64_t done, total;
        pthread_t thread;
        struct work *next;
};

struct works *works_open(const struct config *config, const struct type_set *types);
/* One that is prepared by the caller; the query's connection is its own until it begins. */
struct work *work_new(struct works *works, const struct query *query, const char *token);
void work_free(struct work *work);
/* Begins it and takes it over; its operation is saved before. False: there are too many, or it cannot be
 * saved. */
bool work_begin(struct work *work);
/* On any one thread, about once a second: tells how far each is, and ends those that are asked to. */
void works_tick(struct works *works, const struct query *query);
/* Asks all to end: what was begun is finished, the rest stays as it is; takes no more. */
void works_shut(struct works *works);
/* The same, and waits for it, at most WORKS_LAST_S. False: one does not end; the process must end at once,
 * and other processes tell of the operation as stopped. */
bool works_end(struct works *works);
/* After works_end, when works_tick is called no more. */
void works_close(struct works *works);

#endif
