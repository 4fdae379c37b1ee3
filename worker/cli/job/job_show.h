#ifndef LEVERET_CLI_JOB_SHOW_H
#define LEVERET_CLI_JOB_SHOW_H

#include "cli/cli.h"

/* Shows the job of that id, or the one that died so if it is a dead id, with its timeline. */
int job_show(struct cli *cli, struct redis_sync *redis, const char *word);

#endif
