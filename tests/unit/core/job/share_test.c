#include "core/job/share.h"
#include "rate_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Workers that share a rate, in virtual time, over the ledger of rate_ledger.h. */

enum { WORKERS_MAX = 48, MINUTES_MAX_MS = 120000, FREE_PLACES = 64 };

struct worker {
        struct share share;
        bool alive;
        uint32_t weight;
        size_t waiting;
        int64_t every_ms; /* one mail comes so often; 0: there are always more */
        int64_t asked_ms; /* when the question arrives; 0: none is under way */
        struct share_question question;
        uint64_t sent, waited_ms;
        int64_t late_ms; /* its loop is so late, now and then */
        int64_t oldest_ms;
        int64_t waited_most_ms;
};

struct world {
        struct rate_ledger ledger;
        struct worker workers[WORKERS_MAX];
        size_t count;
        double rate;
        int64_t now_ms, clock_offset_ms;
        unsigned sent[MINUTES_MAX_MS]; /* in each millisecond */
        uint64_t commands;
        uint64_t random;
};

static uint64_t next_random(struct world *world)
{
        world->random = world->random * 6364136223846793005u + 1442695040888963407u;
        return world->random >> 33;
}

static struct world *world_new(double rate)
{
        struct world *world = calloc(1, sizeof(*world));
        world->rate = rate;
        world->now_ms = 1;
        world->random = 42;
        return world;
}

static struct worker *join(struct world *world, uint32_t weight, int64_t every_ms)
{
        struct worker *worker = &world->workers[world->count++];
        assert_true(world->count <= WORKERS_MAX);
        *worker = (struct worker){.alive = true, .weight = weight, .every_ms = every_ms};
        share_configure(&worker->share, world->rate);
        return worker;
}

static void worker_ask(struct world *world, struct worker *worker)
{
        struct share_need need = {.waiting = worker->waiting, .free = FREE_PLACES, .weight = worker->weight};
        if (worker->asked_ms == 0 && share_asks(&worker->share, &need, world->now_ms, &worker->question))
                worker->asked_ms = world->now_ms + 1;
}

static void worker_hear(struct world *world, struct worker *worker)
{
        if (worker->asked_ms == 0 || world->now_ms < worker->asked_ms)
                return;
        worker->asked_ms = 0;
        world->commands++;
        int64_t now_us = (world->now_ms + world->clock_offset_ms + 1000000000) * 1000;
        struct share_answer answer = ledger_ask(&world->ledger, &worker->question, now_us);
        share_answered(&worker->share, &answer, world->now_ms);
}

static void worker_turn(struct world *world, struct worker *worker)
{
        if (worker->every_ms == 0)
                worker->waiting = 256;
        else if (world->now_ms % worker->every_ms == 0 && worker->waiting++ == 0)
                worker->oldest_ms = world->now_ms;
        worker_hear(world, worker);
        if (worker->late_ms > 0 && world->now_ms % 97 < worker->late_ms) /* its loop does something else */
                return;
        while (worker->waiting > 0 && share_take(&worker->share, world->now_ms)) {
                if (worker->every_ms > 0 && world->now_ms - worker->oldest_ms > worker->waited_most_ms)
                        worker->waited_most_ms = world->now_ms - worker->oldest_ms;
                worker->oldest_ms = world->now_ms;
                worker->waiting--;
                worker->sent++;
                world->sent[world->now_ms]++;
        }
        worker_ask(world, worker);
}

static void run(struct world *world, int64_t ms)
{
        for (int64_t end_ms = world->now_ms + ms; world->now_ms < end_ms; world->now_ms++) {
                size_t first = next_random(world) % world->count;
                for (size_t i = 0; i < world->count; i++) {
                        struct worker *worker = &world->workers[(first + i) % world->count];
                        if (worker->alive)
                                worker_turn(world, worker);
                }
        }
}

static unsigned sum(const struct world *world, int64_t from_ms, int64_t to_ms)
{
        unsigned count = 0;
        for (int64_t ms = from_ms; ms < to_ms; ms++)
                count += world->sent[ms];
        return count;
}

/* The most in any second, wherever it begins. */
static unsigned most_in_a_second(const struct world *world, int64_t from_ms)
{
        unsigned most = 0;
        for (int64_t ms = from_ms; ms + 1000 < world->now_ms; ms++) {
                unsigned count = sum(world, ms, ms + 1000);
                most = count > most ? count : most;
        }
        return most;
}

static void assert_kept(struct world *world, double least, double most)
{
        int64_t from_ms = 2000;
        double mean = sum(world, from_ms, world->now_ms) * 1000.0 / (double)(world->now_ms - from_ms);
        unsigned peak = most_in_a_second(world, 0);
        if (mean < least || mean > world->rate || peak > most)
                fail_msg("%.1f a second, at most %u", mean, peak);
}

static void workers_that_always_have_more_send_at_the_rate(void **state)
{
        (void)state;
        static const size_t counts[] = {1, 4, 8, 40};
        for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
                struct world *world = world_new(100);
                for (size_t k = 0; k < counts[i]; k++)
                        join(world, 10, 0);
                run(world, 20000);
                assert_kept(world, 95, 105);
                free(world);
        }
}

static void workers_that_come_and_go_send_at_the_rate_together(void **state)
{
        (void)state;
        for (uint64_t seed = 1; seed <= 20; seed++) {
                struct world *world = world_new(100);
                world->random = seed;
                for (size_t k = 0; k < 8; k++)
                        join(world, 10, 0)->alive = k < 1 + seed % 8;
                for (int i = 0; i < 10; i++) {
                        run(world, 2000);
                        struct worker *worker = &world->workers[next_random(world) % 8];
                        worker->alive = !worker->alive;
                        world->workers[i % 8].alive |= i % 3 == 0;
                        world->workers[0].alive = true;
                }
                assert_kept(world, 94, 105);
                free(world);
        }
}

static void loops_that_are_late_now_and_then_stay_within_the_rate(void **state)
{
        (void)state;
        struct world *world = world_new(100);
        for (size_t k = 0; k < 4; k++)
                join(world, 10, 0)->late_ms = 40;
        run(world, 20000);
        assert_kept(world, 95, 105);
        free(world);
}

static void one_worker_with_passwords_is_not_starved_by_eight_with_newsletters(void **state)
{
        (void)state;
        struct world *world = world_new(100);
        for (size_t k = 0; k < 8; k++)
                join(world, 10, 0);
        run(world, 3000);
        struct worker *otp = join(world, 100, 100); /* ten a second */
        run(world, 17000);
        assert_in_range(otp->sent, 168, 170);
        assert_in_range(otp->waited_most_ms, 0, 450);
        assert_kept(world, 95, 105);
        free(world);
}

static void workers_get_of_the_rate_by_their_weight(void **state)
{
        (void)state;
        struct world *world = world_new(100);
        struct worker *heavy = join(world, 40, 0);
        for (size_t k = 0; k < 4; k++)
                join(world, 10, 0);
        run(world, 30000);
        assert_kept(world, 95, 105);
        assert_in_range(heavy->sent, 1200, 1700); /* half of it is 1,470 */
        for (size_t k = 1; k < 5; k++)
                assert_in_range(world->workers[k].sent, 260, 480);
        free(world);
}

static void at_a_thousand_a_second_ten_mails_cost_less_than_one_command(void **state)
{
        (void)state;
        static const size_t counts[] = {1, 4, 8};
        for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
                struct world *world = world_new(1000);
                for (size_t k = 0; k < counts[i]; k++)
                        join(world, 10, 0);
                run(world, 10000);
                assert_kept(world, 950, 1050);
                assert_true(world->commands * 10 <= sum(world, 0, world->now_ms));
                free(world);
        }
}

static void mails_that_come_one_by_one_at_speed_are_asked_for_together(void **state)
{
        (void)state;
        struct world *world = world_new(1000);
        for (size_t k = 0; k < 2; k++)
                join(world, 10, 4); /* 500 a second together */
        run(world, 10000);
        unsigned sent = sum(world, 0, world->now_ms);
        assert_in_range(sent, 4900, 5000);
        assert_true(world->commands * 10 <= sent);
        free(world);
}

static void a_worker_that_dies_takes_no_more_than_its_batches_with_it(void **state)
{
        (void)state;
        struct world *world = world_new(100);
        for (size_t k = 0; k < 4; k++)
                join(world, 10, 0);
        run(world, 5000);
        unsigned before = sum(world, 0, world->now_ms);
        for (size_t k = 0; k < 3; k++)
                world->workers[k].alive = false;
        run(world, 2000);
        assert_true(sum(world, 0, world->now_ms) - before >= 196 - 3 * 12);
        run(world, 3000);
        assert_in_range(sum(world, world->now_ms - 2000, world->now_ms), 190, 200);
        assert_true(most_in_a_second(world, 0) <= 105);
        free(world);
}

static void a_clock_that_is_set_back_or_forward_stops_nobody(void **state)
{
        (void)state;
        static const int64_t jumps_ms[] = {-3600000, -2000, 2000, 3600000};
        for (size_t i = 0; i < sizeof(jumps_ms) / sizeof(*jumps_ms); i++) {
                struct world *world = world_new(100);
                world->clock_offset_ms = 7200000;
                for (size_t k = 0; k < 4; k++)
                        join(world, 10, 0);
                run(world, 5000);
                world->clock_offset_ms += jumps_ms[i];
                run(world, 10000);
                assert_kept(world, 80, 140); /* no more than the batches that are out are doubled */
                assert_in_range(sum(world, 12000, 15000), 285, 300);
                free(world);
        }
}

static void slow_rates_are_kept_too(void **state)
{
        (void)state;
        static const double rates[] = {0.5, 1, 3, 20};
        for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
                struct world *world = world_new(rates[i]);
                for (size_t k = 0; k < 4; k++)
                        join(world, 10, 0);
                run(world, 60000);
                unsigned sent = sum(world, 0, world->now_ms);
                if (sent < 0.9 * 60 * rates[i] || sent > 60 * rates[i] + 1)
                        fail_msg("at %.1f a second: %u in a minute", rates[i], sent);
                free(world);
        }
}

static void a_pause_is_kept_by_everybody(void **state)
{
        (void)state;
        struct rate_ledger ledger = {0};
        struct share one = {0}, other = {0};
        struct share_question question;
        struct share_need none = {.free = 8, .weight = 10}, some = {.waiting = 3, .free = 8, .weight = 10};
        share_configure(&one, 100);
        share_configure(&other, 100);
        assert_false(share_asks(&one, &none, 1, &question));
        share_pause(&one, 30000);
        assert_true(share_asks(&one, &none, 1, &question));
        struct share_answer answer = ledger_ask(&ledger, &question, 1000000);
        assert_int_equal(answer.pause_us, 30000000);
        share_answered(&one, &answer, 1);
        assert_false(share_asks(&one, &none, 2, &question));
        assert_true(share_asks(&other, &some, 1001, &question));
        answer = ledger_ask(&ledger, &question, 2000000);
        assert_int_equal(answer.count, 0);
        assert_int_equal(answer.pause_us, 29000000);
        share_answered(&other, &answer, 1001);
        assert_false(share_asks(&other, &some, 30000, &question));
        assert_true(share_asks(&other, &some, 30001, &question));
        assert_int_equal(ledger_ask(&ledger, &question, 31000001).count, 3);
}

static void what_is_put_off_is_told_when_its_turn_may_come(void **state)
{
        (void)state;
        struct rate_ledger ledger = {0};
        struct share_question question = {.step_us = 50000,
                                          .count = 100,
                                          .weight = 10,
                                          .near_us = 500000,
                                          .far_us = 1000000,
                                          .put_off = true};
        struct share_answer answer = ledger_ask(&ledger, &question, 1000000);
        assert_int_equal(answer.count, 20);
        assert_int_equal(answer.again_us, 1000000); /* the first of 80; the last is 4 s later */
        question.count = 10;
        answer = ledger_ask(&ledger, &question, 1000000);
        assert_int_equal(answer.count, 0);
        assert_int_equal(answer.again_us, 1000000 + 80 * 50000);
        question.count = question.back = 90;
        answer = ledger_ask(&ledger, &question, 3000000);
        assert_int_equal(answer.count, 20);
        assert_int_equal(ledger.waiting, 70);
}

static void a_place_is_void_soon_after_its_time(void **state)
{
        (void)state;
        struct share share = {0};
        struct share_question question;
        struct share_need need = {.waiting = 10, .free = 10, .weight = 10};
        share_configure(&share, 100);
        assert_true(share_asks(&share, &need, 0, &question));
        assert_int_equal(question.count, 10);
        assert_int_equal(share_ask_ms(&share, 0), -1);
        share_answered(
                &share,
                &(struct share_answer){.count = 10, .step_us = 10000, .from_us = 5000, .ahead_us = 100000},
                0);
        assert_false(share_take(&share, 4));
        assert_int_equal(share_wait_ms(&share, 4), 2);
        assert_true(share_take(&share, 6));
        assert_false(share_take(&share, 6));
        share_give(&share);
        assert_true(share_take(&share, 7));
        assert_int_equal(share_held(&share, 80), 8); /* that of 15 ms is void */
        assert_int_equal(share_held(&share, 154), 1);
        assert_int_equal(share_wait_ms(&share, 154), 0);
        assert_int_equal(share_wait_ms(&share, 160), -1);
        assert_false(share_take(&share, 160));
}

static void batches_that_nobody_could_use_make_room_for_others(void **state)
{
        (void)state;
        struct share share = {0};
        struct share_question question;
        struct share_need need = {.waiting = 3, .free = 0, .weight = 10};
        share_configure(&share, 100);
        for (int i = 0; i < 3 * SHARE_BATCHES; i++) {
                int64_t now_ms = i * 1000;
                assert_true(share_asks(&share, &need, now_ms, &question));
                share_answered(&share, &(struct share_answer){.count = 1, .step_us = 10000}, now_ms);
        }
        assert_true(share_take(&share, (3 * SHARE_BATCHES - 1) * 1000));
}

static void a_lost_question_is_asked_again(void **state)
{
        (void)state;
        struct share share = {0};
        struct share_question question;
        struct share_need need = {.waiting = 1, .free = 10};
        share_configure(&share, 100);
        assert_true(share_asks(&share, &need, 0, &question));
        assert_int_equal(question.weight, 1);
        assert_false(share_asks(&share, &need, 50, &question));
        share_lost(&share, 50);
        assert_false(share_asks(&share, &need, 50, &question));
        assert_true(share_asks(&share, &need, 50 + SHARE_LOST_MS, &question));
}

static void without_a_limit_nothing_is_asked(void **state)
{
        (void)state;
        struct share share = {0};
        struct share_question question;
        assert_false(share_asks(&share, &(struct share_need){.waiting = 9, .free = 9}, 0, &question));
        assert_int_equal(share_wait_ms(&share, 0), 0);
        assert_true(share_take(&share, 0));
        share_give(&share);
        share_pause(&share, 1000);
        assert_false(share_asks(&share, &(struct share_need){.waiting = 9, .free = 9}, 0, &question));
}

static void answers_are_read_and_others_refused(void **state)
{
        (void)state;
        struct share_answer answer = {.step_us = 7};
        const char *good = "10 200 300000 1700000000 5 0";
        assert_true(share_answer_parse(good, strlen(good), &answer));
        assert_int_equal(answer.count, 10);
        assert_int_equal(answer.from_us, 200);
        assert_int_equal(answer.ahead_us, 300000);
        assert_int_equal(answer.second, 1700000000);
        assert_int_equal(answer.again_us, 5);
        assert_int_equal(answer.step_us, 7);
        assert_false(share_answer_parse("10 200", 6, &answer));
        assert_false(share_answer_parse("", 0, &answer));
        assert_false(share_answer_parse(good, 4000, &answer));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(workers_that_always_have_more_send_at_the_rate),
                cmocka_unit_test(workers_that_come_and_go_send_at_the_rate_together),
                cmocka_unit_test(loops_that_are_late_now_and_then_stay_within_the_rate),
                cmocka_unit_test(one_worker_with_passwords_is_not_starved_by_eight_with_newsletters),
                cmocka_unit_test(workers_get_of_the_rate_by_their_weight),
                cmocka_unit_test(at_a_thousand_a_second_ten_mails_cost_less_than_one_command),
                cmocka_unit_test(mails_that_come_one_by_one_at_speed_are_asked_for_together),
                cmocka_unit_test(a_worker_that_dies_takes_no_more_than_its_batches_with_it),
                cmocka_unit_test(a_clock_that_is_set_back_or_forward_stops_nobody),
                cmocka_unit_test(slow_rates_are_kept_too),
                cmocka_unit_test(a_pause_is_kept_by_everybody),
                cmocka_unit_test(what_is_put_off_is_told_when_its_turn_may_come),
                cmocka_unit_test(a_place_is_void_soon_after_its_time),
                cmocka_unit_test(batches_that_nobody_could_use_make_room_for_others),
                cmocka_unit_test(a_lost_question_is_asked_again),
                cmocka_unit_test(without_a_limit_nothing_is_asked),
                cmocka_unit_test(answers_are_read_and_others_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
