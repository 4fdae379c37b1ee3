#include "core/job/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A service that takes `allowed` requests in each second of the clock, or one each 1/allowed of a second with
 * `allowed` saved at most, and a client that always has one more to send and `places` for them. */
struct service {
        struct pace pace;
        int64_t allowed, now_ms, paused_until_ms, pause_ms, second, used;
        double tokens;
        int places;
        bool bucket, tells;
        long requests, accepted;
};

static bool takes(struct service *service)
{
        if (service->bucket) {
                bool taken = service->tokens >= 1;
                service->tokens -= taken;
                return taken;
        }
        if (service->second != service->now_ms / 1000)
                service->used = 0;
        service->second = service->now_ms / 1000;
        return service->used++ < service->allowed;
}

static void request(struct service *service)
{
        bool taken = takes(service);
        service->requests++;
        service->accepted += taken;
        if (taken) {
                pace_accepted(&service->pace, service->now_ms);
        } else {
                pace_refused(&service->pace, service->now_ms);
                service->paused_until_ms = service->now_ms + service->pause_ms;
        }
        if (service->tells && !service->bucket)
                pace_told(&service->pace, service->allowed - service->used, 1000 - service->now_ms % 1000, 0,
                          service->now_ms);
}

static void run(struct service *service, int64_t seconds)
{
        service->tokens = (double)service->allowed;
        for (int64_t end_ms = service->now_ms + seconds * 1000; service->now_ms < end_ms;
             service->now_ms += 5) {
                service->tokens += (double)service->allowed / 200;
                if (service->tokens > (double)service->allowed)
                        service->tokens = (double)service->allowed;
                for (int i = 0; i < service->places; i++) {
                        if (service->now_ms < service->paused_until_ms ||
                            pace_wait_ms(&service->pace, service->now_ms) > 0)
                                break;
                        pace_begin(&service->pace, service->now_ms);
                        request(service);
                }
        }
}

static void nothing_is_held_back_before_the_service_says_so(void **state)
{
        (void)state;
        struct pace pace = {0};
        for (int i = 0; i < 1000; i++) {
                assert_int_equal(pace_wait_ms(&pace, 5000), 0);
                pace_begin(&pace, 5000);
                pace_accepted(&pace, 5000);
        }
}

static void each_rate_is_found_with_few_refusals(void **state)
{
        (void)state;
        static const int64_t rates[] = {2, 5, 14, 100, 500};
        for (size_t i = 0; i < 5; i++)
                for (int kind = 0; kind < 4; kind++) {
                        struct service service = {.allowed = rates[i],
                                                  .now_ms = 100000,
                                                  .places = 16,
                                                  .bucket = kind & 1,
                                                  .pause_ms = kind & 2 ? 1000 : 250};
                        run(&service, 60);
                        double used = (double)service.accepted / (60 * (double)rates[i]);
                        double each = (double)service.requests / (double)service.accepted;
                        if (used < 0.75 || each > 1.15)
                                fail_msg("%d a second, kind %d: %.2f of it used, %.2f requests a mail",
                                         (int)rates[i], kind, used, each);
                }
}

static void what_the_answers_tell_is_used_to_the_last(void **state)
{
        (void)state;
        struct service service = {
                .allowed = 10, .now_ms = 100000, .places = 16, .tells = true, .pause_ms = 1000};
        run(&service, 60);
        assert_int_equal(service.requests, 600);
        assert_int_equal(service.accepted, 600);
}

/* Of a burst beyond the limit the refusals may be answered first. */
static void answers_after_the_first_refusal_count_for_the_second_before_it(void **state)
{
        (void)state;
        struct pace pace = {0};
        for (int i = 0; i < 5; i++)
                pace_accepted(&pace, 1000);
        pace_refused(&pace, 1010);
        assert_float_equal(pace.per_second, 0.95 * 5, 0.001);
        for (int i = 0; i < 15; i++)
                pace_accepted(&pace, 1020);
        assert_float_equal(pace.per_second, 0.95 * 20, 0.001);
        assert_float_equal(pace.ceiling, 20, 0.001);
        pace_accepted(&pace, 3000); /* what began later shows only that the pace is not too fast */
        assert_true(pace.per_second < 0.95 * 20 + 0.2);
}

static void what_is_left_is_shared_with_what_is_under_way(void **state)
{
        (void)state;
        struct pace pace = {0};
        pace_told(&pace, 5, 2000, 3, 1000);
        pace_begin(&pace, 1000);
        assert_int_equal(pace_wait_ms(&pace, 1000), 0);
        pace_begin(&pace, 1000);
        assert_int_equal(pace_wait_ms(&pace, 1000), 2000);
        assert_int_equal(pace_wait_ms(&pace, 3000), 0);
        pace_told(&pace, 2, 2000, 3, 1000);
        assert_int_equal(pace_wait_ms(&pace, 1000), 2000);
}

static void a_limit_that_was_lifted_is_forgotten(void **state)
{
        (void)state;
        struct service service = {.allowed = 10, .now_ms = 100000, .places = 16};
        run(&service, 10);
        service.allowed = 1000000;
        run(&service, 120);
        assert_true(service.pace.per_second == 0 || service.pace.per_second > 500);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_held_back_before_the_service_says_so),
                cmocka_unit_test(each_rate_is_found_with_few_refusals),
                cmocka_unit_test(what_the_answers_tell_is_used_to_the_last),
                cmocka_unit_test(answers_after_the_first_refusal_count_for_the_second_before_it),
                cmocka_unit_test(what_is_left_is_shared_with_what_is_under_way),
                cmocka_unit_test(a_limit_that_was_lifted_is_forgotten),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
