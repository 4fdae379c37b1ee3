#ifndef LEVERET_IO_ASIDE_H
#define LEVERET_IO_ASIDE_H

#include <uv.h>

/* Work beside the loop that may hang for as long as a name server likes: on a thread of its own, so that
 * nothing else waits for it, neither other work nor the end of the process. */

struct aside;

struct aside_job {
        void (*work)(void *context); /* on the thread */
        void (*done)(void *context); /* on the loop, to which the context then belongs again */
        void (*drop)(void *context); /* in place of `done` once abandoned, on any thread; frees the context */
};

/* Starts the work. The context is the thread's until `done`. NULL if the system has no thread for us; then
 * nothing happens to the context. */
struct aside *aside_start(uv_loop_t *loop, const struct aside_job *job, void *context);
/* Before `done` only: the result is wanted no more. Work that hangs is left to itself. */
void aside_abandon(struct aside *aside);

#endif
