#ifndef LEVERET_CLI_JOB_SHOW_H
#define LEVERET_CLI_JOB_SHOW_H

#include "cli/cli.h"

/* What job show and job list read in a record. */

/* The field as a number; 0 if it is none. */
int64_t job_field_integer(const struct redis_value *record, const char *name);
/* Running, but the lease ran out and nobody has taken it over. */
bool job_is_stuck(const struct redis_value *record);
/* Shows the job of that id, or the one that died so if it is a dead id, with its timeline. */
int job_show(struct cli *cli, struct redis_sync *redis, const char *word);

#endif
