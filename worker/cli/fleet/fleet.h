#ifndef LEVERET_CLI_FLEET_H
#define LEVERET_CLI_FLEET_H

#include "cli/cli.h"

/* What runs now: the workers as they tell of themselves in Redis, the queues as the broker counts them. All
 * memory is the arena of the command. */

struct fleet_worker {
        const struct redis_value *told;                                              /* all of its record */
        const char *name, *host, *pid, *version, *state, *queues, *paused, *breaker; /* safe for a terminal */
        int64_t in_flight, completed, started_ms, seen_ms;
        double rate; /* completed a second, as of its last telling */
};

struct fleet_tier {
        const char *name; /* "5s" */
        bool exists;
        int64_t messages;
};

struct fleet_queue {
        const char *name;
        bool exists, paused;
        int64_t ready, consumers, dead; /* -1: the broker could not be asked, or has no such queue */
        int64_t in_flight;              /* as the workers tell; -1: one of them does not */
        int64_t oldest_ms;      /* what waits, waits no longer than this; 0: nothing waits; -1: unknown */
        int64_t oldest_dead_ms; /* since 1970; 0: none */
        struct fleet_tier tiers[CONFIG_TIERS_MAX];
        size_t tier_count;
};

struct fleet {
        struct fleet_worker *workers;
        size_t worker_count;
        struct fleet_queue *queues; /* as configured, then leveret.unrouted */
        size_t queue_count;
        const char *trouble; /* the broker could not be asked; or NULL */
};

/* CLI_OK, or an exit status after printing the error. Trouble with the broker is only put into `trouble`: the
 * workers are shown all the same. */
int fleet_look(struct cli *cli, struct redis_sync *redis, struct fleet *fleet);
/* Is it one of these, separated by spaces? */
bool fleet_has_word(const char *words, const char *word);
/* Only the workers. CLI_OK, or an exit status after printing the error. */
int fleet_workers(struct cli *cli, struct redis_sync *redis, struct fleet *fleet);
/* "5s 3, 30s 0" */
const char *fleet_tiers_text(struct cli *cli, const struct fleet_queue *queue);
/* "3d 4h", "12s"; "-" for 0, "unknown" for less. */
const char *fleet_duration_text(struct cli *cli, int64_t ms);
/* The same of the time that passed since then. */
const char *fleet_age_text(struct cli *cli, int64_t since_ms);

#endif
