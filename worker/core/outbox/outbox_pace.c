#include "core/outbox/outbox_pace.h"

enum {
        CHEAP_MS = 20, /* a look that takes no longer may always begin at the first row */
        SHARE = 10,    /* of the time that longer ones take, for each part of it */
        REST_MS = 200, /* for refused rows, doubled while they are refused again */
        REST_MAX_MS = 5000,
};

void outbox_pace_init(struct outbox_pace *pace, int64_t batch_max, int64_t poll_ms)
{
        *pace = (struct outbox_pace){.batch_max = batch_max, .poll_ms = poll_ms, .batch = batch_max};
}

bool outbox_pace_due(const struct outbox_pace *pace, int64_t now_ms, bool notified)
{
        return notified || now_ms >= pace->look_at_ms;
}

struct outbox_look outbox_pace_look(struct outbox_pace *pace, int64_t now_ms)
{
        pace->asked_first = now_ms >= pace->first_at_ms;
        return (struct outbox_look){.after_seq = pace->asked_first ? 0 : pace->seen_seq,
                                    .limit = pace->batch};
}

void outbox_pace_found(struct outbox_pace *pace, int64_t now_ms, int64_t took_ms, int64_t last_seq, bool more)
{
        if (last_seq > 0)
                pace->seen_seq = last_seq;
        if (pace->asked_first)
                pace->first_at_ms = took_ms > CHEAP_MS ? now_ms + SHARE * took_ms : 0;
        pace->look_at_ms = more ? now_ms : now_ms + pace->poll_ms;
        /* Behind the last row was nothing: what stands before it is looked for as soon as that may be. */
        if (!more && pace->first_at_ms > 0 && pace->first_at_ms < pace->look_at_ms)
                pace->look_at_ms = pace->first_at_ms;
}

static int64_t at_most(int64_t value, int64_t most)
{
        return value < most ? value : most;
}

void outbox_pace_ended(struct outbox_pace *pace, int64_t now_ms, size_t refused, size_t unanswered)
{
        if (unanswered > 0)
                pace->batch = pace->batch > 1 ? pace->batch / 2
                                              : 1; /* one row may be what the broker drops it for */
        else if (pace->batch < pace->batch_max)
                pace->batch = at_most(pace->batch * 2, pace->batch_max);
        if (refused + unanswered == 0) {
                pace->rest_ms = pace->asked_first ? 0 : pace->rest_ms;
                return;
        }
        pace->rest_ms = at_most(pace->rest_ms ? pace->rest_ms * 2 : REST_MS, REST_MAX_MS);
        if (pace->first_at_ms < now_ms + pace->rest_ms)
                pace->first_at_ms = now_ms + pace->rest_ms;
        pace->look_at_ms = now_ms; /* at what stands behind them */
}
