#ifndef LEVERET_CORE_DUE_H
#define LEVERET_CORE_DUE_H

#include "core/job/protocol.h"
#include "core/memory/slice.h"
#include "core/settings/config.h"

/*
 * The field event_due of a record: changes of the job that others are to be told of and were not yet, as the
 * scripts write it, the oldest first: "retrying:0.1.0:1796140056363 completed:0.1.0:1796140061364", the
 * generation that the record then had and the time by Redis' clock.
 */
#define RECORD_EVENT_DUE "event_due"

struct due_event {
        enum job_change change;
        struct job_generation generation;
        int64_t at_ms; /* since 1970 */
};

enum { DUE_MAX = 24 };

/* What the text says, each change once; what is none, as where the scripts cut the text, is left out. */
size_t due_parse(struct slice text, struct due_event list[DUE_MAX]);

/* The changes that others are told of: a bit per enum job_change; 0 without events.exchange. */
uint32_t due_changes(const struct config *config);
/* Is it a word of events.states? */
bool due_word_is(const char *word);

#endif
