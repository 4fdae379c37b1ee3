#ifndef LEVERET_CORE_PACE_H
#define LEVERET_CORE_PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How many sends a second a service takes that answers "too many requests" (RFC 6585 section 4). Nothing is
 * held back before it says so. Then the pace is what it took in the second before, grows slowly, most slowly
 * near where it was refused, and gives way at each refusal. Where the answers tell what is left until a
 * reset, no more than that is sent. Times are milliseconds of any monotonic clock.
 */
enum { PACE_SLOTS = 10 }; /* of 100 ms */

struct pace {
        double per_second; /* 0: not known, not held back */
        double ceiling;    /* the pace at which it was refused last */
        double due_ms;     /* when the next may begin */
        int64_t refused_ms;
        bool first;   /* it was the first refusal: what was under way then shows how many were taken */
        int64_t slot; /* number of the newest slot of what was accepted */
        uint32_t accepted[PACE_SLOTS];
        int64_t left, reset_ms; /* so many more may be sent before then; reset_ms 0: it did not tell */
};

/* May one more begin now? 0; else after so many milliseconds. */
int64_t pace_wait_ms(const struct pace *pace, int64_t now_ms);
void pace_begin(struct pace *pace, int64_t now_ms);
void pace_accepted(struct pace *pace, int64_t now_ms);
void pace_refused(struct pace *pace, int64_t now_ms);
/* The answer says that `left` more are allowed in the next `reset_ms`; `under_way` others may not have been
 * counted yet. Where the pace is known, a reset within a second is not used: it is too coarse. */
void pace_told(struct pace *pace, int64_t left, int64_t reset_ms, int64_t under_way, int64_t now_ms);

#endif
