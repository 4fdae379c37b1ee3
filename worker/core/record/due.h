#ifndef LEVERET_CORE_DUE_H
#define LEVERET_CORE_DUE_H

#include "core/job/protocol.h"
#include "core/memory/slice.h"
#include "core/settings/config.h"

/*
 * The field event_due of a record: the changes of the job whose events are not published yet, as the scripts
 * write it, the oldest first: "retrying:0.1.0:1796140056363 completed:0.1.0:1796140061364". Each has the
 * generation that the record then had, and the time by Redis' clock.
 */
#define RECORD_EVENT_DUE "event_due"

struct due_event {
        enum job_change change;
        struct job_generation generation;
        int64_t at_ms; /* since 1970 */
};

enum { DUE_MAX = 24 };

/* Each change in the text once. What is no change (the scripts may cut the text) is left out. */
size_t due_parse(struct slice text, struct due_event list[DUE_MAX]);

/* The changes that have an event: a bit per enum job_change; 0 without events.exchange. */
uint32_t due_changes(const struct config *config);
/* Is it a word of events.states? */
bool due_word_is(const char *word);

#endif
