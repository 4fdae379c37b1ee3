#ifndef LEVERET_RUN_TYPES_H
#define LEVERET_RUN_TYPES_H

#include "run/state.h"

/* ---- types.c: what a reload changes of them ---- */
void types_open(struct engine *engine);
/* From now on messages are of these types; those in flight keep theirs. */
void types_replace(struct engine *engine, struct type_set *types);
/* Tells other versions which types this one knows; at once, or when it is due. */
void types_tell(struct engine *engine);
void types_look(struct engine *engine, int64_t now_ms); /* once a tick */
/* Is the delivery's type one that only other versions know? Asked on the connection of the claim that
 * follows, so that it is answered before. */
void types_ask(struct delivery *delivery);
/* How long the delivery is put off for the version that knows its type; 0: it is not. */
int64_t types_grace_ms(const struct delivery *delivery);

#endif
