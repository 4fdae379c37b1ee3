#ifndef LEVERET_ENGINE_LOOP_H
#define LEVERET_ENGINE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/*
 * Those calls of libuv that worker/run makes, in virtual time: a turn is timers, idle, prepare, poll, check,
 * closing, in this order and each with libuv's own rules. What poll finds
 * is handed in; nothing ever waits.
 */

/* The clock of all loops, in milliseconds; the caller's. */
extern int64_t loop_clock_ms;
/* Called when a loop would never go on: handles are active that nothing wakes, or a timer is due for ever.
 * Does not return. */
extern void (*loop_stuck)(const char *why);

/* One turn. */
void loop_turn(uv_loop_t *loop);
/* Has uv_stop been called, or is nothing left that could call back? */
bool loop_is_over(const uv_loop_t *loop);
/* When the next turn is due: loop_clock_ms if it may not sleep, else that of the next timer; INT64_MAX:
 * never. */
int64_t loop_wake_ms(const uv_loop_t *loop);

/* Those sockets that are watched may be read now; from inside a call of loop_deliver. */
void loop_readable(uv_loop_t *loop);

typedef void loop_call(void *context);
/* The next poll calls this, after what was handed in before. */
void loop_deliver(uv_loop_t *loop, loop_call *call, void *context);
/* A signal of that number, for those handles that wait for it. False: nobody does. */
bool loop_signal(uv_loop_t *loop, int number);

#endif
