#include "amqp_cases.h"

#include "core/memory/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DELIVERIES_MAX = 32, TURNS_MAX = 2000, LINGER_TURNS = 60 };

/* What a receiver of all events has seen. */
struct seen {
        const struct amqp_subject *subject;
        struct amqp_consumer *consumer;
        unsigned ups, downs, cancels, deliveries, redelivered;
        struct {
                uint64_t epoch, tag;
        } held[DELIVERIES_MAX];
};

static void on_up(void *context, uint64_t epoch)
{
        struct seen *seen = context;
        seen->ups++;
        assert_int_equal(epoch, seen->ups);
}

static void on_down(void *context, uint64_t epoch, const char *error)
{
        struct seen *seen = context;
        (void)error;
        seen->downs++;
        assert_int_equal(epoch, seen->ups);
}

static void on_unreachable(void *context, const char *error, int64_t retry_in_ms)
{
        (void)context, (void)error, (void)retry_in_ms;
}

static void on_fatal(void *context, const char *error)
{
        (void)context;
        fail_msg("%s", error);
}

static struct arena *arena_for(void *context)
{
        (void)context;
        return arena_new();
}

static void on_delivery(void *context, size_t queue, uint64_t epoch, struct amqp_delivery delivery)
{
        struct seen *seen = context;
        assert_int_equal(queue, 0);
        assert_true(seen->deliveries < DELIVERIES_MAX);
        assert_true(amqp_consumer_may_deliver(seen->consumer, 0));
        seen->held[seen->deliveries].epoch = epoch;
        seen->held[seen->deliveries].tag = delivery.tag;
        seen->deliveries++;
        seen->redelivered += delivery.message->redelivered;
        arena_free(delivery.arena);
}

static void on_lost(void *context, size_t queue, const char *error)
{
        (void)context, (void)queue;
        fail_msg("%s", error);
}

static void on_found(void *context, size_t queue)
{
        (void)context, (void)queue;
}

static void on_cancelled(void *context, size_t queue)
{
        struct seen *seen = context;
        assert_int_equal(queue, 0);
        seen->cancels++;
}

static const struct amqp_consumer_events all_events = {.up = on_up,
                                                       .down = on_down,
                                                       .unreachable = on_unreachable,
                                                       .fatal = on_fatal,
                                                       .arena = arena_for,
                                                       .delivery = on_delivery,
                                                       .lost = on_lost,
                                                       .found = on_found,
                                                       .cancelled = on_cancelled};

/* ---- what the cases are made of ---- */

static void begin(struct seen *seen, const struct amqp_subject *subject, unsigned messages, uint16_t prefetch)
{
        *seen = (struct seen){.subject = subject};
        subject->put(subject->context, messages);
        seen->consumer = amqp_consumer_open(subject->loop, subject->config, &all_events, seen);
        amqp_consumer_want(seen->consumer, 0, prefetch);
}

static void until(const struct seen *seen, const unsigned *counter, unsigned value)
{
        for (int i = 0; *counter < value && i < TURNS_MAX; i++)
                seen->subject->turn(seen->subject->context);
        if (*counter != value)
                fail_msg("%u in place of %u", *counter, value);
}

/* Nothing more comes. */
static void linger(const struct seen *seen)
{
        for (int i = 0; i < LINGER_TURNS; i++)
                seen->subject->turn(seen->subject->context);
}

static void ack(const struct seen *seen, unsigned which)
{
        amqp_consumer_ack(seen->consumer, seen->held[which].epoch, seen->held[which].tag);
}

static void close_and_count(struct seen *seen, unsigned left)
{
        amqp_consumer_close(seen->consumer);
        for (int i = 0; i < TURNS_MAX && seen->subject->depth(seen->subject->context) != left; i++)
                seen->subject->turn(seen->subject->context);
        linger(seen);
        assert_int_equal(seen->subject->depth(seen->subject->context), left);
}

/* ---- the cases ---- */

static void no_more_than_the_prefetch_is_unsettled(const struct amqp_subject *subject)
{
        struct seen seen;
        begin(&seen, subject, 6, 2);
        until(&seen, &seen.deliveries, 2);
        linger(&seen);
        assert_int_equal(seen.deliveries, 2);
        ack(&seen, 0);
        ack(&seen, 1);
        until(&seen, &seen.deliveries, 4);
        linger(&seen);
        assert_int_equal(seen.deliveries, 4);
        assert_int_equal(seen.redelivered, 0);
        close_and_count(&seen, 4);
}

static void acks_settle_what_they_name_in_any_order(const struct amqp_subject *subject)
{
        struct seen seen;
        begin(&seen, subject, 6, 6);
        until(&seen, &seen.deliveries, 6);
        ack(&seen, 4);
        ack(&seen, 0);
        ack(&seen, 1);
        linger(&seen);
        ack(&seen, 2);
        close_and_count(&seen, 2);
}

static void what_is_returned_comes_again_and_says_so(const struct amqp_subject *subject)
{
        struct seen seen;
        begin(&seen, subject, 1, 1);
        until(&seen, &seen.deliveries, 1);
        amqp_consumer_nack(seen.consumer, seen.held[0].epoch, seen.held[0].tag, /* requeue = */ true);
        until(&seen, &seen.deliveries, 2);
        assert_int_equal(seen.redelivered, 1);
        assert_int_not_equal(seen.held[0].tag, seen.held[1].tag);
        ack(&seen, 1);
        close_and_count(&seen, 0);
}

static void what_is_rejected_never_comes_again(const struct amqp_subject *subject)
{
        struct seen seen;
        begin(&seen, subject, 1, 1);
        until(&seen, &seen.deliveries, 1);
        amqp_consumer_nack(seen.consumer, seen.held[0].epoch, seen.held[0].tag, /* requeue = */ false);
        linger(&seen);
        assert_int_equal(seen.deliveries, 1);
        close_and_count(&seen, 0);
}

static void a_lost_connection_delivers_all_again_under_the_old_tags(const struct amqp_subject *subject)
{
        struct seen seen;
        begin(&seen, subject, 3, 3);
        until(&seen, &seen.deliveries, 3);
        subject->cut(subject->context);
        until(&seen, &seen.downs, 1);
        assert_false(amqp_consumer_may_deliver(seen.consumer, 0));
        until(&seen, &seen.ups, 2);
        until(&seen, &seen.deliveries, 6);
        assert_int_equal(seen.redelivered, 3);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(seen.held[3 + i].epoch, seen.held[i].epoch + 1);
                assert_int_equal(seen.held[3 + i].tag, seen.held[i].tag);
        }
        for (unsigned i = 3; i < 6; i++)
                ack(&seen, i);
        close_and_count(&seen, 0);
}

static void nothing_comes_after_a_cancel_and_acks_still_count(const struct amqp_subject *subject)
{
        struct seen seen;
        begin(&seen, subject, 6, 2);
        until(&seen, &seen.deliveries, 2);
        amqp_consumer_want(seen.consumer, 0, 0);
        assert_int_equal(seen.cancels, 0); /* never from inside */
        until(&seen, &seen.cancels, 1);
        assert_false(amqp_consumer_may_deliver(seen.consumer, 0));
        ack(&seen, 0);
        ack(&seen, 1);
        linger(&seen);
        assert_int_equal(seen.deliveries, 2);
        assert_int_equal(seen.cancels, 1);
        close_and_count(&seen, 4);
}

static void a_wish_that_is_taken_back_stops_nothing(const struct amqp_subject *subject)
{
        struct seen seen;
        begin(&seen, subject, 2, 1);
        until(&seen, &seen.deliveries, 1);
        amqp_consumer_want(seen.consumer, 0, 0);
        amqp_consumer_want(seen.consumer, 0, 1);
        linger(&seen);
        assert_int_equal(seen.cancels, 0);
        ack(&seen, 0);
        until(&seen, &seen.deliveries, 2);
        close_and_count(&seen, 1);
}

static void closing_writes_the_acks_that_wait(const struct amqp_subject *subject)
{
        struct seen seen;
        begin(&seen, subject, 4, 4);
        until(&seen, &seen.deliveries, 4);
        for (unsigned i = 0; i < 3; i++)
                ack(&seen, i);
        close_and_count(&seen, 1);
}

const struct amqp_case amqp_cases[] = {
#define CASE(name)                                                                                           \
        {                                                                                                    \
#                name, name                                                                                  \
        }
        CASE(no_more_than_the_prefetch_is_unsettled),
        CASE(acks_settle_what_they_name_in_any_order),
        CASE(what_is_returned_comes_again_and_says_so),
        CASE(what_is_rejected_never_comes_again),
        CASE(a_lost_connection_delivers_all_again_under_the_old_tags),
        CASE(nothing_comes_after_a_cancel_and_acks_still_count),
        CASE(a_wish_that_is_taken_back_stops_nothing),
        CASE(closing_writes_the_acks_that_wait),
};
const size_t amqp_case_count = sizeof amqp_cases / sizeof *amqp_cases;
