#ifndef LEVERET_CORE_WINDOW_H
#define LEVERET_CORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many sends of an outlet may be under way at once. It is found as TCP finds its window (RFC 5681): a few
 * at first, more as long as the service takes them, one fewer for each connection that is refused, and then
 * one more now and then. It also tells a refused connection from an outage. Times are milliseconds of any
 * monotonic clock.
 */
struct window {
        size_t size, max;
        bool found;              /* a connection was refused: it grows slowly from now on */
        bool grown;              /* since the last refusal */
        int64_t grow_every_ms;   /* how long to wait before one more is tried */
        int64_t grow_ms;         /* when that is over */
        int64_t began_ms;        /* the first send; -1: none yet */
        int64_t refused_ms;      /* the first refusal since the last success; -1: none */
        int64_t served_ms;       /* the last success; -1: none yet */
        int64_t pause_ms;        /* the last pause; 0: none since the last success */
        int64_t paused_until_ms; /* nothing is begun before */
        int64_t told_ms;         /* when window_is_news said so last; -1: never */
};

/* A connection that was refused, or closed before it was greeted. */
struct window_refusal {
        size_t used;     /* sends under way, this one included */
        size_t standing; /* connections that are open nevertheless */
        bool told;       /* the service said that there are too many; else it may be down */
};

/* `first`: how many may begin at once before anything is known, 1 to `max`. */
void window_init(struct window *window, size_t first, size_t max);
/* May one more begin beside `used`? */
bool window_is_open(const struct window *window, size_t used, int64_t now_ms);
/* How many more may begin beside `used`. */
size_t window_room(const struct window *window, size_t used, int64_t now_ms);
/* How long until one more may begin beside `used` though none ends; 0: now; -1: not by time alone. */
int64_t window_wait_ms(const struct window *window, size_t used, int64_t now_ms);
/* One more begins. */
void window_begin(struct window *window, int64_t now_ms);
/* A send was answered; `used` were under way, this one included. */
void window_served(struct window *window, size_t used, int64_t now_ms);
/* True if it was one too many: the send may begin again when window_is_open. False if nobody has been served
 * for so long, or nothing else stands and nobody spoke of a limit, that it is an outage. */
bool window_refused(struct window *window, const struct window_refusal *refusal, int64_t now_ms);
/* After a refusal: is it to be told to people? At most once a minute. */
bool window_is_news(struct window *window, int64_t now_ms);

#endif
