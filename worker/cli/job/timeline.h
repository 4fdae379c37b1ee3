#ifndef LEVERET_CLI_TIMELINE_H
#define LEVERET_CLI_TIMELINE_H

#include "cli/cli.h"

/* Prints the timeline of a job, one event a line: time, event, then all else as name=value. False if there is
 * none. */
bool timeline_print(struct cli *cli, struct redis_sync *redis, const char *id);
/* Adds it as a JSON array. What is no JSON, so no entry of leveret's, is left out, as it is above. */
void timeline_json(struct cli *cli, struct redis_sync *redis, const char *id, struct buffer *out);

#endif
