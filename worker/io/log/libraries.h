#ifndef LEVERET_IO_LIBRARIES_H
#define LEVERET_IO_LIBRARIES_H

/*
 * Sets up, for the whole process and before anything else, what the libraries do once. All that can be given
 * an allocator get ours, which ends the process when there is no memory: else a parser says "not JSON", and a
 * transfer "could not send", of what was only out of memory, and an innocent message pays for it. librabbitmq
 * and hiredis take none; what they report costs their connection.
 */
void libraries_open(void);
void libraries_close(void);

#endif
