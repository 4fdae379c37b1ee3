#ifndef LEVERET_IO_REDIS_HOLD_H
#define LEVERET_IO_REDIS_HOLD_H

#include <hiredis/hiredis.h>

/* Inside io only: replies that are not believed before replicas have acknowledged what was written, in order.
 * One that is zeroed is empty. */
struct redis_hold {
        redisReply **replies; /* a ring */
        size_t size, head, count;
        size_t cleared; /* so many of the first are believed */
};

/* The reply is the hold's. */
void redis_hold_push(struct redis_hold *hold, redisReply *reply);
/* The first reply, if it is cleared, and the caller's then; else NULL. */
redisReply *redis_hold_pop(struct redis_hold *hold);
/* All that is in it is cleared. */
void redis_hold_clear(struct redis_hold *hold);
/* The first error among the replies; NULL: there is none. */
const char *redis_hold_error(const struct redis_hold *hold);
/* Forgets all that is in it. */
void redis_hold_drop(struct redis_hold *hold);
void redis_hold_fini(struct redis_hold *hold);

#endif
