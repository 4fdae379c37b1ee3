#include "core/broker/confirms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The story of a channel as text: "a" publish, and what came of it as "a+" acked, "a-" nacked, "a?" returned.
 */
struct story {
        struct confirms confirms;
        char told[256];
};

static char items[] = "abcdefghijklmnopqrstuvwxyz";

static void tell(void *context, void *item, enum confirm_outcome outcome)
{
        struct story *story = context;
        const char *marks[] = {[CONFIRM_ACKED] = "+", [CONFIRM_NACKED] = "-", [CONFIRM_RETURNED] = "?"};
        strncat(story->told, item, 1);
        strcat(story->told, marks[outcome]);
}

static void story_begin(struct story *story, size_t capacity, size_t published)
{
        *story = (struct story){0};
        confirms_init(&story->confirms, capacity);
        for (size_t i = 0; i < published; i++)
                assert_int_equal(confirms_add(&story->confirms, &items[i], (int64_t)i * 10), i + 1);
}

static bool ack(struct story *story, uint64_t number, bool multiple)
{
        return confirms_settle(&story->confirms, (struct confirm_answer){number, multiple, true}, tell,
                               story);
}

static bool nack(struct story *story, uint64_t number, bool multiple)
{
        return confirms_settle(&story->confirms, (struct confirm_answer){number, multiple, false}, tell,
                               story);
}

static void story_end(struct story *story, const char *told)
{
        assert_string_equal(story->told, told);
        confirms_fini(&story->confirms);
}

static void acks_may_come_in_any_order(void **state)
{
        (void)state;
        struct story story;
        story_begin(&story, 8, 3);
        assert_true(ack(&story, 3, false));
        assert_true(ack(&story, 1, false));
        assert_int_equal(confirms_oldest_ms(&story.confirms), 10);
        assert_true(ack(&story, 2, false));
        assert_true(confirms_empty(&story.confirms));
        assert_int_equal(confirms_oldest_ms(&story.confirms), -1);
        story_end(&story, "c+a+b+");
}

static void a_multiple_ack_settles_all_up_to_it_once(void **state)
{
        (void)state;
        struct story story;
        story_begin(&story, 8, 5);
        assert_true(ack(&story, 2, false));
        assert_true(ack(&story, 4, true));
        assert_int_equal(confirms_oldest_ms(&story.confirms), 40);
        story_end(&story, "b+a+c+d+");
}

static void number_zero_with_multiple_means_all(void **state)
{
        (void)state;
        struct story story;
        story_begin(&story, 8, 2);
        assert_true(nack(&story, 0, true));
        assert_true(ack(&story, 0, true));
        story_end(&story, "a-b-");
}

static void a_nack_is_not_an_ack(void **state)
{
        (void)state;
        struct story story;
        story_begin(&story, 8, 3);
        assert_true(nack(&story, 2, false));
        assert_true(ack(&story, 3, true));
        story_end(&story, "b-a+c+");
}

static void a_returned_message_that_is_acked_counts_as_returned(void **state)
{
        (void)state;
        struct story story;
        story_begin(&story, 8, 3);
        assert_ptr_equal(confirms_unreturned(&story.confirms, 2), &items[1]);
        confirms_return(&story.confirms, 2);
        assert_null(confirms_unreturned(&story.confirms, 2));
        assert_true(ack(&story, 3, true));
        story_end(&story, "a+b?c+");
}

static void a_number_never_given_out_or_settled_before_is_a_breach(void **state)
{
        (void)state;
        struct story story;
        story_begin(&story, 8, 3);
        assert_true(ack(&story, 2, false));
        assert_false(ack(&story, 2, false));
        assert_false(ack(&story, 4, false));
        assert_false(ack(&story, 4, true));
        assert_false(ack(&story, 0, false));
        assert_true(ack(&story, 1, true));
        assert_false(nack(&story, 1, false));
        assert_null(confirms_unreturned(&story.confirms, 1));
        story_end(&story, "b+a+");
}

static void the_window_is_full_until_its_oldest_is_settled(void **state)
{
        (void)state;
        struct story story;
        story_begin(&story, 3, 3);
        assert_true(confirms_full(&story.confirms));
        assert_true(ack(&story, 2, false));
        assert_true(confirms_full(&story.confirms));
        assert_true(ack(&story, 1, false));
        assert_false(confirms_full(&story.confirms));
        assert_int_equal(confirms_add(&story.confirms, &items[3], 99), 4);
        assert_int_equal(confirms_add(&story.confirms, &items[4], 99), 5);
        assert_true(confirms_full(&story.confirms));
        assert_true(ack(&story, 5, true));
        story_end(&story, "b+a+c+d+e+");
}

static void a_lost_connection_gives_the_outstanding_ones_back_in_order(void **state)
{
        (void)state;
        struct story story;
        story_begin(&story, 8, 4);
        assert_true(ack(&story, 2, false));
        assert_ptr_equal(confirms_take(&story.confirms), &items[0]);
        assert_ptr_equal(confirms_take(&story.confirms), &items[2]);
        assert_ptr_equal(confirms_take(&story.confirms), &items[3]);
        assert_null(confirms_take(&story.confirms));
        confirms_restart(&story.confirms);
        assert_int_equal(confirms_add(&story.confirms, &items[5], 0), 1);
        assert_true(ack(&story, 1, false));
        story_end(&story, "b+f+");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(acks_may_come_in_any_order),
                cmocka_unit_test(a_multiple_ack_settles_all_up_to_it_once),
                cmocka_unit_test(number_zero_with_multiple_means_all),
                cmocka_unit_test(a_nack_is_not_an_ack),
                cmocka_unit_test(a_returned_message_that_is_acked_counts_as_returned),
                cmocka_unit_test(a_number_never_given_out_or_settled_before_is_a_breach),
                cmocka_unit_test(the_window_is_full_until_its_oldest_is_settled),
                cmocka_unit_test(a_lost_connection_gives_the_outstanding_ones_back_in_order),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
