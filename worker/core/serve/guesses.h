#ifndef LEVERET_CORE_SERVE_GUESSES_H
#define LEVERET_CORE_SERVE_GUESSES_H

#include <stdbool.h>
#include <stdint.h>

/* Failed log-ins by client: GUESSES_BURST at once and one more each GUESSES_EVERY_MS, in bounded memory.
 * Clients that fall into the same place share it. Milliseconds of a monotonic clock. */

enum { GUESSES_BURST = 10, GUESSES_EVERY_MS = 6000, GUESSES_PLACES = 1024 };

struct guesses {
        int64_t free_ms[GUESSES_PLACES]; /* when all that was guessed from there is forgotten */
};

/* So long the client must wait before it may try again; 0: it may. */
int64_t guesses_wait_ms(const struct guesses *guesses, uint64_t client, int64_t now_ms);
void guesses_failed(struct guesses *guesses, uint64_t client, int64_t now_ms);

#endif
