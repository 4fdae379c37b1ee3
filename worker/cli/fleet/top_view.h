#ifndef LEVERET_CLI_TOP_VIEW_H
#define LEVERET_CLI_TOP_VIEW_H

#include "cli/cli.h"
#include "relay/relay.h"

enum top_sort { TOP_AS_CONFIGURED, TOP_BY_NAME, TOP_BY_READY, TOP_BY_DEAD, TOP_SORTS };
enum top_view { TOP_ALL, TOP_QUEUES, TOP_WORKERS, TOP_DEAD };

/* What the keys have chosen. */
struct top_choice {
        enum top_sort sort;
        enum top_view view;
        bool keys; /* there is a keyboard, so they are told */
};

/* What the last look saw, for the rates. Zeroed at first. */
struct top_before {
        int64_t at_ms, dead;
        struct relay_look *outbox; /* NULL: none is configured */
};

/* Adds one look at everything, as tables or as one line of JSON. False: told. */
bool top_look(struct cli *cli, struct redis_sync *redis, const struct top_choice *choice,
              struct top_before *before, struct buffer *out);

#endif
