#ifndef LEVERET_IO_REDIS_QUICK_H
#define LEVERET_IO_REDIS_QUICK_H

#include "io/redis/redis_store_state.h"

/*
 * The claim of a job that is probably new, by one command in place of a script: RESTORE writes the whole
 * record, the very one that claim_new.lua writes, if there is none, and says BUSYKEY if there is. The lease
 * counts from what is known of Redis' clock, and a TIME behind the batch shows whether that held: if not, the
 * claim is told as `known`, and the script that is asked then finds it its own and sets it right
 * (core/redis/server_clock.h). Inside redis_*.c only.
 */

/* What a record holds of its message if it is given, each a name and a value. Borrowed from the claim. */
enum { CLAIM_PARTICULARS_MAX = 5 };
size_t redis_claim_particulars(const struct store_claim *claim, struct slice list[][2]);

/* Asks for it in `request`'s name. False: it is a script's work, and nothing happened. */
bool redis_quick_claim(struct redis_store *store, const struct store_identity *identity,
                       const struct store_claim *claim, struct request request);
/* The answer to that, which is first in the ring. False: it is neither of the two. */
bool redis_quick_answer(struct redis_store *store, const redisReply *reply);
/* Before a batch leaves: asks along with it for Redis' clock, if a claim in it counts on that or it is not
 * known yet. */
void redis_quick_ask_clock(struct redis_store *store);
/* The answer to that, which is first in the ring: such claims are believed now, or asked for again. */
void redis_quick_clock_told(struct redis_store *store, const redisReply *reply);

#endif
