#ifndef LEVERET_QUERY_LETTERS_WALK_H
#define LEVERET_QUERY_LETTERS_WALK_H

#include "query/letters.h"

/* Through the index of dead letters for as long as somebody waits, who goes on later where it ended. Memory
 * does not grow with the index. */

enum { LETTERS_WALK_MS = 180 }; /* of the 300 ms within which a list is answered */

struct letters_walk {
        const char *queue;
        const struct letter_filter *filter;
        const char *cursor; /* behind this letter, as letters_cursor() told it; NULL: from the oldest on */
        size_t at_once;     /* how many are asked for together; more if the filter leaves few */
        int64_t until_ms;   /* CLOCK_BOOTTIME; one part is looked at in any case */
        /* Called with each letter that passes; false ends the walk before it. The entry lies until it
         * returns. */
        bool (*take)(void *context, const struct letter_entry *entry);
        void *context;
};

struct letters_walked {
        const char *cursor; /* of the last that was looked at; in the query's arena; NULL: none was */
        bool over;          /* there is nothing behind it */
};

/* NULL, or what Redis said. */
const char *letters_walk(const struct query *query, const struct letters_walk *walk,
                         struct letters_walked *walked);
/* Where a walk goes on behind this letter, also when it is gone by then. */
const char *letters_cursor(struct arena *arena, const struct letter_entry *entry);

#endif
