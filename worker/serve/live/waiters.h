#ifndef LEVERET_SERVE_WAITERS_H
#define LEVERET_SERVE_WAITERS_H

#include "io/serve/http_server.h"
#include "query/query.h"

/* Requests that wait for the end of a job. They cost no thread: one looks at the records of all. */
struct waiters;

struct waiters *waiters_open(void);
/* Frees it, once all were answered. */
void waiters_close(struct waiters *waiters);

/* Who waits for what. Texts are copied. */
struct waiting {
        const char *word;      /* the job's id, or a dead id */
        const char *token;     /* of the client; NULL: none was needed */
        bool own;              /* only jobs that it published are shown to it */
        int64_t until_boot_ms; /* then it is answered as the job is */
};
/* Any thread. False: waiters_end was called. */
bool waiters_add(struct waiters *waiters, const struct waiting *waiting, const struct http_request *request);
/* On the thread that looks: answers those whose job has ended or whose time is over. How many wait on. */
size_t waiters_look(struct waiters *waiters, const struct query *query);
/* Answers all, as their jobs are, or 503 without Redis (`query` NULL); and takes no more if `last`. */
void waiters_end(struct waiters *waiters, const struct query *query, bool last);

/* The answer about one job: its record and timeline, 404, or 403. False: Redis cannot be asked. `awaited` is
 * the id to wait for if, as answered, more is to come, else NULL; in the query's arena. */
bool job_answer(const struct query *query, const struct waiting *waiting, struct http_answer *answer,
                const char **awaited);

#endif
