#include "core/broker/acks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void deliver(struct acks *acks, uint64_t first, uint64_t last)
{
        for (uint64_t tag = first; tag <= last; tag++)
                assert_true(acks_deliver(acks, tag));
}

/* What a flush writes, as text: "+3*" is an ack up to 3, "~" a requeue, "-" a reject. */
static const char *flush(struct acks *acks)
{
        static char text[256];
        const char marks[] = {
                [ACK_UNDECIDED] = '!', [ACK_ACK] = '+', [ACK_REQUEUE] = '~', [ACK_REJECT] = '-'};
        struct ack_frame frame;
        text[0] = '\0';
        while (acks_next(acks, &frame)) {
                size_t len = strlen(text);
                snprintf(text + len, sizeof(text) - len, "%s%c%d%s", len ? " " : "", marks[frame.decision],
                         (int)frame.tag, frame.multiple ? "*" : "");
        }
        return text;
}

static int begin(void **state)
{
        struct acks *acks = malloc(sizeof(*acks));
        acks_init(acks);
        *state = acks;
        return 0;
}

static int end(void **state)
{
        acks_fini(*state);
        free(*state);
        return 0;
}

static void the_contiguous_prefix_is_one_multiple_ack(void **state)
{
        struct acks *acks = *state;
        deliver(acks, 1, 5);
        for (uint64_t tag = 1; tag <= 3; tag++)
                assert_true(acks_decide(acks, tag, ACK_ACK));
        assert_string_equal(flush(acks), "+3*");
        assert_int_equal(acks->count, 2);
        assert_string_equal(flush(acks), "");
}

static void one_ack_alone_is_single(void **state)
{
        struct acks *acks = *state;
        deliver(acks, 1, 2);
        acks_decide(acks, 1, ACK_ACK);
        assert_string_equal(flush(acks), "+1");
}

static void stragglers_behind_an_undecided_one_are_single(void **state)
{
        struct acks *acks = *state;
        deliver(acks, 1, 6);
        acks_decide(acks, 5, ACK_ACK);
        acks_decide(acks, 1, ACK_ACK);
        acks_decide(acks, 4, ACK_ACK);
        acks_decide(acks, 2, ACK_ACK);
        assert_string_equal(flush(acks), "+2* +5 +4");
}

static void a_multiple_ack_names_a_tag_that_is_still_unsettled(void **state)
{
        struct acks *acks = *state;
        deliver(acks, 1, 4);
        acks_decide(acks, 3, ACK_ACK);
        assert_string_equal(flush(acks), "+3");
        acks_decide(acks, 1, ACK_ACK);
        acks_decide(acks, 2, ACK_ACK);
        assert_string_equal(flush(acks), "+2*");
        acks_decide(acks, 4, ACK_ACK);
        assert_string_equal(flush(acks), "+4");
}

static void a_multiple_ack_never_covers_a_nack_that_is_not_written(void **state)
{
        struct acks *acks = *state;
        deliver(acks, 1, 5);
        acks_decide(acks, 2, ACK_REQUEUE);
        for (uint64_t tag = 1; tag <= 5; tag++)
                acks_decide(acks, tag, ACK_ACK);
        assert_string_equal(flush(acks), "+1 ~2 +5*");
}

static void returning_everything_is_one_frame(void **state)
{
        struct acks *acks = *state;
        deliver(acks, 1, 100);
        for (uint64_t tag = 100; tag >= 1; tag--)
                acks_decide(acks, tag, tag <= 98 ? ACK_REQUEUE : ACK_REJECT);
        assert_string_equal(flush(acks), "~98* -100*");
        assert_int_equal(acks->count, 0);
}

static void the_first_decision_stands_and_unknown_tags_are_refused(void **state)
{
        struct acks *acks = *state;
        assert_false(acks_decide(acks, 1, ACK_ACK));
        deliver(acks, 1, 2);
        assert_true(acks_decide(acks, 1, ACK_ACK));
        assert_false(acks_decide(acks, 1, ACK_REJECT));
        assert_false(acks_decide(acks, 3, ACK_ACK));
        assert_string_equal(flush(acks), "+1");
        assert_false(acks_decide(acks, 1, ACK_ACK));
        assert_string_equal(flush(acks), "");
}

static void tags_must_rise(void **state)
{
        struct acks *acks = *state;
        deliver(acks, 1, 3);
        assert_false(acks_deliver(acks, 3));
        assert_false(acks_deliver(acks, 2));
        assert_true(acks_deliver(acks, 10));
}

static void a_new_channel_begins_at_one_again(void **state)
{
        struct acks *acks = *state;
        deliver(acks, 1, 200);
        acks_decide(acks, 7, ACK_ACK);
        acks_clear(acks);
        assert_false(acks_pending(acks));
        assert_false(acks_decide(acks, 7, ACK_ACK));
        deliver(acks, 1, 2);
        acks_decide(acks, 2, ACK_ACK);
        assert_string_equal(flush(acks), "+2");
}

static void memory_follows_the_unsettled_and_not_the_span_of_tags(void **state)
{
        struct acks *acks = *state;
        deliver(acks, 1, 1);
        for (uint64_t tag = 2; tag < 100000; tag++) {
                deliver(acks, tag, tag);
                acks_decide(acks, tag, ACK_ACK);
                struct ack_frame frame;
                assert_true(acks_next(acks, &frame));
                assert_false(frame.multiple);
        }
        assert_int_equal(acks->node_capacity, 64);
        assert_int_equal(acks->count, 1);
}

/* A broker in small: which tags are unsettled, and what each frame settles. */
static void any_order_of_decisions_settles_each_delivery_as_decided(void **state)
{
        enum { TAGS = 3000 };
        struct acks *acks = *state;
        static enum ack_decision wanted[TAGS + 1], settled[TAGS + 1];
        uint64_t delivered = 0, random = 12345;
        memset(wanted, 0, sizeof(wanted));
        memset(settled, 0, sizeof(settled));
        while (delivered < TAGS || acks->count > 0) {
                random = random * 6364136223846793005U + 1442695040888963407U;
                uint64_t pick = random >> 33;
                if (delivered < TAGS && pick % 3 == 0)
                        deliver(acks, delivered + 1, delivered + 1), delivered++;
                uint64_t window = delivered < 400 ? delivered : 400;
                if (window > 0) {
                        uint64_t tag = delivered == TAGS && pick % 2 ? 1 + pick / 7 % TAGS
                                                                     : delivered - pick / 7 % window;
                        enum ack_decision decision = pick % 5 == 0 ? ACK_REQUEUE : ACK_ACK;
                        if (acks_decide(acks, tag, decision))
                                wanted[tag] = decision;
                }
                struct ack_frame frame;
                while (pick % 11 == 0 && acks_next(acks, &frame)) {
                        assert_true(settled[frame.tag] == ACK_UNDECIDED);
                        for (uint64_t tag = frame.multiple ? 1 : frame.tag; tag <= frame.tag; tag++)
                                if (settled[tag] == ACK_UNDECIDED)
                                        settled[tag] = frame.decision;
                }
        }
        assert_memory_equal(wanted, settled, sizeof(wanted));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_contiguous_prefix_is_one_multiple_ack, begin, end),
                cmocka_unit_test_setup_teardown(one_ack_alone_is_single, begin, end),
                cmocka_unit_test_setup_teardown(stragglers_behind_an_undecided_one_are_single, begin, end),
                cmocka_unit_test_setup_teardown(a_multiple_ack_names_a_tag_that_is_still_unsettled, begin,
                                                end),
                cmocka_unit_test_setup_teardown(a_multiple_ack_never_covers_a_nack_that_is_not_written, begin,
                                                end),
                cmocka_unit_test_setup_teardown(returning_everything_is_one_frame, begin, end),
                cmocka_unit_test_setup_teardown(the_first_decision_stands_and_unknown_tags_are_refused, begin,
                                                end),
                cmocka_unit_test_setup_teardown(tags_must_rise, begin, end),
                cmocka_unit_test_setup_teardown(a_new_channel_begins_at_one_again, begin, end),
                cmocka_unit_test_setup_teardown(memory_follows_the_unsettled_and_not_the_span_of_tags, begin,
                                                end),
                cmocka_unit_test_setup_teardown(any_order_of_decisions_settles_each_delivery_as_decided,
                                                begin, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
