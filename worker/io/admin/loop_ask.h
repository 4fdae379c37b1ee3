#ifndef LEVERET_IO_LOOP_ASK_H
#define LEVERET_IO_LOOP_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/*
 * Lets ONE other thread ask something of the loop's thread and wait for the answer, within a time limit.
 * There is one question at a time, so nothing can pile up: while an earlier question is still unanswered, the
 * next one fails at once, which also keeps a server with one thread responsive when the loop is stuck.
 */
struct loop_ask;

enum loop_ask_end {
        LOOP_ANSWERED,
        LOOP_SILENT, /* the loop did not answer within the limit; it may still do so, to nobody */
        LOOP_CLOSED, /* loop_ask_shut was called */
};

/* Runs on the loop's thread. `question` is a copy of what was asked and may be changed: it is the answer. If
 * the answer comes too late, `drop` is called with it, also on the loop's thread. */
struct loop_ask_events {
        void (*answer)(void *context, void *question);
        void (*drop)(void *context, void *question);
};

/* On the loop's thread. `size` of a question in bytes. Holds the loop alive no longer than other handles do.
 */
struct loop_ask *loop_ask_open(uv_loop_t *loop, size_t size, const struct loop_ask_events *events,
                               void *context);

/* On the asking thread. Waits at most `limit_ms`. On LOOP_ANSWERED `question` holds the answer, else it is
 * unchanged. */
enum loop_ask_end loop_ask(struct loop_ask *ask, void *question, int64_t limit_ms);

/* Any thread: milliseconds since the loop last began a turn. */
int64_t loop_ask_since_turn_ms(const struct loop_ask *ask);

/* On the loop's thread. A waiting question ends with LOOP_CLOSED, and so does every later one. */
void loop_ask_shut(struct loop_ask *ask);
/* On the loop's thread, once nobody asks any more. Freed by the loop's next turn. */
void loop_ask_close(struct loop_ask *ask);

#endif
