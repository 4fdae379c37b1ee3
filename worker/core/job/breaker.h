#ifndef LEVERET_CORE_BREAKER_H
#define LEVERET_CORE_BREAKER_H

#include "core/send/send.h"
#include "core/settings/config.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Stops a worker from burning attempts against a service that is down. Closed: everything may be sent. Open:
 * nothing. Half open: one probe at a time. It opens after `failures` counting ends of distinct jobs with no
 * success between, or at once on refused credentials. Each failed probe doubles the time it stays open, up to
 * open_max_ms. Times are milliseconds of any monotonic clock.
 */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
const char *breaker_state_word(enum breaker_state state); /* closed open half_open */

enum { BREAKER_FAILURES_MAX = CONFIG_BREAKER_FAILURES_MAX };

struct breaker {
        enum breaker_state state;
        int64_t failures_max, open_min_ms, open_max_ms;
        int64_t open_for_ms; /* of the present or next opening */
        int64_t opened_ms;
        bool probing; /* a probe is under way */
        int failures; /* distinct jobs since the last success */
        uint64_t failed_jobs[BREAKER_FAILURES_MAX];
        uint64_t openings, probes; /* since the start */
};

/* `failures`: at most BREAKER_FAILURES_MAX. */
void breaker_init(struct breaker *breaker, int64_t failures, int64_t open_ms, int64_t open_max_ms);
/* Other limits from now on; what has been counted stands. */
void breaker_configure(struct breaker *breaker, int64_t failures, int64_t open_ms, int64_t open_max_ms);
/* Lets time pass: an open breaker whose wait is over becomes half open. True if the state changed. */
bool breaker_tick(struct breaker *breaker, int64_t now_ms);
/* When breaker_tick will have something to do; -1: never. */
int64_t breaker_due_ms(const struct breaker *breaker);
/* May one more send begin? In the half-open state the caller's send is then the probe. */
bool breaker_admit(struct breaker *breaker);
/* The end of a send of the job with this hash; `probe` says whether it was begun half open. Returns true if
 * the message is innocent of a failure (the breaker was or is now open): the attempt is not burnt. */
bool breaker_result(struct breaker *breaker, uint64_t job, bool probe, const struct send_result *result,
                    int64_t now_ms);
/* The admitted send was not begun after all. */
void breaker_withdraw(struct breaker *breaker);

#endif
