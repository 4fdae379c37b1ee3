#ifndef LEVERET_CORE_PLAN_RECORD_H
#define LEVERET_CORE_PLAN_RECORD_H

#include "core/plan/plan.h"

/*
 * A plan as it is kept in Redis, for later tries of the same job: whole, with what it depends on beside the
 * payload, so that a later try leaves as the first did, whatever files, planners and settings say by then.
 */

enum {
        PLAN_RECORD_MAX = 8 << 20 /* bytes of a recorded plan: PLAN_BYTES_MAX as JSON, and files as base64 */
};

/* The sender of an outlet. */
struct plan_sender {
        const char *outlet, *from;
};

/* What around the plan decides how its mails leave. */
struct plan_around {
        const char *redirect_to, *bcc_all; /* as of the configuration, or NULL */
        const struct plan_sender *senders;
        size_t sender_count;
};

/* Appends both as JSON. `plan` NULL: only what is around it, for a plan that depends on its payload alone.
 * False: `out` is now longer than PLAN_RECORD_MAX. */
bool plan_record_write(struct buffer *out, const struct plan *plan, const struct plan_around *around);

/* Reads both into the arena; false if the text is no such record. `*plan` is NULL if none was written. What
 * is read is taken as it is: it was checked when it was made. */
bool plan_record_read(struct arena *arena, struct slice text, struct plan **plan, struct plan_around *around);

/* The sender of that outlet, or NULL. */
const char *plan_around_sender(const struct plan_around *around, const char *outlet);

#endif
