#ifndef LEVERET_IO_NOTIFY_H
#define LEVERET_IO_NOTIFY_H

#include <stdint.h>

/* Reports to the service manager (sd_notify(3)), without its library. If there is none, all of this does
 * nothing. */

/* Sends "READY=1", "STOPPING=1" or "WATCHDOG=1" to the socket that NOTIFY_SOCKET names. Never waits. */
void notify_send(const char *state);

/* How often "WATCHDOG=1" is to be sent, in milliseconds: half of what the manager waits
 * (sd_watchdog_enabled(3)); 0: never. */
int64_t notify_watchdog_ms(void);

#endif
