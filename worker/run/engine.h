#ifndef LEVERET_RUN_ENGINE_H
#define LEVERET_RUN_ENGINE_H

#include "core/settings/config.h"
#include "core/types/type_set.h"

#include <stdbool.h>

struct engine_options {
        struct type_set *types; /* borrowed; a reload may bring another */
        bool drain;             /* end when the queues are empty and nothing is in flight */
        /* SIGHUP: reads the configuration again and copies into the running one what may change meanwhile.
         * The types that hold from now on, borrowed, or NULL if there were errors: the running configuration
         * and the running types are untouched. Both reports. NULL: SIGHUP changes nothing. */
        struct type_set *(*reload)(void *context);
        void *reload_context;
};

/*
 * Runs the worker until a signal ends it or, with `drain`, the queues are empty. Returns the exit status of
 * SPEC: 0 drained, 1 the grace was exceeded or a second signal came, 78 a setting that waiting will not mend.
 */
int engine_run(const struct config *config, const struct engine_options *options);

#endif
