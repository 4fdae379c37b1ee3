#ifndef LEVERET_IO_PROCESS_USAGE_H
#define LEVERET_IO_PROCESS_USAGE_H

#include "core/metrics.h"

/* Fills in what the kernel knows of this process; what cannot be read stays 0. Takes some 20 microseconds
 * with few descriptors: meant for each scrape, not for each message. `start_s` is kept if it is set already.
 */
void process_usage_read(struct metrics_process *usage);

#endif
