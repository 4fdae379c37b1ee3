#ifndef LEVERET_CORE_REDIS_SERVER_CLOCK_H
#define LEVERET_CORE_REDIS_SERVER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What Redis' clock shows, without asking it before each claim. TIME is asked behind each batch of claims
 * that count on what it said last, and none of them is believed before the answer shows that the clock has
 * not been set meanwhile: a lease is then no shorter by Redis' clock than its owner takes it for.
 *
 * Between asking and hearing the server's clock was read at some moment; the earliest it can have been is
 * when the question was sent. So `ahead_ms` is the most by which that clock can be ahead of ours.
 */

enum {
        SERVER_CLOCK_KEEP_MS = 60000, /* an answer is counted on for so long */
        SERVER_CLOCK_SLOW_MS = 100,   /* one that took longer says too little */
};

/* {0}: nothing is known. */
struct server_clock {
        bool known;
        int64_t ahead_ms; /* of CLOCK_BOOTTIME */
        int64_t told_ms;  /* CLOCK_BOOTTIME of the question */
};

/* TIME, asked at `sent_ms` and answered by `heard_ms` (both CLOCK_BOOTTIME), said `server_ms` since 1970. */
void server_clock_told(struct server_clock *clock, int64_t sent_ms, int64_t heard_ms, int64_t server_ms);
/* Milliseconds since 1970, at CLOCK_BOOTTIME `boot_ms`; 0: not known. */
int64_t server_clock_now(const struct server_clock *clock, int64_t boot_ms);
/* By how much a lease of `lease_ms` is written longer than its owner takes it for: an answer to TIME may be
 * so much later than the one before, and still nothing has to be asked for twice. */
int64_t server_clock_slack_ms(int64_t lease_ms);
/* Is what was written at `boot_ms`, as if Redis' clock had shown `now_ms` + slack, no earlier by that clock
 * as it goes now? TIME behind it was asked at `sent_ms` and said `server_ms`. */
bool server_clock_kept(int64_t boot_ms, int64_t now_ms, int64_t slack_ms, int64_t sent_ms, int64_t server_ms);

#endif
