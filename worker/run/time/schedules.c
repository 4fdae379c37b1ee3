#include "run/schedules.h"
#include "core/broker/topology.h"
#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "core/text/word.h"
#include "core/watch/metrics_text.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "io/machine/zone_file.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Carries out what core/time/ticker says. */

enum { ANSWER_WORDS = 7, LOOK_EVERY_MS = 10000 };

enum schedule_count {
        SCHEDULE_PUBLISHED,
        SCHEDULE_MISSED,
        SCHEDULE_OVERLAP,
        SCHEDULE_FAILED,
        SCHEDULE_COUNTS
};

struct schedule {
        struct schedules *all;
        const struct config_schedule *config;
        struct zone zone;
        struct ticker ticker;
        struct ticker_action asked;
        char key[TICKER_ID_SIZE];
        bool pending;    /* an answer is to come */
        int64_t late_ms; /* the tick that was told to be late */
        uint64_t counts[SCHEDULE_COUNTS];
};

struct schedules {
        struct engine *engine;
        struct arena arena; /* of the zones */
        uv_timer_t timer;
        int64_t ahead_ms; /* of Redis' clock, of CLOCK_BOOTTIME */
        int64_t looked_ms;
        size_t count;
        struct schedule list[CONFIG_SCHEDULES_MAX];
};

static void schedule_event(struct schedule *schedule, struct ticker_event event);

static int64_t store_now_ms(const struct schedules *all)
{
        return clock_boot_ms() + all->ahead_ms;
}

static bool schedules_is_over(const struct schedules *all)
{
        return all->engine->life.stage != STAGE_RUNNING;
}

/* ---- the timer ---- */

static void timer_follow(struct schedules *all);

static void schedules_on_timer(uv_timer_t *timer)
{
        struct schedules *all = timer->data;
        for (size_t i = 0; i < all->count && !schedules_is_over(all); i++)
                if (!all->list[i].pending)
                        schedule_event(&all->list[i], (struct ticker_event){.kind = TICKER_TIME});
        timer_follow(all);
}

/* A worker that drains publishes no tick: a timer that is due would be due for ever. */
static void timer_follow(struct schedules *all)
{
        int64_t now_ms = store_now_ms(all), wait_ms = TICKER_LOOK_MS;
        if (schedules_is_over(all))
                return;
        for (size_t i = 0; i < all->count; i++) {
                const struct schedule *schedule = &all->list[i];
                bool waits = !schedule->pending && schedule->ticker.phase == TICKER_IDLE &&
                             schedule->ticker.wake_ms < now_ms + wait_ms;
                if (waits)
                        wait_ms = schedule->ticker.wake_ms > now_ms ? schedule->ticker.wake_ms - now_ms : 0;
        }
        uv_timer_start(&all->timer, schedules_on_timer, (uint64_t)wait_ms, 0);
}

/* ---- the store ---- */

static int64_t value_number(struct slice text)
{
        char digits[24];
        snprintf(digits, sizeof(digits), "%.*s", SLICE_PRINT(text));
        return strtoll(digits, NULL, 10);
}

static enum ticker_answer tick_answer_of(struct slice word)
{
        static const char *const words[] = {[TICKER_OK] = "ok",
                                            [TICKER_AGAIN] = "again",
                                            [TICKER_BUSY] = "busy",
                                            [TICKER_EARLY] = "early",
                                            [TICKER_MOVED] = "moved"};
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
                if (slice_is(word, words[i]))
                        return (enum ticker_answer)i;
        return TICKER_MOVED;
}

/* Begins again when Redis is back; if it is, because it did not like the question, in a while. */
static void tick_lost(struct schedule *schedule)
{
        struct schedules *all = schedule->all;
        schedule_event(schedule, (struct ticker_event){.kind = TICKER_LOST});
        if (redis_store_is_up(all->engine->store))
                schedule->ticker.wake_ms = store_now_ms(all) + TICKER_CLAIM_MS;
        timer_follow(all);
}

static void count_answer(struct schedule *schedule, const struct ticker_event *event)
{
        const struct ticker_action *asked = &schedule->asked;
        if (event->answer != TICKER_OK)
                return;
        if (asked->kind == TICKER_END)
                schedule->counts[SCHEDULE_PUBLISHED]++;
        if (asked->kind != TICKER_SKIP)
                return;
        schedule->counts[asked->overlap ? SCHEDULE_OVERLAP : SCHEDULE_MISSED] += asked->count;
        char text[160];
        snprintf(text, sizeof(text), "%s: %u tick%s given up: %s", schedule->config->name, asked->count,
                 text_if(asked->count != 1, "s"),
                 asked->overlap ? "the job of the one before is not over" : "nobody was there in time");
        log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "schedule_skipped", .msg = text});
}

static void on_tick_answer(void *context, bool failed, const struct slice *values, size_t count)
{
        struct schedule *schedule = context;
        schedule->pending = false;
        if (schedules_is_over(schedule->all))
                return;
        if (failed || count != ANSWER_WORDS) {
                tick_lost(schedule);
                return;
        }
        CRASHPOINT("tick_answered");
        struct ticker_event event = {.kind = TICKER_ANSWERED,
                                     .answer = tick_answer_of(values[0]),
                                     .last_ms = value_number(values[2]),
                                     .ran_ms = value_number(values[3]),
                                     .claimed_ms = value_number(values[4]),
                                     .left_ms = value_number(values[5]),
                                     .sure = slice_is(values[6], "1")};
        schedule->all->ahead_ms = value_number(values[1]) - clock_boot_ms();
        count_answer(schedule, &event);
        schedule_event(schedule, event);
        timer_follow(schedule->all);
}

static const char *question(const struct ticker_action *action)
{
        switch (action->kind) {
        case TICKER_CLAIM:
                return "claim";
        case TICKER_MARK:
                return "mark";
        case TICKER_END:
                return "end";
        case TICKER_SKIP:
                return action->overlap ? "overlap" : "miss";
        case TICKER_LOOK:
        case TICKER_NOTHING:
        case TICKER_WAIT:
        case TICKER_JUDGE:
        case TICKER_PUBLISH:
                break;
        }
        return "look";
}

static struct slice decimal(struct arena *arena, int64_t value)
{
        return slice_of(arena_printf(arena, "%" PRId64, value));
}

static void tick_ask(struct schedule *schedule)
{
        struct engine *engine = schedule->all->engine;
        const struct ticker *ticker = &schedule->ticker;
        struct arena arena;
        arena_init(&arena);
        struct slice words[] = {
                slice_of(record_key(&arena, engine->config->redis.prefix, KEY_SCHEDULE, schedule->key)),
                slice_of(question(&schedule->asked)),
                decimal(&arena, ticker->tick_ms),
                ticker->known ? decimal(&arena, ticker->last_ms) : SLICE_LITERAL(""),
                decimal(&arena, RECORD_SCHEDULE_TTL_MS),
                decimal(&arena, schedule->asked.count),
                slice_of(engine->worker),
                slice_of(schedule->asked.sure ? "1" : "0"),
        };
        redis_store_tick(engine->store, words, sizeof(words) / sizeof(*words), on_tick_answer, schedule);
        arena_fini(&arena);
}

/* ---- the job of the tick before ---- */

static void on_state(void *context, bool failed, const struct slice *values, size_t count)
{
        static const char *const ends[] = {"completed", "dead", "dropped", "cancelled"};
        struct schedule *schedule = context;
        bool over = count == 0; /* its record has expired */
        schedule->pending = false;
        if (schedules_is_over(schedule->all))
                return;
        if (failed) {
                tick_lost(schedule);
                return;
        }
        for (size_t i = 0; count > 0 && i < sizeof(ends) / sizeof(*ends); i++)
                over |= slice_is(values[0], ends[i]);
        schedule_event(schedule, (struct ticker_event){.kind = TICKER_JUDGED, .over = over});
        timer_follow(schedule->all);
}

static void tick_judge(struct schedule *schedule)
{
        struct engine *engine = schedule->all->engine;
        char id[TICKER_ID_SIZE];
        struct arena arena;
        arena_init(&arena);
        ticker_id(schedule->config->name, schedule->ticker.ran_ms, id);
        struct slice words[] = {SLICE_LITERAL("HGET"),
                                slice_of(record_key(&arena, engine->config->redis.prefix, KEY_JOB, id)),
                                SLICE_LITERAL("state")};
        redis_store_query(engine->store, words, 3, on_state, schedule);
        arena_fini(&arena);
}

/* ---- the broker ---- */

static void on_queued(void *context, bool failed, const struct slice *values, size_t count)
{
        struct schedule *schedule = context;
        (void)values;
        (void)count;
        schedule->pending = false;
        if (schedules_is_over(schedule->all))
                return;
        CRASHPOINT("tick_queued");
        if (failed)
                tick_lost(schedule);
        else
                schedule_event(schedule, (struct ticker_event){.kind = TICKER_PUBLISHED, .confirmed = true});
        timer_follow(schedule->all);
}

/* The job reads `queued` until a worker has it, so that it is known not to be over. */
static void record_queued(struct schedule *schedule)
{
        struct engine *engine = schedule->all->engine;
        char id[TICKER_ID_SIZE];
        struct arena arena;
        arena_init(&arena);
        ticker_id(schedule->config->name, schedule->ticker.tick_ms, id);
        struct slice words[] = {slice_of(record_key(&arena, engine->config->redis.prefix, KEY_JOB, id)),
                                slice_of(schedule->config->type),
                                decimal(&arena, engine->config->claim.keep_ms)};
        redis_store_queued(engine->store, words, 3, on_queued, schedule);
        arena_fini(&arena);
}

static void publish_failed(struct schedule *schedule, enum publish_outcome outcome, const char *error)
{
        char text[160];
        snprintf(text, sizeof(text), "%s: a tick could not be published: %s", schedule->config->name,
                 publish_outcome_word(outcome));
        log_event(LOG_LEVEL_ERROR,
                  &(struct log_fields){.event = "schedule_failed", .msg = text, .error = error});
        schedule->counts[SCHEDULE_FAILED]++;
        schedule->pending = false;
        schedule_event(schedule, (struct ticker_event){.kind = TICKER_PUBLISHED});
        timer_follow(schedule->all);
}

static void on_tick_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct schedule *schedule = context;
        metrics_publish_end(schedule->all->engine->metrics, publish_outcome_word(outcome));
        if (schedules_is_over(schedule->all)) {
                schedule->pending = false;
                return;
        }
        CRASHPOINT("tick_published");
        if (outcome == PUBLISH_CONFIRMED)
                record_queued(schedule);
        else
                publish_failed(schedule, outcome, error);
}

static void publish(struct schedule *schedule)
{
        const struct config_schedule *config = schedule->config;
        struct arena *arena = arena_new();
        char id[TICKER_ID_SIZE];
        ticker_id(config->name, schedule->ticker.tick_ms, id);
        struct message *message = arena_alloc(arena, sizeof(*message));
        message->exchange = SLICE_LITERAL(EXCHANGE_IN);
        message->routing_key = slice_of(arena_strdup(arena, config->type));
        message->body = slice_of(arena_strdup(arena, config->data));
        message->body_size = message->body.len;
        message->properties = (struct message_properties){
                .content_type = SLICE_LITERAL("application/json"),
                .message_id = slice_of(arena_strdup(arena, id)),
                .type = message->routing_key,
                .app_id = SLICE_LITERAL("leveret"),
                .has_delivery_mode = true,
                .delivery_mode = 2,
                .has_timestamp = true,
                .timestamp = (uint64_t)(schedule->ticker.tick_ms / 1000),
        };
        CRASHPOINT("tick_publish");
        amqp_publisher_publish(schedule->all->engine->publisher, arena, message, on_tick_published, schedule);
}

/* ---- all of it ---- */

static void schedule_event(struct schedule *schedule, struct ticker_event event)
{
        event.now_ms = store_now_ms(schedule->all);
        struct ticker_action action = ticker_step(&schedule->ticker, &event);
        if (action.kind == TICKER_NOTHING || action.kind == TICKER_WAIT)
                return;
        schedule->asked = action;
        schedule->pending = true;
        if (action.kind == TICKER_PUBLISH)
                publish(schedule);
        else if (action.kind == TICKER_JUDGE)
                tick_judge(schedule);
        else
                tick_ask(schedule);
}

void schedules_begin(struct engine *engine)
{
        struct schedules *all = engine->schedules;
        for (size_t i = 0; all && i < all->count && !schedules_is_over(all); i++)
                if (!all->list[i].pending)
                        schedule_event(&all->list[i], (struct ticker_event){.kind = TICKER_BEGIN});
}

static int64_t due_ms(const struct schedule *schedule)
{
        int64_t due_s = cron_next(&schedule->ticker.cron, &schedule->zone, schedule->ticker.last_ms / 1000);
        return due_s == INT64_MAX ? INT64_MAX : due_s * 1000;
}

static void look_for_late(struct schedule *schedule, int64_t now_ms)
{
        int64_t tick_ms = due_ms(schedule);
        if (!schedule->ticker.known || tick_ms > now_ms - TICKER_LATE_MS || tick_ms == schedule->late_ms)
                return;
        char text[160], id[TICKER_ID_SIZE];
        schedule->late_ms = tick_ms;
        ticker_id(schedule->config->name, tick_ms, id);
        snprintf(text, sizeof(text), "%s is not published yet", id);
        log_event(LOG_LEVEL_ERROR, &(struct log_fields){.event = "schedule_late", .msg = text});
        alerts_event(schedule->all->engine, "schedule_late", schedule->config->name);
}

void schedules_look(struct engine *engine, int64_t now_ms)
{
        struct schedules *all = engine->schedules;
        if (!all || schedules_is_over(all) || now_ms - all->looked_ms < LOOK_EVERY_MS)
                return;
        all->looked_ms = now_ms;
        for (size_t i = 0; i < all->count; i++)
                look_for_late(&all->list[i], store_now_ms(all));
}

static void render_counts(const struct schedules *all, struct buffer *out)
{
        static const char *const words[] = {[SCHEDULE_PUBLISHED] = "published",
                                            [SCHEDULE_MISSED] = "missed",
                                            [SCHEDULE_OVERLAP] = "overlap",
                                            [SCHEDULE_FAILED] = "failed"};
        static const char name[] = "leveret_schedule_ticks_total";
        metrics_add_head(out, name, METRICS_COUNTER,
                         "Ticks of the schedule that this process ended, by how.");
        for (size_t i = 0; i < all->count; i++)
                for (size_t k = 0; k < SCHEDULE_COUNTS; k++) {
                        char labels[128];
                        snprintf(labels, sizeof(labels), "schedule=\"%s\",outcome=\"%s\"",
                                 all->list[i].config->name, words[k]);
                        metrics_add_count(out, name, labels, all->list[i].counts[k]);
                }
}

void schedules_render(const struct engine *engine, struct buffer *out)
{
        static const char name[] = "leveret_schedule_due_timestamp_seconds";
        const struct schedules *all = engine->schedules;
        if (!all || all->count == 0)
                return;
        render_counts(all, out);
        metrics_add_head(out, name, METRICS_GAUGE,
                         "The next tick of the schedule that is not done, seconds since 1970.");
        for (size_t i = 0; i < all->count; i++) {
                const struct schedule *schedule = &all->list[i];
                char labels[96];
                snprintf(labels, sizeof(labels), "schedule=\"%s\"", schedule->config->name);
                if (schedule->ticker.known && due_ms(schedule) != INT64_MAX)
                        metrics_add_number(out, name, labels, (double)(due_ms(schedule) / 1000));
        }
}

/* Zone and cron were checked when the configuration was read. */
static void schedule_open(struct schedules *all, const struct config_schedule *config)
{
        struct schedule *schedule = &all->list[all->count];
        char error[CRON_ERROR_SIZE];
        *schedule = (struct schedule){.all = all, .config = config};
        schedule->ticker = (struct ticker){.zone = &schedule->zone,
                                           .missed = config->missed,
                                           .skip_overlap = config->overlap == OVERLAP_SKIP,
                                           .wake_ms = INT64_MAX};
        if (zone_load(config->timezone, &all->arena, &schedule->zone) ||
            !cron_parse(&schedule->ticker.cron, slice_of(config->cron), error))
                return;
        ticker_key(config->name, config->cron, config->timezone, schedule->key);
        all->count++;
}

void schedules_open(struct engine *engine)
{
        if (engine->config->schedule_count == 0)
                return;
        struct schedules *all = memory_zeroed(1, sizeof(*all));
        all->engine = engine;
        all->ahead_ms = clock_wall_ms() - clock_boot_ms();
        arena_init(&all->arena);
        for (size_t i = 0; i < engine->config->schedule_count; i++)
                schedule_open(all, &engine->config->schedules[i]);
        uv_timer_init(&engine->loop, &all->timer);
        all->timer.data = all;
        timer_follow(all);
        engine->schedules = all;
}

static void schedules_on_closed(uv_handle_t *timer)
{
        struct schedules *all = timer->data;
        arena_fini(&all->arena);
        free(all);
}

void schedules_close(struct engine *engine)
{
        struct schedules *all = engine->schedules;
        if (!all)
                return;
        engine->schedules = NULL;
        uv_close((uv_handle_t *)&all->timer, schedules_on_closed);
}
