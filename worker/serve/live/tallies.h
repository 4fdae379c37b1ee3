#ifndef LEVERET_SERVE_TALLIES_H
#define LEVERET_SERVE_TALLIES_H

#include "query/letters_tally.h"

/* What was counted of dead letters for one request, kept for the next that asks the same. */
struct tallies;
struct tally_slot;

struct tallies *tallies_open(void);
void tallies_close(struct tallies *tallies);

/* The tally of what `asked` names, an empty one if there is none; waits while another thread has it. `asked`
 * NULL: an empty one that is not kept. To be given back. */
struct tally_slot *tallies_take(struct tallies *tallies, const char *asked);
struct letters_tally *tally_of(const struct tally_slot *slot);
void tallies_give(struct tallies *tallies, struct tally_slot *slot);

#endif
