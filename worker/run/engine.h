#ifndef LEVERET_RUN_ENGINE_H
#define LEVERET_RUN_ENGINE_H

#include "core/config.h"
#include "handler.h"

#include <stdbool.h>

struct engine_options {
        const struct handler *const *handlers; /* the table, ended by NULL */
        bool drain;                            /* end when the queues are empty and nothing is in flight */
        /* Reads the configuration again for SIGHUP; NULL on errors, which it has reported. The engine owns the result. */
        struct config *(*reload)(void *context);
        void *reload_context;
};

/*
 * Runs the worker until a signal ends it or, with `drain`, the queues are empty. Returns the exit status of SPEC:
 * 0 drained, 1 the grace was exceeded or a second signal came, 78 a setting that waiting will not mend.
 */
int engine_run(const struct config *config, const struct engine_options *options);

#endif
