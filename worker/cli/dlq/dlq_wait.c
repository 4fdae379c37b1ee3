#include "cli/dlq/dlq_command.h"
#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What became of jobs that were redriven, by their records. */

enum { LOOK_EVERY_MS = 200 };

void dlq_wait_add(struct dlq_wait *wait, const char *id, uint32_t redrives)
{
        if (!id[0])
                return;
        if (wait->count == wait->capacity) {
                wait->capacity = wait->capacity ? wait->capacity * 2 : 256;
                wait->jobs = memory_resized(wait->jobs, wait->capacity * sizeof(*wait->jobs));
        }
        struct dlq_waiting *job = &wait->jobs[wait->count++];
        *job = (struct dlq_waiting){.redrives = redrives};
        snprintf(job->id, sizeof(job->id), "%s", id);
}

/* True once this life of the job has ended; `dead` says how. */
static bool has_ended(struct dlq *dlq, const struct dlq_waiting *job, bool *dead)
{
        struct arena arena;
        arena_init(&arena);
        const char *key = record_key(&arena, dlq->query.config->redis.prefix, KEY_JOB, job->id);
        const struct redis_value *record =
                redis_sync_call(dlq->query.redis, &arena, "HMGET", key, "state", "redrives", NULL);
        bool ended = false;
        if (record->kind == REDIS_LIST && record->count == 2) {
                struct slice state = record->items[0].text, redrives = record->items[1].text;
                char digits[16] = "";
                snprintf(digits, sizeof(digits), "%.*s", SLICE_PRINT(redrives));
                *dead = slice_is(state, "dead");
                ended = (*dead || slice_is(state, "completed") || slice_is(state, "cancelled")) &&
                        strtoul(digits, NULL, 10) >= job->redrives;
        }
        arena_fini(&arena);
        return ended;
}

/* Those that have not ended stay in the list. */
static void dlq_wait_look(struct dlq *dlq, struct dlq_wait *wait)
{
        size_t kept = 0;
        for (size_t i = 0; i < wait->count; i++) {
                bool dead = false;
                if (!has_ended(dlq, &wait->jobs[i], &dead)) {
                        if (kept != i)
                                wait->jobs[kept] = wait->jobs[i];
                        kept++;
                        continue;
                }
                wait->completed += !dead;
                wait->died += dead;
        }
        wait->count = kept;
}

void dlq_wait_run(struct dlq *dlq, struct dlq_wait *wait, int64_t wait_ms)
{
        int64_t until_ms = clock_boot_ms() + wait_ms;
        dlq_wait_look(dlq, wait);
        while (wait->count > 0 && clock_boot_ms() < until_ms && !dlq_interrupted()) {
                nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_MS * 1000000L}, NULL);
                dlq_wait_look(dlq, wait);
        }
        fprintf(stderr, "%" PRId64 " completed, %" PRId64 " died again, %zu not over yet\n", wait->completed,
                wait->died, wait->count);
}

void dlq_wait_free(struct dlq_wait *wait)
{
        free(wait->jobs);
        *wait = (struct dlq_wait){0};
}
