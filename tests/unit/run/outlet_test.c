#include "run/outlet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct config_outlet settings_of_outlet = {
        .name = "mail",
        .kind = OUTLET_MAIL,
        .breaker = {.failures = 2, .open_ms = 1000, .open_max_ms = 8000},
};

static void open_one(struct outlet *outlet, const struct config_outlet *config)
{
        outlet_init(outlet, config, 0);
        window_init(&outlet->window, 2, 2);
}

static struct send_result failure(void)
{
        return (struct send_result){.outcome = SEND_TRANSIENT, .counts = true, .retry_after_ms = -1};
}

static void no_more_places_are_given_than_there_are(void **state)
{
        (void)state;
        struct outlet outlet;
        struct outlet_place places[3] = {0};
        open_one(&outlet, &settings_of_outlet);
        assert_true(outlet_take(&outlet, &places[0], 0));
        assert_true(outlet_take(&outlet, &places[1], 0));
        assert_false(outlet_take(&outlet, &places[2], 0));
        assert_false(places[2].held);
        outlet_give(&outlet, &places[0]);
        outlet_give(&outlet, &places[0]); /* given once, it is given */
        assert_true(outlet_take(&outlet, &places[2], 0));
        assert_false(outlet_take(&outlet, &places[0], 0));
}

static void a_place_in_which_nothing_was_sent_gives_its_token_back(void **state)
{
        (void)state;
        struct config_outlet config = settings_of_outlet;
        struct outlet outlet;
        struct outlet_place place = {0};
        config.rate = 1;
        open_one(&outlet, &config);
        while (outlet_take(&outlet, &place, 0)) {
                place.sent = true;
                outlet_give(&outlet, &place);
        }
        assert_in_range(limiter_wait_ms(&outlet.limiter, 0), 1, 1001);
        assert_true(outlet_take(&outlet, &place, 1001));
        outlet_give(&outlet, &place);
        assert_true(outlet_take(&outlet, &place, 1001));
        place.sent = true;
        outlet_give(&outlet, &place);
        assert_false(outlet_take(&outlet, &place, 1001));
}

static void the_lanes_of_an_outlet_share_its_rate(void **state)
{
        (void)state;
        struct config_outlet config = settings_of_outlet;
        struct outlet outlet, lane;
        struct outlet_place place = {0};
        config.rate = 1;
        open_one(&outlet, &config);
        open_one(&lane, &config);
        lane.parent = &outlet;
        while (outlet_take(&outlet, &place, 0)) {
                place.sent = true;
                outlet_give(&outlet, &place);
        }
        assert_false(outlet_take(&lane, &place, 0));
        assert_true(outlet_take(&lane, &place, 1001));
        place.sent = true;
        outlet_give(&lane, &place);
        assert_false(outlet_take(&outlet, &place, 1001));
}

static void failures_shut_it_and_one_probe_at_a_time_tries_it(void **state)
{
        (void)state;
        struct outlet outlet;
        struct outlet_place place = {0}, other = {0};
        struct send_result failed = failure();
        open_one(&outlet, &settings_of_outlet);
        for (uint64_t job = 1; job <= 2; job++) {
                assert_int_equal(outlet_shut_because(&outlet, 0), 0);
                assert_true(outlet_take(&outlet, &place, 0));
                struct outlet_news news = outlet_result(&outlet, &place, job, &failed, 0);
                assert_int_equal(news.changed, job == 2);
                assert_int_equal(news.opened, job == 2);
                outlet_give(&outlet, &place);
        }
        assert_int_equal(outlet_shut_because(&outlet, 0), OBSTACLE_BIT(BREAKER_OPEN));
        assert_false(outlet_take(&outlet, &place, 999));
        assert_int_equal(outlet_due_ms(&outlet, 400), 600);
        assert_false(outlet_tick(&outlet, 999));
        assert_true(outlet_tick(&outlet, 1000));
        assert_true(outlet_take(&outlet, &place, 1001));
        assert_false(outlet_take(&outlet, &other, 1000));
        struct send_result done = {.outcome = SEND_DONE};
        assert_true(outlet_result(&outlet, &place, 3, &done, 1000).changed);
        outlet_give(&outlet, &place);
        assert_true(outlet_take(&outlet, &other, 1000));
}

static void the_last_millisecond_of_a_wait_is_waited_for(void **state)
{
        (void)state;
        struct config_outlet config = settings_of_outlet;
        struct outlet outlet;
        struct outlet_place place = {0};
        config.rate = 4000;
        open_one(&outlet, &config);
        while (outlet_take(&outlet, &place, 0)) {
                place.sent = true;
                outlet_give(&outlet, &place);
        }
        assert_int_equal(outlet_due_ms(&outlet, 0), -1); /* nobody waits */
        outlet.waiting_queues = 1;
        assert_int_equal(outlet_due_ms(&outlet, 0), 1);
}

static void an_outage_is_news_once_however_many_probes_fail(void **state)
{
        (void)state;
        struct outlet outlet;
        struct outlet_place place = {0};
        struct send_result failed = failure();
        open_one(&outlet, &settings_of_outlet);
        outlet.breaker.state = BREAKER_HALF_OPEN;
        assert_true(outlet_take(&outlet, &place, 0));
        struct outlet_news news = outlet_result(&outlet, &place, 1, &failed, 0);
        assert_int_equal(outlet.breaker.state, BREAKER_OPEN);
        assert_true(news.changed);
        assert_false(news.opened);
        outlet_give(&outlet, &place);
}

static void a_probe_that_sent_nothing_is_withdrawn(void **state)
{
        (void)state;
        struct outlet outlet;
        struct outlet_place place = {0};
        open_one(&outlet, &settings_of_outlet);
        outlet.breaker.state = BREAKER_HALF_OPEN;
        assert_true(outlet_take(&outlet, &place, 0));
        assert_true(place.probe);
        outlet_give(&outlet, &place);
        assert_true(outlet_take(&outlet, &place, 0));
}

static void a_pause_that_is_asked_for_is_kept_and_a_long_one_shuts(void **state)
{
        (void)state;
        struct outlet outlet;
        struct outlet_place place = {0};
        struct send_result slow = {.outcome = SEND_TRANSIENT, .throttled = true, .retry_after_ms = 3000};
        open_one(&outlet, &settings_of_outlet);
        assert_true(outlet_take(&outlet, &place, 0));
        assert_true(outlet_result(&outlet, &place, 1, &slow, 0).slowed);
        outlet_give(&outlet, &place);
        assert_false(outlet_take(&outlet, &place, 2999));
        assert_int_equal(outlet_shut_because(&outlet, 0), 0); /* waited out in place */
        assert_int_equal(outlet_due_ms(&outlet, 1000), 2000);
        slow.retry_after_ms = 60000;
        outlet_result(&outlet, &place, 1, &slow, 0);
        assert_int_equal(outlet_shut_because(&outlet, 0), OBSTACLE_BIT(THROTTLED));
        assert_int_equal(outlet_shut_because(&outlet, 55001), 0);
        slow.retry_after_ms = 10; /* a shorter one ends no longer one */
        outlet_result(&outlet, &place, 1, &slow, 1000);
        assert_false(outlet_take(&outlet, &place, 59999));
        assert_true(outlet_take(&outlet, &place, 60000));
}

static void a_service_that_says_too_many_and_no_more_gets_a_second(void **state)
{
        (void)state;
        struct outlet outlet;
        struct outlet_place place = {0};
        const struct send_result slow = {.outcome = SEND_TRANSIENT, .throttled = true, .retry_after_ms = -1};
        open_one(&outlet, &settings_of_outlet);
        outlet_result(&outlet, &place, 1, &slow, 0);
        assert_false(outlet_take(&outlet, &place, 999));
        assert_int_equal(outlet.throttled_until_ms, 1000);
}

static void an_outlet_that_is_away_is_shut(void **state)
{
        (void)state;
        struct outlet outlet;
        struct outlet_place place = {0};
        open_one(&outlet, &settings_of_outlet);
        outlet.away = true;
        assert_false(outlet_take(&outlet, &place, 0));
        assert_int_equal(outlet_shut_because(&outlet, 0), OBSTACLE_BIT(PUBLISHER_DOWN));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_more_places_are_given_than_there_are),
                cmocka_unit_test(a_place_in_which_nothing_was_sent_gives_its_token_back),
                cmocka_unit_test(the_lanes_of_an_outlet_share_its_rate),
                cmocka_unit_test(failures_shut_it_and_one_probe_at_a_time_tries_it),
                cmocka_unit_test(the_last_millisecond_of_a_wait_is_waited_for),
                cmocka_unit_test(an_outage_is_news_once_however_many_probes_fail),
                cmocka_unit_test(a_probe_that_sent_nothing_is_withdrawn),
                cmocka_unit_test(a_pause_that_is_asked_for_is_kept_and_a_long_one_shuts),
                cmocka_unit_test(a_service_that_says_too_many_and_no_more_gets_a_second),
                cmocka_unit_test(an_outlet_that_is_away_is_shut),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
