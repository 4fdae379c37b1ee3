#include "io/amqp/amqp_channels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Our queue has one channel; each of the others' two has a second one, by which its copies come back. */
enum { THEIRS, OURS, THEIRS_TOO, QUEUES };

static int setup(void **state)
{
        static struct channels channels;
        static struct config config = {.queue_count = QUEUES};
        config.queues[THEIRS].name = "theirs";
        config.queues[OURS].name = "ours";
        config.queues[OURS].declare = true;
        config.queues[THEIRS_TOO].name = "theirs too";
        channels_open(&channels, &config, NULL, NULL);
        *state = &channels;
        return 0;
}

static int teardown(void **state)
{
        channels_close(*state);
        return 0;
}

enum { SECOND_OF_THEIRS = QUEUES, SECOND_OF_THEIRS_TOO };

static void a_queue_of_somebody_else_has_a_second_channel(void **state)
{
        const struct channels *channels = *state;
        assert_int_equal(channels->count, QUEUES + 2);
        assert_string_equal(channels->list[SECOND_OF_THEIRS].queue_name, "theirs.again");
        assert_string_equal(channels->list[SECOND_OF_THEIRS_TOO].queue_name, "theirs too.again");
}

static void of_its_prefetch_a_quarter_is_for_what_comes_back(void **state)
{
        struct channels *channels = *state;
        channels_want(channels, THEIRS, 100);
        channels_want(channels, OURS, 40);
        channels_want(channels, THEIRS_TOO, 1);
        assert_int_equal(channels->list[THEIRS].wanted, 75);
        assert_int_equal(channels->list[SECOND_OF_THEIRS].wanted, 25);
        assert_int_equal(channels->list[OURS].wanted, 40);
        assert_int_equal(channels->list[THEIRS_TOO].wanted, 1);
        assert_int_equal(channels->list[SECOND_OF_THEIRS_TOO].wanted, 1);
}

static void a_queue_is_lost_until_both_are_found(void **state)
{
        struct channels *channels = *state;
        static const size_t both[] = {THEIRS, SECOND_OF_THEIRS};
        for (size_t i = 0; i < 2; i++) {
                channels->list[both[i]].lost = true;
                assert_true(channels_lost(channels, THEIRS));
                assert_false(channels_lost(channels, OURS));
                assert_false(channels_lost(channels, THEIRS_TOO));
                channels->list[both[i]].lost = false;
                assert_false(channels_lost(channels, THEIRS));
        }
}

static void a_queue_consumes_when_both_do(void **state)
{
        struct channels *channels = *state;
        assert_false(channels_may_deliver(channels, THEIRS_TOO));
        channels->list[SECOND_OF_THEIRS_TOO].phase = CHANNEL_CONSUMING;
        assert_false(channels_consuming(channels, THEIRS_TOO));
        assert_true(channels_may_deliver(channels, THEIRS_TOO));
        channels->list[THEIRS_TOO].phase = CHANNEL_CONSUMING;
        assert_true(channels_consuming(channels, THEIRS_TOO));
        assert_false(channels_consuming(channels, THEIRS));
        channels->list[OURS].phase = CHANNEL_CONSUMING;
        assert_true(channels_consuming(channels, OURS));
}

static void the_wish_for_nothing_comes_true_once_when_both_are_quiet(void **state)
{
        struct channels *channels = *state;
        channels_want(channels, THEIRS, 8);
        channels->list[THEIRS].phase = channels->list[SECOND_OF_THEIRS].phase = CHANNEL_CONSUMING;
        assert_false(channels_cancelled(channels, THEIRS));
        channels_want(channels, THEIRS, 0);
        channels->list[THEIRS].phase = CHANNEL_IDLE;
        assert_false(channels_cancelled(channels, THEIRS));
        channels->list[SECOND_OF_THEIRS].phase = CHANNEL_CLOSED;
        assert_true(channels_cancelled(channels, THEIRS));
        assert_false(channels_cancelled(channels, THEIRS));
        assert_false(channels_cancelled(channels, OURS));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_queue_of_somebody_else_has_a_second_channel, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(of_its_prefetch_a_quarter_is_for_what_comes_back, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(a_queue_is_lost_until_both_are_found, setup, teardown),
                cmocka_unit_test_setup_teardown(a_queue_consumes_when_both_do, setup, teardown),
                cmocka_unit_test_setup_teardown(the_wish_for_nothing_comes_true_once_when_both_are_quiet,
                                                setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
