#ifndef LEVERET_SERVE_WORK_KINDS_H
#define LEVERET_SERVE_WORK_KINDS_H

#include "serve/serve.h"
#include "serve/work.h"

/* What an operation does, on its thread. */
int work_redrive(struct work *work);
int work_drop(struct work *work);
int work_edit(struct work *work);
int work_restore(struct work *work);

/* A work on the queue of the path. NULL: refused. */
struct work *work_on_queue(const struct serve_call *call, const char *kind);
/* False: somebody works on it already, which is told. */
bool work_queue_is_free(const struct serve_call *call, struct work *work);
/* Begins it and answers with its operation, or refuses; the work is taken over. */
void work_answer(const struct serve_call *call, struct work *work);
/* What went wrong in a function of dlq.h, as a problem. */
void work_refuse(const struct serve_call *call, const struct work *work, int status);

#endif
