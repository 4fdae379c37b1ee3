#include "outlet_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ENDS_MAX = 64, TURNS_MAX = 200000 };

static const struct send_terms open_terms = {.valid_until_ms = INT64_MAX};

/* What came of the requests, in the order in which they ended. */
struct ends {
        bool sending; /* inside a call that starts one */
        unsigned count;
        struct send_result results[ENDS_MAX];
};

static void keep_end(void *context, const struct send_result *result)
{
        struct ends *ends = context;
        assert_false(ends->sending);
        assert_true(ends->count < ENDS_MAX);
        ends->results[ends->count++] = *result;
}

static void start(const struct outlet_subject *subject, struct send_terms terms, struct ends *ends)
{
        ends->sending = true;
        subject->send(subject->context, terms, keep_end, ends);
        ends->sending = false;
}

static void await(const struct outlet_subject *subject, const struct ends *ends, unsigned count)
{
        for (int i = 0; ends->count < count && i < TURNS_MAX; i++)
                subject->turn(subject->context);
        assert_int_equal(ends->count, count);
}

/* ---- the cases ---- */

static const struct {
        enum service_does does;
        enum send_outcome outcome;
        int counts; /* against the breaker, 1 or 0; -1: some do */
        bool opens;
        unsigned accepted; /* at most */
} answers[] = {
        {SERVICE_TAKES, SEND_DONE, 0, false, 1},
        {SERVICE_REFUSES, SEND_PERMANENT, 0, false, 0},
        {SERVICE_REFUSES_NOW, SEND_TRANSIENT, -1, false, 0},
        {SERVICE_REFUSES_US, SEND_CONFIG, -1, true, 0},
        {SERVICE_IS_AWAY, SEND_TRANSIENT, 1, false, 0},
        {SERVICE_CUTS, SEND_AMBIGUOUS, 1, false, 1},
        {SERVICE_IS_SILENT, SEND_AMBIGUOUS, 1, false, 1},
};

/* After a cut and a silence the service may have accepted it, and no end claims to know. */
static void what_a_service_does_has_its_outcome(const struct outlet_subject *subject)
{
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
                struct ends ends = {0};
                subject->open(subject->context, answers[i].does);
                start(subject, open_terms, &ends);
                await(subject, &ends, 1);
                const struct send_result *result = &ends.results[0];
                bool counts = answers[i].counts < 0 || result->counts == answers[i].counts;
                if (result->outcome != answers[i].outcome || !counts || result->opens != answers[i].opens)
                        fail_msg("service %d: %s%s%s", (int)answers[i].does,
                                 send_outcome_word(result->outcome), result->counts ? " counts" : "",
                                 result->opens ? " opens" : "");
                assert_int_equal(result->error[0] == '\0', result->outcome == SEND_DONE);
                assert_int_equal(result->retry_after_ms, -1);
                assert_true(subject->accepted(subject->context) <= answers[i].accepted);
                if (answers[i].outcome == SEND_DONE)
                        assert_int_equal(subject->accepted(subject->context), 1);
                subject->close(subject->context);
                assert_int_equal(ends.count, 1);
        }
}

static void no_more_is_sent_than_the_fence_lets_through(const struct outlet_subject *subject)
{
        struct ends ends = {0};
        subject->open(subject->context, SERVICE_TAKES);
        struct send_terms past = {.valid_until_ms = subject->clock_boot_ms(subject->context) - 1};
        start(subject, past, &ends);
        await(subject, &ends, 1);
        assert_int_equal(ends.results[0].outcome, SEND_TRANSIENT);
        assert_int_equal(ends.results[0].status, -1);
        assert_false(ends.results[0].counts);
        assert_int_equal(subject->accepted(subject->context), 0);
        start(subject, open_terms, &ends);
        await(subject, &ends, 2);
        assert_int_equal(ends.results[1].outcome, SEND_DONE);
        assert_int_equal(subject->accepted(subject->context), 1);
        subject->close(subject->context);
}

static void as_many_as_there_are_places_are_under_way_at_once(const struct outlet_subject *subject)
{
        struct ends ends = {0};
        subject->open(subject->context, SERVICE_TAKES);
        unsigned places = (unsigned)transport_capacity(subject->transport(subject->context));
        assert_in_range(places, 1, ENDS_MAX / 2);
        for (unsigned round = 1; round <= 2; round++) {
                for (unsigned i = 0; i < places; i++)
                        start(subject, open_terms, &ends);
                await(subject, &ends, round * places);
        }
        for (unsigned i = 0; i < ends.count; i++)
                assert_int_equal(ends.results[i].outcome, SEND_DONE);
        assert_int_equal(subject->accepted(subject->context), 2 * places);
        subject->close(subject->context);
}

static void closing_ends_what_may_have_left_as_ambiguous(const struct outlet_subject *subject)
{
        struct ends ends = {0};
        subject->open(subject->context, SERVICE_IS_SILENT);
        start(subject, open_terms, &ends);
        subject->reach(subject->context, 1);
        assert_int_equal(ends.count, 0);
        subject->close(subject->context);
        assert_int_equal(ends.count, 1);
        assert_int_equal(ends.results[0].outcome, SEND_AMBIGUOUS);
}

static void closing_ends_what_has_not_left_as_not_sent(const struct outlet_subject *subject)
{
        struct ends ends = {0};
        subject->open(subject->context, SERVICE_TAKES);
        start(subject, open_terms, &ends);
        subject->close(subject->context);
        assert_int_equal(ends.count, 1);
        assert_int_equal(ends.results[0].outcome, SEND_TRANSIENT);
        assert_int_equal(subject->accepted(subject->context), 0);
}

const struct outlet_case outlet_cases[] = {
#define CASE(name)                                                                                           \
        {                                                                                                    \
#                name, name                                                                                  \
        }
        CASE(what_a_service_does_has_its_outcome),
        CASE(no_more_is_sent_than_the_fence_lets_through),
        CASE(as_many_as_there_are_places_are_under_way_at_once),
        CASE(closing_ends_what_may_have_left_as_ambiguous),
        CASE(closing_ends_what_has_not_left_as_not_sent),
};
const size_t outlet_case_count = sizeof outlet_cases / sizeof *outlet_cases;
