#ifndef LEVERET_CORE_EVENT_GATE_H
#define LEVERET_CORE_EVENT_GATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether others are told of changes, or work goes on without. A change that is not confirmed within
 * events.hold shuts the gate: all else is let go at once, but for a probe each second, until one is
 * confirmed. So a subscriber's full queue holds the work up once, for that long. Times are CLOCK_BOOTTIME,
 * ms.
 */
enum { EVENT_PROBE_MS = 1000 };

struct event_gate {
        bool shut;
        int64_t probed_ms;
        uint64_t let_go; /* since it was shut */
};

/* May this one be published now? While it is shut, the one that may is a probe. */
bool event_gate_admits(struct event_gate *gate, int64_t now_ms);
/* Has what is being told since `since_ms` been held for too long? Then the gate is shut. */
bool event_gate_runs_out(struct event_gate *gate, int64_t since_ms, int64_t hold_ms, int64_t now_ms);
/* One was confirmed. Was the gate shut until now? */
bool event_gate_confirmed(struct event_gate *gate);

#endif
