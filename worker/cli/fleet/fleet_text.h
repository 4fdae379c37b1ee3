#ifndef LEVERET_CLI_FLEET_TEXT_H
#define LEVERET_CLI_FLEET_TEXT_H

#include "cli/cli.h"
#include "query/fleet.h"

/* The fleet in words, in the cli's arena. */

/* "5s 3, 30s 0" */
const char *fleet_tiers_text(struct cli *cli, const struct fleet_queue *queue);
/* "3d 4h", "12s"; "-" for 0, "unknown" for less. */
const char *fleet_duration_text(struct cli *cli, int64_t ms);
/* The same of the time that passed since then. */
const char *fleet_age_text(struct cli *cli, int64_t since_ms);

#endif
