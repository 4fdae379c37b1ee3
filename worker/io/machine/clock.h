#ifndef LEVERET_IO_CLOCK_H
#define LEVERET_IO_CLOCK_H

#include <stdint.h>

/* Milliseconds since the machine booted, suspended time included (CLOCK_BOOTTIME): for leases and time-outs.
 */
int64_t clock_boot_ms(void);
/* Milliseconds since 1970 (CLOCK_REALTIME): for what people and other machines read. */
int64_t clock_wall_ms(void);
/* The same two in nanoseconds. */
int64_t clock_boot_ns(void);
int64_t clock_wall_ns(void);
/* Microseconds of CPU that the calling thread has used. */
int64_t clock_thread_cpu_us(void);

#endif
