#ifndef LEVERET_CLI_JOB_CANCEL_H
#define LEVERET_CLI_JOB_CANCEL_H

#include "cli/cli.h"

/* `job cancel ID`; a word is an id or a dead id. Returns the exit status: 3 if there is no such job, 4 if it
 * runs or is over. */
int job_cancel(struct cli *cli, struct redis_sync *redis, const char *word);

#endif
