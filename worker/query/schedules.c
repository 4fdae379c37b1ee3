#include "query/schedules.h"
#include "core/record/keys.h"
#include "core/text/json_member.h"
#include "io/machine/clock.h"
#include "io/machine/zone_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int64_t schedules_number_of(const struct query *query, const struct redis_value *values, size_t index)
{
        return strtoll(query_text(query, values->items[index].text), NULL, 10);
}

/* NULL, or what Redis said. */
static const char *look(const struct query *query, struct query_schedule *schedule)
{
        const char *prefix = query->config->redis.prefix;
        const struct config_schedule *config = schedule->config;
        char key[TICKER_ID_SIZE], id[TICKER_ID_SIZE];
        ticker_key(config->name, config->cron, config->timezone, key);
        const struct redis_value *known = redis_sync_call(query->redis, query->arena, "HMGET",
                                                          record_key(query->arena, prefix, KEY_SCHEDULE, key),
                                                          "ran_ms", "published", "missed", "skipped", NULL);
        if (known->kind != REDIS_LIST || known->count != 4)
                return query_text(query, known->text);
        schedule->last_ms = schedules_number_of(query, known, 0);
        schedule->published = schedules_number_of(query, known, 1);
        schedule->missed = schedules_number_of(query, known, 2);
        schedule->skipped = schedules_number_of(query, known, 3);
        if (schedule->last_ms == 0)
                return NULL;
        ticker_id(config->name, schedule->last_ms, id);
        schedule->last_id = arena_strdup(query->arena, id);
        const struct redis_value *state =
                redis_sync_call(query->redis, query->arena, "HGET",
                                record_key(query->arena, prefix, KEY_JOB, id), "state", NULL);
        if (state->kind == REDIS_FAILED)
                return query_text(query, state->text);
        schedule->last_state = state->text.len > 0 ? query_text(query, state->text) : NULL;
        return NULL;
}

static const char *ticks(const struct query *query, struct query_schedule *schedule)
{
        struct zone zone;
        struct cron cron;
        char error[CRON_ERROR_SIZE];
        const char *fault = zone_load(schedule->config->timezone, query->arena, &zone);
        if (fault)
                return fault;
        if (!cron_parse(&cron, slice_of(schedule->config->cron), error))
                return arena_strdup(query->arena, error);
        schedule->next_count = ticker_coming(&cron, &zone, clock_wall_ms(), schedule->next_ms, QUERY_TICKS);
        return NULL;
}

const char *query_schedules(const struct query *query, struct query_schedule **list)
{
        size_t count = query->config->schedule_count;
        *list = arena_alloc(query->arena, (count + 1) * sizeof(**list));
        for (size_t i = 0; i < count; i++) {
                struct query_schedule *schedule = &(*list)[i];
                *schedule = (struct query_schedule){.config = &query->config->schedules[i]};
                const char *error = ticks(query, schedule);
                if (!error)
                        error = look(query, schedule);
                if (error)
                        return error;
        }
        return NULL;
}

const struct config_schedule *query_schedule_find(const struct config *config, const char *name)
{
        for (size_t i = 0; i < config->schedule_count; i++)
                if (strcmp(config->schedules[i].name, name) == 0)
                        return &config->schedules[i];
        return NULL;
}

void query_schedule_add(const struct query_schedule *schedule, struct buffer *out)
{
        static const char *const missed[] = {
                [TICKER_MISSED_LAST] = "last", [TICKER_MISSED_ALL] = "all", [TICKER_MISSED_NONE] = "none"};
        const struct config_schedule *config = schedule->config;
        buffer_add_char(out, '{');
        json_member_text(out, "name", config->name);
        json_member_text(out, "cron", config->cron);
        json_member_text(out, "timezone", config->timezone);
        json_member_text(out, "type", config->type);
        json_member_text(out, "missed", missed[config->missed]);
        json_member_text(out, "overlap", config->overlap == OVERLAP_SKIP ? "skip" : "allow");
        buffer_add_text(out, ",\"next\":[");
        for (size_t i = 0; i < schedule->next_count; i++)
                buffer_printf(out, "%s%" PRId64, i ? "," : "", schedule->next_ms[i]);
        buffer_add_char(out, ']');
        json_member_count(out, "last_ms", schedule->last_ms > 0 ? schedule->last_ms : -1);
        json_member_text(out, "last_id", schedule->last_id);
        json_member_text(out, "last_state", schedule->last_state);
        buffer_printf(
                out, ",\"ticks\":{\"published\":%" PRId64 ",\"missed\":%" PRId64 ",\"skipped\":%" PRId64 "}}",
                schedule->published, schedule->missed, schedule->skipped);
}
