#ifndef LEVERET_QUERY_LETTERS_TALLY_H
#define LEVERET_QUERY_LETTERS_TALLY_H

#include "query/letters_walk.h"

/* The groups of a queue's dead letters, counted for LETTERS_WALK_MS a call; the next call goes on where this
 * one ended, as long as all that was counted is there still. For one thread at a time. */

enum { LETTERS_GROUPS_MAX = 1000 }; /* letters of further groups are told, and counted in none */

struct letters_tally;

struct letters_tally *letters_tally_open(void);
void letters_tally_close(struct letters_tally *tally);

struct letters_counted {
        const struct letter_group *groups; /* the largest first, until the next call */
        size_t count;
        int64_t letters; /* that the index holds, whether they pass or not */
        bool complete;   /* all of them were looked at, and each that passes is in a group */
};

/* Counts on, of the queue and the filter, which are the same at each call with this tally. NULL, or what
 * Redis said. */
const char *letters_tally_count(struct letters_tally *tally, const struct query *query, const char *queue,
                                const struct letter_filter *filter, struct letters_counted *counted);

#endif
