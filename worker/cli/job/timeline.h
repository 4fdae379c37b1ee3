#ifndef LEVERET_CLI_TIMELINE_H
#define LEVERET_CLI_TIMELINE_H

#include "cli/cli.h"

/* Prints the timeline of a job, one event a line: time, event, then all else as name=value. False if there is
 * none. */
bool timeline_print(struct cli *cli, struct redis_sync *redis, const char *id);

#endif
