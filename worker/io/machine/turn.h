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
/* Has the present turn used a millisecond of CPU? Looked at each fourth time. Never where no turn was
 * begun. */
bool turn_is_long(void);

/* Something has come in the present turn: more may be there already. */
void turn_worked(void);
/* May what is in no hurry, as acks are, wait for the next turn, to leave in one piece with more? As long as
 * turns bring something, but for six milliseconds of CPU at most; who lets something wait must not let the
 * loop sleep. Settled when a turn begins. Never where no turn was begun. */
bool turn_collects(void);

#endif
