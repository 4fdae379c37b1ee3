#ifndef LEVERET_CORE_BREAKER_H
#define LEVERET_CORE_BREAKER_H

#include "core/send/send.h"
#include "core/settings/config.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Stops a worker from burning attempts against a service that is down, or against an account that is refused.
 * Closed: everything may be sent. Open: nothing. Half open: one probe at a time. Each failed probe doubles
 * the time it stays open, up to open_max_ms. Times are milliseconds of any monotonic clock.
 *
 * It opens after `failures` ends of distinct jobs with no success between, of three kinds:
 *  - ends that count: the service is down;
 *  - refusals of the account or the settings. If nothing was accepted since the last opening, or no mail was
 *    named yet, the first one is enough. Else it may be this one mail that is refused so: a job that is
 * refused again after another was accepted in between burns its attempt, all others are innocent;
 *  - final refusals in the same words, which may be the account's too (a quota, a sender that is not
 * allowed). All but the last of these jobs die of it, for nobody could know; so at least two are needed.
 */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
const char *breaker_state_word(enum breaker_state state); /* closed open half_open */

enum { BREAKER_FAILURES_MAX = CONFIG_BREAKER_FAILURES_MAX, BREAKER_SUSPECTS = 1024 };

/* A job that was refused as if it were the account's fault; `job` 0: none. */
struct breaker_suspect {
        uint64_t job, successes; /* how many sends had succeeded then */
};

struct breaker {
        enum breaker_state state;
        int64_t failures_max, open_min_ms, open_max_ms;
        int64_t open_for_ms; /* of the present or next opening */
        int64_t opened_ms;
        bool probing; /* a probe is under way */
        int failures; /* distinct jobs since the last success */
        uint64_t failed_jobs[BREAKER_FAILURES_MAX];
        uint64_t openings, probes; /* since the start */
        uint64_t successes;        /* since the start */
        bool trusted;              /* something was accepted since the last opening */
        uint64_t likeness;         /* of the last final refusals; 0: none since the last success */
        int alike;                 /* distinct jobs with it, in a row */
        uint64_t alike_jobs[BREAKER_FAILURES_MAX];
        struct breaker_suspect
                suspects[BREAKER_SUSPECTS]; /* by hash: a newer one takes the place of an older */
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
 * the message is innocent of a failure: the attempt is not burnt. Of a final refusal `breaker->alike` then
 * says how many distinct jobs in a row were refused in these words, this one included. */
bool breaker_result(struct breaker *breaker, uint64_t job, bool probe, const struct send_result *result,
                    int64_t now_ms);
/* After breaker_result: if the result is one of several final refusals in the same words, says so at the end
 * of `error`, which is shortened to have room. */
void breaker_explain(const struct breaker *breaker, const struct send_result *result,
                     char error[SEND_ERROR_MAX]);
/* The admitted send was not begun after all. */
void breaker_withdraw(struct breaker *breaker);

#endif
