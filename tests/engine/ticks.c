#include "world.h"

#include "core/time/ticker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A schedule that ticks each minute: the store's side of it (tick.lua, queued.lua, the state of the job of
 * the tick before), and what arrives at the broker, judged as tests/sim/ticks.c judges the pure part. Each
 * tick has one job, whichever worker ends where. What becomes of that job is the world's own affair.
 */

enum { MINUTE_MS = 60000, LATEST_MS = 30000, SLACK_MS = 5000 };

/* Until then the world does not rest. */
static void on_watched(void *context)
{
        (void)context;
}

void ticks_draw(struct config *config)
{
        struct random *random = &world.random;
        config->schedules[config->schedule_count++] = (struct config_schedule){
                .name = "s",
                .cron = "* * * * *",
                .timezone = "UTC",
                .type = "tick.v1",
                .data = TICK_DATA,
                .missed = (enum ticker_missed)random_below(random, TICKER_MISSED_NONE + 1),
                .overlap = random_one_in(random, 2) ? OVERLAP_SKIP : OVERLAP_ALLOW};
        world.store_offset_ms += random_between(random, 0, 20000);
        world_later(random_between(random, 80000, 150000), on_watched, NULL);
}

/* The tick of that minute; those between are due, too. */
static struct tick *tick_of(int64_t at_ms)
{
        int64_t first_ms = (world.store_offset_ms + 1000) / MINUTE_MS * MINUTE_MS + MINUTE_MS;
        int64_t number = (at_ms - first_ms) / MINUTE_MS;
        if (at_ms % MINUTE_MS != 0 || number < 0 || number >= TICKS_MAX) {
                world_fail("schedule", "%" PRId64 " is no tick", at_ms);
                return &world.ticks[0];
        }
        world.ticks[number].at_ms = at_ms;
        return &world.ticks[number];
}

/* ---- the store: tick.lua ---- */

static int64_t claim_left(const struct tick_store *store)
{
        int64_t age = store_now() - store->claimed_ms;
        bool young = store->claim_ms > store->last_ms && age >= 0 && age < TICKER_CLAIM_MS;
        return young ? TICKER_CLAIM_MS - age : 0;
}

static const char *claim(struct tick_store *store, struct tick_asked *asked)
{
        bool before = store->claim_ms == asked->tick_ms, mine = before && store->worker == asked->worker;
        asked->left_ms = claim_left(store);
        if (before && !mine && asked->left_ms > 0)
                return "busy";
        if (!before)
                store->sure = asked->sure;
        store->claim_ms = asked->tick_ms;
        store->claimed_ms = store_now();
        store->worker = asked->worker;
        world.tally->ticks_again += before;
        return before ? "again" : "ok";
}

static void given_up(int64_t from_ms, int64_t until_ms, bool overlap)
{
        const struct config_schedule *config = &world.config.schedules[0];
        for (int64_t at_ms = from_ms / MINUTE_MS * MINUTE_MS + MINUTE_MS; at_ms <= until_ms;
             at_ms += MINUTE_MS) {
                struct tick *tick = tick_of(at_ms);
                if (tick->published_ms)
                        world_fail("schedule", "a tick is given up that was published");
                tick->given_up = true;
                world.tally->ticks_given_up++;
                if (!overlap &&
                    (config->missed == TICKER_MISSED_ALL || store_now() - at_ms < TICKER_LATE_MS - SLACK_MS))
                        world_fail("schedule", "a tick is given up that was not missed");
                if (overlap && config->overlap == OVERLAP_ALLOW)
                        world_fail("schedule", "a tick is skipped, and overlaps are allowed");
        }
}

static const char *skip(struct tick_store *store, struct tick_asked *asked, bool overlap)
{
        bool mine = store->claim_ms == asked->tick_ms && store->worker == asked->worker;
        if (store->claim_ms > store->last_ms && store->claim_ms <= asked->tick_ms && (store->sure || !mine)) {
                asked->left_ms = claim_left(store);
                if (asked->left_ms > 0 && store->worker != asked->worker)
                        return "busy";
                if (store->sure)
                        return "again";
        }
        given_up(store->last_ms, asked->tick_ms, overlap);
        store->last_ms = asked->tick_ms;
        return "ok";
}

static const char *end(struct tick_store *store, const struct tick_asked *asked)
{
        if (!tick_of(asked->tick_ms)->published_ms)
                world_fail("schedule", "a tick counts as done that was not published");
        store->ran_ms = asked->tick_ms > store->ran_ms ? asked->tick_ms : store->ran_ms;
        store->last_ms = asked->tick_ms > store->last_ms ? asked->tick_ms : store->last_ms;
        return "ok";
}

static const char *mark(struct tick_store *store, const struct tick_asked *asked)
{
        if (store->claim_ms != asked->tick_ms || store->worker != asked->worker)
                return "moved";
        store->sure = true;
        store->claimed_ms = store_now();
        return "ok";
}

static const char *answer(struct tick_store *store, struct tick_asked *asked)
{
        if (!store->known) {
                store->known = true;
                store->last_ms = asked->knows ? asked->known_ms : store_now();
                world.schedule_since_ms = store->last_ms;
        }
        if (strcmp(asked->question, "look") == 0)
                return "ok";
        if (strcmp(asked->question, "end") == 0)
                return end(store, asked);
        if (asked->tick_ms <= store->last_ms || !asked->knows || store->last_ms != asked->known_ms)
                return "moved";
        if (store_now() < asked->tick_ms)
                return "early";
        if (strcmp(asked->question, "claim") == 0)
                return claim(store, asked);
        if (strcmp(asked->question, "mark") == 0)
                return mark(store, asked);
        return skip(store, asked, strcmp(asked->question, "overlap") == 0);
}

static int64_t word_number(struct slice word)
{
        char digits[24];
        snprintf(digits, sizeof digits, "%.*s", SLICE_PRINT(word));
        return strtoll(digits, NULL, 10);
}

struct tick_asked ticks_read(const struct slice *words)
{
        struct tick_asked asked = {.tick_ms = word_number(words[2]),
                                   .knows = words[3].len > 0,
                                   .known_ms = word_number(words[3]),
                                   .worker = store_owner(words[6]),
                                   .sure = slice_is(words[7], "1")};
        snprintf(asked.question, sizeof asked.question, "%.*s", SLICE_PRINT(words[1]));
        return asked;
}

void ticks_apply(struct tick_asked *asked)
{
        struct tick_store *store = &world.schedule;
        asked->answer = answer(store, asked);
        asked->now_ms = store_now();
        asked->then = *store;
        NOTE("store: %s of the tick %" PRId64 ": %s", asked->question, asked->tick_ms, asked->answer);
}

void ticks_answer(const struct tick_asked *asked, store_strings *done, void *context)
{
        const struct tick_store *store = &asked->then;
        const int64_t numbers[] = {asked->now_ms, store->last_ms, store->ran_ms, store->claim_ms,
                                   asked->left_ms};
        char texts[5][24];
        struct slice words[7] = {slice_of(asked->answer)};
        for (int i = 0; i < 5; i++) {
                snprintf(texts[i], sizeof texts[i], "%" PRId64, numbers[i]);
                words[i + 1] = slice_of(texts[i]);
        }
        words[6] = slice_of(store->sure ? "1" : "0");
        done(context, false, words, 7);
}

/* ---- the job of a tick ---- */

/* The tick with this id; NULL: that is none. */
static struct tick *tick_by_id(struct slice id)
{
        char known[TICKER_ID_SIZE];
        for (int64_t i = 0; i < TICKS_MAX; i++) {
                int64_t at_ms = ((world.store_offset_ms + 1000) / MINUTE_MS + 1 + i) * MINUTE_MS;
                ticker_id("s", at_ms, known);
                if (slice_is(id, known))
                        return tick_of(at_ms);
        }
        return NULL;
}

struct tick *ticks_by_key(struct slice key)
{
        static const char before[] = "sim:job:{";
        size_t len = sizeof before - 1;
        if (key.len <= len + 1 || memcmp(key.data, before, len) != 0)
                return NULL;
        return tick_by_id((struct slice){key.data + len, key.len - len - 1});
}

void ticks_queued(struct tick *tick)
{
        tick->queued = true;
}

/* Some worker has it a while after it came; until then only ticks_queued has made its record. */
const char *ticks_state(const struct tick *tick)
{
        if (tick->published_ms && store_now() >= tick->over_ms)
                return "completed";
        if (tick->published_ms && store_now() >= tick->begun_ms)
                return "running";
        return tick->queued ? "queued" : NULL;
}

static void check_tick(const struct tick *tick)
{
        const struct config_schedule *config = &world.config.schedules[0];
        if (store_now() < tick->at_ms)
                world_fail("schedule", "a tick is published before its time");
        if (tick->given_up)
                world_fail("schedule", "a tick is published that was given up");
        for (const struct tick *other = world.ticks; other < world.ticks + TICKS_MAX; other++) {
                if (other > tick && other->published_ms)
                        world_fail("schedule", "a tick is published after a later one");
                if (other < tick && other->published_ms && other->over_ms > store_now() &&
                    config->overlap == OVERLAP_SKIP)
                        world_fail("schedule", "a tick is published while the one before is not over");
        }
}

void ticks_published(const struct message *message)
{
        struct random *random = &world.random;
        struct tick *tick = tick_by_id(message->properties.message_id);
        NOTE("published: %.*s", SLICE_PRINT(message->properties.message_id));
        if (!tick || !slice_is(message->routing_key, "tick.v1") ||
            !slice_is(message->properties.type, "tick.v1")) {
                world_fail("schedule", "%.*s is published", SLICE_PRINT(message->properties.message_id));
                return;
        }
        if (tick->published_ms) /* its id makes it one job */
                return;
        check_tick(tick);
        world.tally->ticks++;
        tick->published_ms = store_now();
        tick->begun_ms =
                tick->published_ms + random_between(random, 1, random_one_in(random, 3) ? 90000 : 5000);
        tick->over_ms = tick->begun_ms + (random_one_in(random, 3) ? random_between(random, 1, 2 * MINUTE_MS)
                                                                   : random_between(random, 1, 3000));
}

/* None is lost. */
void ticks_check_rest(void)
{
        int64_t at_ms = ((world.store_offset_ms + 1000) / MINUTE_MS + 1) * MINUTE_MS;
        if (world.config.schedule_count > 0 && !world.schedule.known)
                world_fail("schedule", "nobody asks for the ticks");
        for (; world.config.schedule_count > 0 && at_ms + LATEST_MS < store_now(); at_ms += MINUTE_MS) {
                const struct tick *tick = tick_of(at_ms);
                if (!tick->published_ms && !tick->given_up && at_ms > world.schedule_since_ms)
                        world_fail("schedule", "a tick is lost");
        }
}
