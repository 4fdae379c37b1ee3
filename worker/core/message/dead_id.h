#ifndef LEVERET_CORE_DEAD_ID_H
#define LEVERET_CORE_DEAD_ID_H

#include "core/job/reason.h"
#include "core/memory/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { DEAD_ID_SIZE = 33 }; /* 32 lower-case hex characters and a NUL */

struct job_death {
        const char *queue, *id, *fingerprint;
        uint32_t redrives;
        enum reason reason;
};
/*
 * Names one death of a job. Whoever decides the same death again (a lost reply, a redelivery) comes to the
 * same name, so that the index of dead letters never shows it twice; after a redrive it is another death.
 */
void dead_id_of_job(char out[DEAD_ID_SIZE], const struct job_death *death);

/* Does it look like a dead id? */
bool dead_id_valid(struct slice text);

/* Names the death of a message without a usable id. `token` is unique to its delivery. */
void dead_id_of_delivery(char out[DEAD_ID_SIZE], const char *token);

#endif
