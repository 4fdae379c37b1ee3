#ifndef LEVERET_CORE_REDIS_SERVER_CLOCK_H
#define LEVERET_CORE_REDIS_SERVER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What Redis' clock shows, without asking it for each job: it is asked now and then with TIME. What is said
 * here is never less than what the server's clock shows when a command that is written now arrives, so a
 * lease that is counted from it is no shorter than its owner takes it for; it is more by the time that the
 * answer took, at most. That a clock is set while somebody holds a lease does what it does to leases of a
 * script as well.
 */

enum {
        SERVER_CLOCK_EVERY_MS = 1000, /* asked so often while there is work */
        SERVER_CLOCK_KEEP_MS = 5000,  /* an answer is believed for so long */
        SERVER_CLOCK_SLOW_MS = 100,   /* one that took longer is not believed */
};

/* {0}: nothing is known. */
struct server_clock {
        bool known;
        int64_t ahead_ms; /* of CLOCK_BOOTTIME */
        int64_t told_ms;  /* CLOCK_BOOTTIME of the question */
};

/* TIME, asked at `sent_ms` and answered by `heard_ms` (both CLOCK_BOOTTIME), said `server_ms` since 1970. */
void server_clock_told(struct server_clock *clock, int64_t sent_ms, int64_t heard_ms, int64_t server_ms);
/* Milliseconds since 1970; 0: not known. */
int64_t server_clock_now(const struct server_clock *clock, int64_t boot_ms);

#endif
