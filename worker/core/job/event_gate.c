#include "core/job/event_gate.h"

bool event_gate_admits(struct event_gate *gate, int64_t now_ms)
{
        if (!gate->shut)
                return true;
        if (now_ms - gate->probed_ms < EVENT_PROBE_MS)
                return false;
        gate->probed_ms = now_ms;
        return true;
}

bool event_gate_runs_out(struct event_gate *gate, int64_t since_ms, int64_t hold_ms, int64_t now_ms)
{
        if (gate->shut || now_ms - since_ms < hold_ms)
                return false;
        *gate = (struct event_gate){.shut = true, .probed_ms = now_ms};
        return true;
}

bool event_gate_confirmed(struct event_gate *gate)
{
        bool was_shut = gate->shut;
        gate->shut = false;
        return was_shut;
}
