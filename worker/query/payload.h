#ifndef LEVERET_QUERY_PAYLOAD_H
#define LEVERET_QUERY_PAYLOAD_H

#include "query/query.h"

#include <stdbool.h>

/* The payload of a job after its message is gone: kept for claim.keep_payload, or in a dead letter. */

enum payload_found {
        PAYLOAD_FOUND,
        PAYLOAD_ABSENT, /* not kept, or no more */
        PAYLOAD_CUT,    /* the letter is longer than what the index keeps of it */
        PAYLOAD_BAD,    /* the letter has none that can be read: `error` says why */
        PAYLOAD_FAILED, /* Redis cannot be asked */
};

struct payload {
        enum payload_found found;
        struct slice data;
        const char *error;
};

/* That of the job with this id, as it was kept. */
struct payload payload_kept(const struct query *query, const char *id);
/* Is it kept? */
bool payload_is_kept(const struct query *query, const char *id);
/* That of a dead letter, as the index knows it (letter_find): the kept one of its job, else what its head
 * says. */
struct payload payload_of_letter(const struct query *query, const struct redis_value *letter);

#endif
