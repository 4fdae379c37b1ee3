#ifndef LEVERET_IO_TURN_H
#define LEVERET_IO_TURN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How long the present turn of the loop is. Every source of work (replies of Redis, sockets of mails, frames
 * of the broker, jobs to begin) does a little in each turn, and more only while the turn is short: so none of
 * them keeps heartbeats, leases and the others waiting, however much has come at once.
 */

/* Ends the thread's last turn and begins a new one. Returns the microseconds of CPU that the last one used, 0
 * if there was none. */
int64_t turn_begin(void);
/* Has the present turn used a millisecond of CPU? Every fourth call looks. False where no turn was begun. */
bool turn_is_long(void);

/* This turn brought something, so more may have arrived already. */
void turn_worked(void);
/* Should writes that are not urgent, such as acks, wait for the next turn and leave in one batch? True while
 * turns bring something, for at most six milliseconds of CPU. A caller that lets a write wait must not let
 * the loop sleep. Decided when a turn begins. False where no turn was begun. */
bool turn_collects(void);

#endif
