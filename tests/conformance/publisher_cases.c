#include "publisher_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ENDS_MAX = 16, TURNS_MAX = 4000 };

struct ends {
        bool publishing; /* inside a call that publishes */
        unsigned count;
        enum publish_outcome outcomes[ENDS_MAX];
};

static void keep_end(void *context, enum publish_outcome outcome, const char *error)
{
        struct ends *ends = context;
        assert_false(ends->publishing);
        assert_true(ends->count < ENDS_MAX);
        assert_int_equal(error[0] == '\0', outcome == PUBLISH_CONFIRMED);
        ends->outcomes[ends->count++] = outcome;
}

static void publish(const struct publisher_subject *subject, struct ends *ends)
{
        ends->publishing = true;
        subject->publish(subject->context, keep_end, ends);
        ends->publishing = false;
}

static void await(const struct publisher_subject *subject, const struct ends *ends, unsigned count)
{
        for (int i = 0; ends->count < count && i < TURNS_MAX; i++)
                subject->turn(subject->context);
        assert_int_equal(ends->count, count);
}

static void expect(const struct publisher_subject *subject, enum broker_does does,
                   enum publish_outcome outcome)
{
        struct ends ends = {0};
        struct amqp_publisher *publisher = subject->open(subject->context, does);
        assert_true(amqp_publisher_is_up(publisher));
        assert_false(amqp_publisher_is_blocked(publisher));
        for (unsigned i = 0; i < 3; i++)
                publish(subject, &ends);
        await(subject, &ends, 3);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(ends.outcomes[i], outcome);
        subject->close(subject->context);
        assert_int_equal(ends.count, 3);
}

static void what_a_queue_took_is_confirmed(const struct publisher_subject *subject)
{
        expect(subject, BROKER_TAKES, PUBLISH_CONFIRMED);
}

static void what_no_queue_takes_is_returned(const struct publisher_subject *subject)
{
        expect(subject, BROKER_HAS_NO_QUEUE, PUBLISH_RETURNED);
}

static void what_a_full_queue_refuses_is_nacked(const struct publisher_subject *subject)
{
        expect(subject, BROKER_IS_FULL, PUBLISH_NACKED);
}

static void what_is_not_confirmed_in_time_is_unknown(const struct publisher_subject *subject)
{
        expect(subject, BROKER_IS_SILENT, PUBLISH_UNKNOWN);
}

/* Not sent, or unknown: a new connection is told that it is blocked when it publishes, and not before. */
static void what_a_blocked_broker_does_not_take_is_never_confirmed(const struct publisher_subject *subject)
{
        struct ends ends = {0};
        const struct amqp_publisher *publisher = subject->open(subject->context, BROKER_BLOCKS);
        assert_true(amqp_publisher_is_blocked(publisher));
        for (unsigned i = 0; i < 3; i++)
                publish(subject, &ends);
        await(subject, &ends, 3);
        for (unsigned i = 0; i < 3; i++)
                assert_true(ends.outcomes[i] == PUBLISH_UNSENT || ends.outcomes[i] == PUBLISH_UNKNOWN);
        subject->close(subject->context);
        assert_int_equal(ends.count, 3);
}

static void closing_ends_what_is_not_confirmed_as_unknown(const struct publisher_subject *subject)
{
        struct ends ends = {0};
        subject->open(subject->context, BROKER_IS_SILENT);
        publish(subject, &ends);
        subject->leave(subject->context);
        assert_int_equal(ends.count, 0);
        subject->close(subject->context);
        assert_int_equal(ends.count, 1);
        assert_int_equal(ends.outcomes[0], PUBLISH_UNKNOWN);
}

const struct publisher_case publisher_cases[] = {
#define CASE(name)                                                                                           \
        {                                                                                                    \
#                name, name                                                                                  \
        }
        CASE(what_a_queue_took_is_confirmed),
        CASE(what_no_queue_takes_is_returned),
        CASE(what_a_full_queue_refuses_is_nacked),
        CASE(what_is_not_confirmed_in_time_is_unknown),
        CASE(what_a_blocked_broker_does_not_take_is_never_confirmed),
        CASE(closing_ends_what_is_not_confirmed_as_unknown),
};
const size_t publisher_case_count = sizeof publisher_cases / sizeof *publisher_cases;
