#ifndef LEVERET_CORE_SUGGEST_H
#define LEVERET_CORE_SUGGEST_H

#include <stddef.h>

/* How many letters must be inserted, removed, replaced or swapped with their neighbour to turn one word into
 * the other (optimal string alignment). Words over 63 bytes are never near: the longer length is returned. */
size_t suggest_distance(const char *a, const char *b);

/* The nearest way to write `word` so far: start with {.word = w, .limit = suggest_limit(w)}, offer every
 * candidate; `best` is then the nearest, NULL if all are too far to be meant. */
struct suggest {
        const char *word, *best;
        size_t limit; /* a candidate must be nearer than this */
};
/* One more than the mistakes that a word of that length may hold: a third of its letters, at least one. */
size_t suggest_limit(const char *word);
void suggest_offer(struct suggest *suggest, const char *candidate);

#endif
