#include "core/serve/guesses.h"

int64_t guesses_wait_ms(const struct guesses *guesses, uint64_t client, int64_t now_ms)
{
        int64_t over_ms = guesses->free_ms[client % GUESSES_PLACES] - now_ms -
                          (int64_t)(GUESSES_BURST - 1) * GUESSES_EVERY_MS;
        return over_ms > 0 ? over_ms : 0;
}

void guesses_failed(struct guesses *guesses, uint64_t client, int64_t now_ms)
{
        int64_t *free_ms = &guesses->free_ms[client % GUESSES_PLACES];
        *free_ms = (*free_ms > now_ms ? *free_ms : now_ms) + GUESSES_EVERY_MS;
}
