#ifndef LEVERET_SIM_STORE_CASES_H
#define LEVERET_SIM_STORE_CASES_H

#include "fake_store.h"

/*
 * What every store must answer, the fake one and Redis: cases of a few steps each. A driver brings one store
 * behind these functions. `ago` things that need time (a lease that ran out) are done by moving the lease, so
 * nothing sleeps.
 */
struct store_driver {
        void *context;
        void (*reset)(void *context); /* no records at all */
        struct store_reply (*call)(void *context, const struct store_request *request);
        void (*lose)(void *context, uint8_t id);
        void (*drop)(void *context, uint8_t id);
        void (*queue)(void *context, uint8_t id);        /* as `leveret publish` does: state queued */
        void (*expire_lease)(void *context, uint8_t id); /* its lease ran out */
        void (*set_due)(void *context, uint8_t id, int64_t due_ms); /* 0: as if never told */
        void (*set_back)(void *context, uint8_t id); /* the clock went back by far more than a lease */
        /* `effect` (from 1) is about to be sent, as a worker says it that keeps one intent for each job. */
        void (*old_intent)(void *context, uint8_t id, uint8_t effect);
        /* The record as kept; leases as time left. */
        struct store_record (*look)(void *context, uint8_t id);
};

size_t store_case_count(void);
const char *store_case_name(size_t index);
/* Runs one case. On a difference `error` says which step wanted what and got what. */
bool store_case_run(size_t index, const struct store_driver *driver, char *error, size_t error_size);

#endif
