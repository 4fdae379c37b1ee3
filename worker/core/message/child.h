#ifndef LEVERET_CORE_CHILD_H
#define LEVERET_CORE_CHILD_H

#include "core/message/message.h"
#include "core/plan/plan.h"

/* What a message that a job publishes has of the job's own. Texts may be NULL, but the id. */
struct child_parent {
        const char *id, *subject, *correlation_id;
        const char *traceparent, *tracestate;
        int64_t now_s; /* since 1970 */
};

/* The id of message number `index` of the batch: "<id>/<key>", in a numbered one "<id>/<key>.<index>". */
const char *child_id(struct arena *arena, const char *parent_id, const struct outgoing_batch *batch,
                     size_t index);

/* The message, persistent, with all memory in the arena. Another run of the same plan makes the same id, type
 * and payload, so that it is a duplicate. */
struct message *child_make(struct arena *arena, const struct outgoing_batch *batch, size_t index,
                           const struct child_parent *parent);

#endif
