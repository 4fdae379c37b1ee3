#include "core/job/breaker.h"

#include <assert.h>

const char *breaker_state_word(enum breaker_state state)
{
        static const char *const words[] = {"closed", "open", "half_open"};
        return words[state];
}

void breaker_init(struct breaker *breaker, int64_t failures, int64_t open_ms, int64_t open_max_ms)
{
        *breaker = (struct breaker){.state = BREAKER_CLOSED};
        breaker_configure(breaker, failures, open_ms, open_max_ms);
}

void breaker_configure(struct breaker *breaker, int64_t failures, int64_t open_ms, int64_t open_max_ms)
{
        assert(failures <= BREAKER_FAILURES_MAX);
        breaker->failures_max = failures;
        breaker->open_min_ms = open_ms;
        breaker->open_max_ms = open_max_ms;
        if (breaker->state == BREAKER_CLOSED)
                breaker->open_for_ms = open_ms;
        else if (breaker->open_for_ms > open_max_ms)
                breaker->open_for_ms = open_max_ms;
}

bool breaker_tick(struct breaker *breaker, int64_t now_ms)
{
        if (breaker->state != BREAKER_OPEN || now_ms - breaker->opened_ms < breaker->open_for_ms)
                return false;
        breaker->state = BREAKER_HALF_OPEN;
        breaker->probing = false;
        return true;
}

int64_t breaker_due_ms(const struct breaker *breaker)
{
        return breaker->state == BREAKER_OPEN ? breaker->opened_ms + breaker->open_for_ms : -1;
}

bool breaker_admit(struct breaker *breaker)
{
        switch (breaker->state) {
        case BREAKER_CLOSED:
                return true;
        case BREAKER_OPEN:
                return false;
        case BREAKER_HALF_OPEN:
                if (breaker->probing)
                        return false;
                breaker->probing = true;
                breaker->probes++;
                return true;
        }
        return false;
}

void breaker_withdraw(struct breaker *breaker)
{
        breaker->probing = false;
}

static void open_now(struct breaker *breaker, int64_t now_ms)
{
        breaker->state = BREAKER_OPEN;
        breaker->opened_ms = now_ms;
        breaker->probing = false;
        breaker->openings++;
}

static void close_now(struct breaker *breaker)
{
        breaker->state = BREAKER_CLOSED;
        breaker->failures = 0;
        breaker->probing = false;
        breaker->open_for_ms = breaker->open_min_ms;
}

/* One job that fails again and again says nothing about the service. */
static void note_failure(struct breaker *breaker, uint64_t job)
{
        for (int i = 0; i < breaker->failures; i++)
                if (breaker->failed_jobs[i] == job)
                        return;
        if (breaker->failures < breaker->failures_max)
                breaker->failed_jobs[breaker->failures++] = job;
}

static bool closed_failure(struct breaker *breaker, uint64_t job, const struct send_result *result,
                           int64_t now_ms)
{
        note_failure(breaker, job);
        if (result->opens) {
                open_now(breaker, now_ms);
                return true;
        }
        if (breaker->failures >= breaker->failures_max)
                open_now(breaker, now_ms);
        return false;
}

bool breaker_result(struct breaker *breaker, uint64_t job, bool probe, const struct send_result *result,
                    int64_t now_ms)
{
        bool failed = result->counts || result->opens;
        switch (breaker->state) {
        case BREAKER_CLOSED:
                if (failed)
                        return closed_failure(breaker, job, result, now_ms);
                if (result->outcome == SEND_DONE)
                        breaker->failures = 0;
                return false;
        case BREAKER_OPEN:
                /* A send from before the opening; a late success does not prove that the service is back. */
                return failed;
        case BREAKER_HALF_OPEN:
                /* The same, later still: only the probe decides, and while it is under way no other begins.
                 */
                if (!probe)
                        return failed;
                if (!failed) {
                        close_now(breaker);
                        return false;
                }
                breaker->open_for_ms = breaker->open_for_ms * 2 > breaker->open_max_ms
                                               ? breaker->open_max_ms
                                               : breaker->open_for_ms * 2;
                open_now(breaker, now_ms);
                return true;
        }
        return false;
}
