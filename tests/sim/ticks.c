#include "core/time/ticker.h"
#include "model_main.h"
#include "random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Schedules in virtual time: three workers around the real ticker_step, a store with the rules of
 * worker/io/redis/lua/tick.lua, a broker that forgets nothing, and a week in which Berlin's clocks change.
 * Workers are killed at any step, requests and replies are lost, each worker's idea of the time is off by up
 * to a second. Every tick must have one job, in its time, unless it is given up as the schedule says.
 *
 * usage: ticks [--schedules N] [--seed N] [--expect-failure]
 */

enum { WORKERS = 3, TICKS_MAX = 1400, WEEK_S = 7 * 86400, SKEW_MS = 1000, STORE_LOST_MS = 2000 };

struct store {
        bool known;
        int64_t last_ms, ran_ms, claim_ms, claimed_ms;
        int worker;
        bool sure;
};

struct tick {
        int64_t at_ms, published_ms, over_ms; /* published_ms 0: not yet */
        bool missed, skipped;
};

struct worker {
        bool alive;
        uint32_t life, asked_in; /* how often it was started; when it asked */
        int64_t skew_ms, restart_ms;
        struct ticker ticker;
        /* what is under way: applied at apply_ms, answered at answer_ms; 0: nothing */
        struct ticker_action asked;
        struct ticker as; /* when it was asked */
        int64_t apply_ms, answer_ms;
        bool lost; /* no answer comes */
        struct ticker_event answer;
};

struct world {
        struct random random;
        int64_t now_ms;
        struct zone zone;
        struct cron cron;
        enum ticker_missed missed;
        bool skip_overlap, quiet; /* quiet: nobody is away for long */
        uint32_t kill_one_in;
        struct store store;
        struct tick ticks[TICKS_MAX];
        size_t count;
        struct worker workers[WORKERS];
        const char *failure;
        int64_t failed_ms;
};

static uint64_t tally_published, tally_again, tally_missed, tally_skipped, tally_kills;

static void fail(struct world *world, const char *why, int64_t tick_ms)
{
        if (!world->failure) {
                world->failure = why;
                world->failed_ms = tick_ms;
        }
}

static struct tick *find(struct world *world, int64_t tick_ms)
{
        for (size_t i = 0; i < world->count; i++)
                if (world->ticks[i].at_ms == tick_ms)
                        return &world->ticks[i];
        fail(world, "that is no tick", tick_ms);
        return &world->ticks[0];
}

/* ---- the store: tick.lua ---- */

static int64_t claim_left(const struct world *world)
{
        const struct store *store = &world->store;
        int64_t age = world->now_ms - store->claimed_ms;
        return store->claim_ms > store->last_ms && age >= 0 && age < TICKER_CLAIM_MS ? TICKER_CLAIM_MS - age
                                                                                     : 0;
}

static enum ticker_answer store_claim(struct world *world, const struct worker *worker, int me,
                                      struct ticker_event *answer)
{
        struct store *store = &world->store;
        bool before = store->claim_ms == worker->as.tick_ms, mine = before && store->worker == me;
        answer->left_ms = claim_left(world);
        if (before && !mine && answer->left_ms > 0)
                return TICKER_BUSY;
        if (!before)
                store->sure = worker->asked.sure;
        store->claim_ms = worker->as.tick_ms;
        store->claimed_ms = world->now_ms;
        store->worker = me;
        tally_again += before;
        return before ? TICKER_AGAIN : TICKER_OK;
}

static void given_up(struct world *world, int64_t until_ms, bool overlap)
{
        for (size_t i = 0; i < world->count; i++) {
                struct tick *tick = &world->ticks[i];
                if (tick->at_ms <= world->store.last_ms || tick->at_ms > until_ms)
                        continue;
                tick->missed |= !overlap;
                tick->skipped |= overlap;
                tally_missed += !overlap;
                tally_skipped += overlap;
                if (!overlap && (world->missed == TICKER_MISSED_ALL ||
                                 world->now_ms - tick->at_ms < TICKER_LATE_MS - SKEW_MS - STORE_LOST_MS))
                        fail(world, "given up though it is not missed", tick->at_ms);
                if (overlap && !world->skip_overlap)
                        fail(world, "skipped though overlaps are allowed", tick->at_ms);
        }
}

static enum ticker_answer store_skip(struct world *world, const struct worker *worker, int me,
                                     struct ticker_event *answer)
{
        struct store *store = &world->store;
        bool mine = store->claim_ms == worker->as.tick_ms && store->worker == me;
        if (store->claim_ms > store->last_ms && store->claim_ms <= worker->as.tick_ms &&
            (store->sure || !mine)) {
                answer->left_ms = claim_left(world);
                if (answer->left_ms > 0 && store->worker != me)
                        return TICKER_BUSY;
                if (store->sure)
                        return TICKER_AGAIN;
        }
        given_up(world, worker->as.tick_ms, worker->asked.overlap);
        store->last_ms = worker->as.tick_ms;
        return TICKER_OK;
}

static enum ticker_answer store_ask(struct world *world, const struct worker *worker, int me,
                                    struct ticker_event *answer)
{
        struct store *store = &world->store;
        int64_t tick_ms = worker->as.tick_ms;
        if (!store->known) {
                store->known = true;
                store->last_ms = worker->as.known ? worker->as.last_ms : world->now_ms;
        }
        if (worker->asked.kind == TICKER_LOOK)
                return TICKER_OK;
        if (worker->asked.kind == TICKER_END) {
                store->ran_ms = tick_ms > store->ran_ms ? tick_ms : store->ran_ms;
                store->last_ms = tick_ms > store->last_ms ? tick_ms : store->last_ms;
                return TICKER_OK;
        }
        if (tick_ms <= store->last_ms || store->last_ms != worker->as.last_ms)
                return TICKER_MOVED;
        if (world->now_ms < tick_ms)
                return TICKER_EARLY;
        if (worker->asked.kind == TICKER_CLAIM)
                return store_claim(world, worker, me, answer);
        if (worker->asked.kind == TICKER_SKIP)
                return store_skip(world, worker, me, answer);
        if (store->claim_ms != tick_ms || store->worker != me)
                return TICKER_MOVED;
        store->sure = true;
        store->claimed_ms = world->now_ms;
        return TICKER_OK;
}

/* ---- the broker and the jobs ---- */

static void publish(struct world *world, int64_t tick_ms)
{
        struct tick *tick = find(world, tick_ms);
        if (world->now_ms < tick_ms)
                fail(world, "published early", tick_ms);
        if (tick->missed || tick->skipped)
                fail(world, "published though it was given up", tick_ms);
        if (tick->published_ms)
                return; /* the same id */
        for (struct tick *before = world->ticks; before < tick; before++)
                if (world->skip_overlap && before->published_ms && before->over_ms > world->now_ms)
                        fail(world, "published while the one before is not over", tick_ms);
        for (struct tick *after = tick + 1; after < world->ticks + world->count; after++)
                if (after->published_ms)
                        fail(world, "published after a later one", tick_ms);
        tally_published++;
        tick->published_ms = world->now_ms;
        tick->over_ms =
                world->now_ms + (random_one_in(&world->random, 5) ? random_between(&world->random, 1, 7200000)
                                                                  : random_between(&world->random, 1, 30000));
}

static bool is_over(struct world *world, int64_t tick_ms)
{
        const struct tick *tick = find(world, tick_ms);
        return tick->published_ms && tick->over_ms <= world->now_ms;
}

static void apply(struct world *world, struct worker *worker, int me)
{
        struct ticker_event *answer = &worker->answer;
        *answer = (struct ticker_event){.kind = TICKER_ANSWERED};
        switch (worker->asked.kind) {
        case TICKER_PUBLISH:
                answer->kind = TICKER_PUBLISHED;
                answer->confirmed = !random_one_in(&world->random, 30);
                if (answer->confirmed || random_one_in(&world->random, 2))
                        publish(world, worker->as.tick_ms);
                break;
        case TICKER_JUDGE:
                answer->kind = TICKER_JUDGED;
                answer->over = is_over(world, worker->as.ran_ms);
                break;
        case TICKER_LOOK:
        case TICKER_CLAIM:
        case TICKER_MARK:
        case TICKER_END:
        case TICKER_SKIP:
                answer->answer = store_ask(world, worker, me, answer);
                answer->last_ms = world->store.last_ms;
                answer->ran_ms = world->store.ran_ms;
                answer->claimed_ms = world->store.claim_ms;
                answer->sure = world->store.sure;
                break;
        case TICKER_NOTHING:
        case TICKER_WAIT:
                break;
        }
        worker->apply_ms = 0;
}

/* ---- the workers ---- */

static void kill_worker(struct world *world, struct worker *worker)
{
        tally_kills++;
        worker->alive = false;
        worker->restart_ms = world->now_ms + (world->quiet || !random_one_in(&world->random, 20)
                                                      ? random_between(&world->random, 1, 4000)
                                                      : random_between(&world->random, 1, 1800000));
        worker->answer_ms = 0;
        if (worker->apply_ms && random_one_in(&world->random, 2))
                worker->apply_ms = 0;
}

static int64_t latency(struct world *world)
{
        return random_one_in(&world->random, 12) ? random_between(&world->random, 1, 900)
                                                 : random_between(&world->random, 1, 5);
}

static void step(struct world *world, struct worker *worker, struct ticker_event event)
{
        event.now_ms = world->now_ms + worker->skew_ms;
        struct ticker_action action = ticker_step(&worker->ticker, &event);
        if (action.kind == TICKER_NOTHING || action.kind == TICKER_WAIT)
                return;
        if (random_one_in(&world->random, world->kill_one_in)) {
                kill_worker(world, worker);
                return;
        }
        worker->asked = action;
        worker->asked_in = worker->life;
        worker->as = worker->ticker;
        worker->lost = random_one_in(&world->random, 200);
        worker->apply_ms = world->now_ms + latency(world);
        worker->answer_ms = worker->lost ? world->now_ms + STORE_LOST_MS : worker->apply_ms + latency(world);
        if (worker->lost && random_one_in(&world->random, 2))
                worker->apply_ms = 0;
        if (random_one_in(&world->random, world->kill_one_in))
                kill_worker(world, worker);
}

static void start(struct world *world, struct worker *worker)
{
        worker->alive = true;
        worker->life++;
        worker->restart_ms = 0;
        worker->skew_ms = random_between(&world->random, -SKEW_MS, SKEW_MS);
        worker->ticker = (struct ticker){.cron = world->cron,
                                         .zone = &world->zone,
                                         .missed = world->missed,
                                         .skip_overlap = world->skip_overlap};
        step(world, worker, (struct ticker_event){.kind = TICKER_BEGIN});
}

static void answered(struct world *world, struct worker *worker)
{
        bool lost = worker->lost;
        worker->answer_ms = 0;
        if (!lost) {
                step(world, worker, worker->answer);
                return;
        }
        bool publishing = worker->asked.kind == TICKER_PUBLISH;
        step(world, worker, (struct ticker_event){.kind = publishing ? TICKER_PUBLISHED : TICKER_LOST});
        if (!publishing && worker->alive)
                step(world, worker, (struct ticker_event){.kind = TICKER_BEGIN});
}

/* When something is to happen next. */
static int64_t due(const struct worker *worker)
{
        if (worker->apply_ms)
                return worker->apply_ms;
        if (!worker->alive)
                return worker->restart_ms;
        if (worker->answer_ms)
                return worker->answer_ms;
        int64_t wake_ms = worker->ticker.wake_ms;
        return wake_ms == INT64_MAX ? wake_ms : wake_ms - worker->skew_ms;
}

static void happen(struct world *world, struct worker *worker)
{
        if (worker->apply_ms)
                apply(world, worker, (int)(worker - world->workers) + WORKERS * (int)worker->asked_in);
        else if (!worker->alive)
                start(world, worker);
        else if (worker->answer_ms)
                answered(world, worker);
        else
                step(world, worker, (struct ticker_event){.kind = TICKER_TIME});
}

/* ---- a week ---- */

static void draw(struct world *world, uint64_t seed)
{
        static const char *const crons[] = {"*/10 * * * *",   "30 2 * * *",   "15 * * * *", "0 */2 * * *",
                                            "0,30 1-3 * * *", "*/20 2 * * *", "7 * * * 0"};
        /* Sundays on which Berlin's clocks change are in the middle of both weeks. */
        static const int64_t begins_s[] = {1774483200, 1792627200};
        char error[CRON_ERROR_SIZE];
        memset(world, 0, sizeof(*world));
        world->random.state = seed * 0x9e3779b97f4a7c15 + 1;
        world->zone.has_rule = zone_rule_parse(&world->zone.rule, slice_of("CET-1CEST,M3.5.0,M10.5.0/3"));
        cron_parse(&world->cron,
                   slice_of(crons[random_below(&world->random, sizeof(crons) / sizeof(*crons))]), error);
        world->missed = (enum ticker_missed)random_below(&world->random, 3);
        world->skip_overlap = random_one_in(&world->random, 2);
        world->quiet = random_one_in(&world->random, 2);
        world->kill_one_in = 4U << random_below(&world->random, 5);
        world->now_ms =
                begins_s[random_below(&world->random, 2)] * 1000 + random_below(&world->random, 600000);
        int64_t t = world->now_ms / 1000, end = t + WEEK_S;
        while ((t = cron_next(&world->cron, &world->zone, t)) < end && world->count < TICKS_MAX)
                world->ticks[world->count++].at_ms = t * 1000;
}

static void check_end(struct world *world, int64_t end_ms)
{
        for (size_t i = 0; i < world->count; i++) {
                const struct tick *tick = &world->ticks[i];
                if (tick->at_ms + 120000 > end_ms)
                        break;
                if (!tick->published_ms && !tick->missed && !tick->skipped && tick->at_ms + 2000000 < end_ms)
                        fail(world, "lost", tick->at_ms);
        }
}

static const char *run(struct world *world, uint64_t seed)
{
        draw(world, seed);
        int64_t end_ms = world->now_ms + (int64_t)WEEK_S * 1000;
        for (int i = 0; i < WORKERS; i++)
                start(world, &world->workers[i]);
        for (uint64_t events = 0; world->now_ms < end_ms && !world->failure; events++) {
                struct worker *next = &world->workers[0];
                for (int i = 1; i < WORKERS; i++)
                        if (due(&world->workers[i]) < due(next))
                                next = &world->workers[i];
                if (due(next) > world->now_ms)
                        world->now_ms = due(next);
                happen(world, next);
                if (events > 4000000)
                        fail(world, "livelock", 0);
        }
        check_end(world, end_ms);
        return world->failure;
}

static const char *run_seed(uint64_t seed)
{
        static struct world world;
        const char *failure = run(&world, seed);
        if (failure)
                printf("at %" PRId64 " ", world.failed_ms);
        return failure;
}

int main(int argc, char **argv)
{
        int status = model_main(argc, argv, 300, run_seed);
        printf("published %" PRIu64 ", taken over %" PRIu64 ", missed %" PRIu64 ", skipped %" PRIu64
               ", killed %" PRIu64 "\n",
               tally_published, tally_again, tally_missed, tally_skipped, tally_kills);
        return status;
}
