#ifndef LEVERET_RUN_WATCHDOG_H
#define LEVERET_RUN_WATCHDOG_H

/* Ends the process when the loop has not turned for 10 s of its running time. */
struct watchdog;

struct watchdog *watchdog_start(void);
void watchdog_turned(struct watchdog *watchdog);
void watchdog_stop(struct watchdog *watchdog);

#endif
