#include "core/record/try_record.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "run/send.h"

/* What the record keeps of each effect's tries: by which outlet, and whether that may have accepted it. */

static int64_t tries_earlier(int64_t a_ms, int64_t b_ms)
{
        return a_ms < b_ms ? a_ms : b_ms;
}

/* The doubts of a crash and of an ambiguous end, if there are both, are one that spans them. */
static void try_doubt(const struct delivery *delivery, const struct try_record *record, struct job_try *try)
{
        bool crashed = delivery->doubt_ms > 0 && delivery->doubt_ms != record->cleared_ms;
        if (crashed) {
                try->doubt = DOUBT_CRASH;
                try->since_ms = delivery->doubt_since_ms;
                try->from_ms = delivery->doubt_from_ms;
        }
        if (record->ambiguous) {
                int64_t offset_ms = clock_boot_ms() - clock_wall_ms();
                int64_t since_ms = record->since_ms + offset_ms, from_ms = record->from_ms + offset_ms;
                try->doubt = DOUBT_AMBIGUOUS;
                try->since_ms = crashed ? -tries_earlier(-try->since_ms, -since_ms) : since_ms;
                try->from_ms = crashed ? tries_earlier(try->from_ms, from_ms) : from_ms;
        }
}

static struct job_try try_of(const struct delivery *delivery, size_t effect)
{
        const char *key = delivery->plan->effects[effect].key;
        struct try_record record;
        try_record_parse(tries_field(delivery, "try", key), &record);
        struct job_try try = {.refusals = record.refusals < UINT8_MAX ? (uint8_t)record.refusals : UINT8_MAX,
                              .redrives = record.redrives};
        spent_record_parse(tries_field(delivery, "spent", key), &try.spent.tries, &try.spent.redrives);
        if (tries_field(delivery, "outlet", key).len > 0)
                try.outlet = route_position(delivery, effect);
        try_doubt(delivery, &record, &try);
        return try;
}

const struct job_try *tries_of_plan(const struct delivery *delivery)
{
        size_t count = delivery->plan->count;
        if (delivery->try_count == 0 && delivery->doubt_ms == 0)
                return NULL;
        struct job_try *tries = arena_alloc(delivery->arena, (count + 1) * sizeof(*tries));
        for (size_t i = 0; i < count; i++)
                tries[i] = try_of(delivery, i);
        return tries;
}

static struct slice try_value(const struct delivery *delivery, size_t effect)
{
        const struct job_try *try = &delivery->job.tries[effect];
        struct try_record known;
        int64_t offset_ms = clock_wall_ms() - clock_boot_ms();
        bool ambiguous = try->doubt == DOUBT_AMBIGUOUS;
        try_record_parse(tries_field(delivery, "try", delivery->plan->effects[effect].key), &known);
        struct try_record record = {
                .ambiguous = ambiguous,
                .refusals = try->refusals,
                .redrives = try->redrives,
                .from_ms = ambiguous ? try->from_ms + offset_ms : 0,
                .since_ms = ambiguous ? try->since_ms + offset_ms : 0,
                .cleared_ms = try->doubt == DOUBT_CRASH ? known.cleared_ms : delivery->doubt_ms,
        };
        char *text = arena_alloc(delivery->arena, TRY_RECORD_SIZE);
        try_record_format(&record, text);
        return slice_of(text);
}

/* The planners that died of it. */
static struct slice *deaths_news(const struct delivery *delivery, size_t *count)
{
        struct slice *news = arena_alloc(delivery->arena, 2 * sizeof(*news));
        char *text = arena_alloc(delivery->arena, TRY_RECORD_SIZE);
        plan_deaths_format(delivery->job.plan_deaths, delivery->job.generation.redrives, text);
        news[0] = SLICE_LITERAL("plan_deaths");
        news[1] = slice_of(text);
        *count = 2;
        return news;
}

static void put_field(const char *name, struct slice value, struct slice *fields, size_t *count)
{
        fields[(*count)++] = slice_of(name);
        fields[(*count)++] = value;
}

/* At most three fields of one effect. */
static void put_news(const struct delivery *delivery, size_t effect, struct slice *news, size_t *count)
{
        const struct job_try *try = &delivery->job.tries[effect];
        struct arena *arena = delivery->arena;
        const char *key = delivery->plan->effects[effect].key;
        const struct outlet *outlet = route_at(delivery, effect, try->outlet);
        put_field(arena_printf(arena, "try.%s", key), try_value(delivery, effect), news, count);
        if (try->spent.tries > 0) {
                char *text = arena_alloc(arena, TRY_RECORD_SIZE);
                spent_record_format(try->spent.tries, try->spent.redrives, text);
                put_field(arena_printf(arena, "spent.%s", key), slice_of(text), news, count);
        }
        if (outlet)
                put_field(arena_printf(arena, "outlet.%s", key), slice_of(outlet->config->name), news, count);
}

struct slice *tries_news(const struct delivery *delivery, size_t *count)
{
        const struct job *job = &delivery->job;
        struct arena *arena = delivery->arena;
        struct slice *news = NULL;
        *count = 0;
        if (job->plan_deaths > 0 && job->effects_total == 0)
                return deaths_news(delivery, count);
        for (size_t i = 0; i < job->effects_total; i++) {
                if (!job->tries[i].news)
                        continue;
                if (!news)
                        news = arena_alloc(arena, 6 * (size_t)job->effects_total * sizeof(*news));
                put_news(delivery, i, news, count);
        }
        return news;
}

static void on_intended(void *context, const struct store_result *result)
{
        delivery_reply(context, EVENT_INTENDED, result);
}

void tries_intend(struct delivery *delivery, int index)
{
        const struct job *job = &delivery->job;
        struct store_identity identity = delivery_identity(delivery);
        const char *key = delivery->plan->effects[index].key;
        struct store_move move = {.count = job->moves,
                                  .field = slice_of(arena_printf(delivery->arena, "outlet.%s", key)),
                                  .outlet = slice_of(delivery->outlet->config->name)};
        bool parks = job->park >> index & 1;
        delivery->fresh = delivery->fresh && !parks;
        delivery->refused = NULL;
        delivery->pending++;
        struct store_intent intent = {.effect = slice_of(parks ? key : ""),
                                      .move = job->moving ? &move : NULL};
        redis_store_intend(delivery->engine->store, &identity, &intent, on_intended, delivery);
        CRASHPOINT("intend_sent");
}
