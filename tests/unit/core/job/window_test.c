#include "core/job/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A server that takes `limit` connections, and what is under way there. Answers take `takes` turns of 10 ms.
 */
struct server {
        struct window window;
        size_t limit, used, refusals, served, highest;
        int64_t now_ms;
};

static struct server server_of(size_t limit)
{
        struct server server = {.limit = limit};
        window_init(&server.window, 4, 16);
        return server;
}

/* One turn: begins what may begin, is refused what is over the limit, and all others are answered. */
static void turn(struct server *server)
{
        struct window *window = &server->window;
        while (window_is_open(window, server->used, server->now_ms)) {
                window_begin(window, server->now_ms);
                server->used++;
        }
        server->highest = server->used > server->highest ? server->used : server->highest;
        while (server->used > server->limit) {
                struct window_refusal refusal = {
                        .used = server->used, .standing = server->limit, .told = true};
                assert_true(window_refused(window, &refusal, server->now_ms));
                server->used--;
                server->refusals++;
        }
        for (; server->used > 0; server->used--, server->served++)
                window_served(window, server->used, server->now_ms);
        server->now_ms += 10;
}

static void a_service_without_a_limit_is_used_to_the_full_at_once(void **state)
{
        (void)state;
        struct server server = server_of(100);
        for (int i = 0; i < 4; i++)
                turn(&server);
        assert_int_equal(server.window.size, 16);
        assert_int_equal(server.refusals, 0);
}

static void each_limit_is_found_and_kept(void **state)
{
        (void)state;
        static const size_t limits[] = {1, 3, 10, 15, 16};
        for (size_t i = 0; i < 5; i++) {
                struct server server = server_of(limits[i]);
                for (int n = 0; n < 1000; n++) /* ten seconds */
                        turn(&server);
                /* it asks for one more now and then, and ever less often */
                if (server.served < 995 * limits[i] - 32 || server.refusals > 20)
                        fail_msg("limit %zu: %zu served, %zu refused", limits[i], server.served,
                                 server.refusals);
        }
}

static void a_limit_that_was_lifted_is_found(void **state)
{
        (void)state;
        struct server server = server_of(3);
        for (int n = 0; n < 1000; n++)
                turn(&server);
        server.limit = 100;
        for (int n = 0; n < 4000; n++)
                turn(&server);
        assert_int_equal(server.window.size, 16);
}

static void slow_answers_hold_nobody_up_for_long(void **state)
{
        (void)state;
        struct window window;
        window_init(&window, 4, 16);
        window_begin(&window, 1000);
        assert_false(window_is_open(&window, 4, 1000));
        assert_int_equal(window_wait_ms(&window, 4, 1100), 150);
        assert_int_equal(window_wait_ms(&window, 3, 1100), 0);
        assert_true(window_is_open(&window, 7, 1250));
        assert_false(window_is_open(&window, 8, 1250));
        assert_true(window_is_open(&window, 15, 1500));
        assert_int_equal(window_wait_ms(&window, 16, 1500), -1);
}

static void with_nothing_under_way_the_next_try_waits_longer_each_time(void **state)
{
        (void)state;
        struct window window;
        const struct window_refusal alone = {.used = 1, .told = true};
        window_init(&window, 4, 16);
        static const int64_t waits_ms[] = {25, 50, 100, 200, 400, 400, 400};
        int64_t now_ms = 5000;
        for (size_t i = 0; i < 7; i++) {
                assert_true(window_refused(&window, &alone, now_ms));
                assert_int_equal(window_wait_ms(&window, 0, now_ms), waits_ms[i]);
                now_ms += waits_ms[i];
                assert_true(window_is_open(&window, 0, now_ms));
                assert_false(window_is_open(&window, 1, now_ms));
        }
        window_served(&window, 1, now_ms);
        window_refused(&window, &alone, now_ms);
        assert_int_equal(window_wait_ms(&window, 0, now_ms), 25);
}

static void a_refusal_is_an_outage_only_if_nobody_is_served(void **state)
{
        (void)state;
        const struct window_refusal told = {.used = 1, .told = true}, mute = {.used = 1},
                                    beside = {.used = 2, .standing = 1};
        struct window window;
        window_init(&window, 4, 16);
        assert_false(window_refused(&window, &mute, 1000)); /* nothing was ever served */
        assert_true(window_refused(&window, &beside, 1000));
        assert_true(window_refused(&window, &told, 1000));
        assert_true(window_refused(&window, &told, 30999));
        assert_false(window_refused(&window, &told, 31000));
        window_served(&window, 1, 31000);
        assert_true(window_refused(&window, &mute, 35999));
        assert_false(window_refused(&window, &mute, 36000));
        assert_true(window_refused(&window, &told, 60000));
}

static void people_are_told_once_a_minute(void **state)
{
        (void)state;
        struct window window;
        window_init(&window, 4, 16);
        assert_true(window_is_news(&window, 0));
        assert_false(window_is_news(&window, 59999));
        assert_true(window_is_news(&window, 60000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_service_without_a_limit_is_used_to_the_full_at_once),
                cmocka_unit_test(each_limit_is_found_and_kept),
                cmocka_unit_test(a_limit_that_was_lifted_is_found),
                cmocka_unit_test(slow_answers_hold_nobody_up_for_long),
                cmocka_unit_test(with_nothing_under_way_the_next_try_waits_longer_each_time),
                cmocka_unit_test(a_refusal_is_an_outage_only_if_nobody_is_served),
                cmocka_unit_test(people_are_told_once_a_minute),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
