#include "core/job/breaker.h"
#include "core/text/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

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
        breaker->trusted = false;
        breaker->openings++;
}

static void close_now(struct breaker *breaker)
{
        breaker->state = BREAKER_CLOSED;
        breaker->failures = 0;
        breaker->likeness = 0;
        breaker->alike = 0;
        breaker->probing = false;
        breaker->open_for_ms = breaker->open_min_ms;
}

static int note_distinct(uint64_t *jobs, int count, int64_t max, uint64_t job)
{
        for (int i = 0; i < count; i++)
                if (jobs[i] == job)
                        return count;
        if (count < max)
                jobs[count++] = job;
        return count;
}

/* One job that fails again and again says nothing about the service. True if it has opened. */
static bool note_failure(struct breaker *breaker, uint64_t job, int64_t now_ms)
{
        breaker->failures =
                note_distinct(breaker->failed_jobs, breaker->failures, breaker->failures_max, job);
        if (breaker->failures < breaker->failures_max)
                return false;
        open_now(breaker, now_ms);
        return true;
}

static void note_success(struct breaker *breaker)
{
        breaker->successes++;
        breaker->trusted = true;
        breaker->failures = 0;
        breaker->likeness = 0;
        breaker->alike = 0;
}

/* Notes the refusal. Was the job refused before, and another accepted since? */
static bool refused_alone(struct breaker *breaker, uint64_t job)
{
        struct breaker_suspect *suspect = &breaker->suspects[job % BREAKER_SUSPECTS];
        bool alone = suspect->job == job && suspect->successes < breaker->successes;
        *suspect = (struct breaker_suspect){.job = job, .successes = breaker->successes};
        return alone;
}

static bool closed_refusal(struct breaker *breaker, uint64_t job, const struct send_result *result,
                           int64_t now_ms)
{
        bool alone = refused_alone(breaker, job);
        if (!result->doubtful || !breaker->trusted) {
                note_failure(breaker, job, now_ms);
                if (breaker->state == BREAKER_CLOSED)
                        open_now(breaker, now_ms);
                return true;
        }
        return note_failure(breaker, job, now_ms) || !alone;
}

/* So many distinct jobs in a row that are refused alike open it. */
static int64_t alike_max(const struct breaker *breaker)
{
        return breaker->failures_max < 2 ? 2 : breaker->failures_max;
}

static bool closed_alike(struct breaker *breaker, uint64_t job, uint64_t likeness, int64_t now_ms)
{
        int64_t max = alike_max(breaker);
        if (breaker->likeness != likeness)
                breaker->alike = 0;
        breaker->likeness = likeness;
        breaker->alike = note_distinct(breaker->alike_jobs, breaker->alike, max, job);
        if (breaker->alike < max)
                return false;
        open_now(breaker, now_ms);
        return true;
}

static bool closed_result(struct breaker *breaker, uint64_t job, const struct send_result *result,
                          int64_t now_ms)
{
        if (result->outcome == SEND_DONE) {
                note_success(breaker);
                return false;
        }
        if (result->opens)
                return closed_refusal(breaker, job, result, now_ms);
        if (result->likeness)
                return closed_alike(breaker, job, result->likeness, now_ms);
        if (result->counts)
                note_failure(breaker, job, now_ms);
        return result->crowded;
}

/* Is this end of the kind that keeps it open? A final refusal is if such ones opened it: else the service
 * answers again, and one mail that it never takes would be the probe for ever. */
static bool is_failure(const struct breaker *breaker, const struct send_result *result)
{
        bool alike = result->likeness && result->likeness == breaker->likeness &&
                     breaker->alike >= alike_max(breaker);
        return result->counts || result->opens || result->crowded || alike;
}

static bool probe_result(struct breaker *breaker, uint64_t job, const struct send_result *result,
                         int64_t now_ms)
{
        if (!is_failure(breaker, result)) {
                close_now(breaker);
                return closed_result(breaker, job, result, now_ms);
        }
        /* A mail that is refused by itself proves nothing: the next probe is as soon as this one. */
        if (result->doubtful && refused_alone(breaker, job)) {
                open_now(breaker, now_ms);
                return true;
        }
        breaker->open_for_ms = breaker->open_for_ms * 2 > breaker->open_max_ms ? breaker->open_max_ms
                                                                               : breaker->open_for_ms * 2;
        open_now(breaker, now_ms);
        return true;
}

bool breaker_result(struct breaker *breaker, uint64_t job, bool probe, const struct send_result *result,
                    int64_t now_ms)
{
        switch (breaker->state) {
        case BREAKER_CLOSED:
                return closed_result(breaker, job, result, now_ms);
        case BREAKER_OPEN:
                /* A send from before the opening; a late success does not prove that the service is back. */
                return is_failure(breaker, result);
        case BREAKER_HALF_OPEN:
                /* The same, later still: only the probe decides, and while it is under way no other begins.
                 */
                return probe ? probe_result(breaker, job, result, now_ms) : is_failure(breaker, result);
        }
        return false;
}

void breaker_explain(const struct breaker *breaker, const struct send_result *result,
                     char error[SEND_ERROR_MAX])
{
        char note[96];
        if (!result->likeness || result->likeness != breaker->likeness || breaker->alike < 2)
                return;
        snprintf(note, sizeof note, " [%d different jobs in a row refused alike: the account, not the mail?]",
                 breaker->alike);
        size_t note_len = strlen(note);
        size_t len = utf8_prefix(error, strlen(error), SEND_ERROR_MAX - 1 - note_len);
        memcpy(error + len, note, note_len + 1);
}
