#include "query/jobs.h"
#include "core/codec/json.h"
#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "core/record/record_json.h"
#include "core/record/record_timeline.h"
#include "core/text/word.h"
#include "io/machine/clock.h"
#include "query/payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t job_field_integer(const struct redis_value *record, const char *name)
{
        char text[32];
        snprintf(text, sizeof(text), "%.*s", SLICE_PRINT(redis_value_field(record, name)));
        return strtoll(text, NULL, 10);
}

/* Running, but the lease ran out and nobody has taken it over: it waits for a redelivery, or its message is
 * gone. */
bool job_is_stuck(const struct redis_value *record)
{
        return slice_is(redis_value_field(record, "state"), "running") &&
               job_field_integer(record, "lease_until_ms") < clock_wall_ms();
}

static int64_t entry_ms(struct slice entry)
{
        static const char begin[] = "{\"ts\":";
        char text[24];
        if (!slice_begins(entry, begin))
                return 0;
        snprintf(text, sizeof(text), "%.*s", (int)(entry.len - strlen(begin)), entry.data + strlen(begin));
        return strtoll(text, NULL, 10);
}

static bool is_noted(const struct redis_value *noted, const char *entry)
{
        for (size_t i = 0; i < noted->count; i++)
                if (slice_is(noted->items[i].text, entry))
                        return true;
        return false;
}

/* Those that stand in the list, and those that the record tells, each before what came later. A script may
 * have written the latter into the list after the record was read. */
static const struct redis_value *merge(struct arena *arena, const struct redis_value *noted,
                                       const struct record_timeline *told)
{
        struct redis_value *all = arena_alloc(arena, sizeof(*all));
        *all = (struct redis_value){.kind = noted->kind};
        all->items = arena_alloc(arena, (noted->count + told->count) * sizeof(*all->items));
        size_t next = 0;
        for (size_t i = 0; i < told->count; i++) {
                if (is_noted(noted, told->list[i].entry))
                        continue;
                while (next < noted->count && entry_ms(noted->items[next].text) <= told->list[i].at_ms)
                        all->items[all->count++] = noted->items[next++];
                all->items[all->count++] =
                        (struct redis_value){.kind = REDIS_TEXT, .text = slice_of(told->list[i].entry)};
        }
        while (next < noted->count)
                all->items[all->count++] = noted->items[next++];
        return all;
}

const struct redis_value *job_events(const struct query *query, const char *id)
{
        const char *prefix = query->config->redis.prefix;
        const struct redis_value *record = redis_sync_call(
                query->redis, query->arena, "HGETALL", record_key(query->arena, prefix, KEY_JOB, id), NULL);
        const struct redis_value *noted =
                redis_sync_call(query->redis, query->arena, "LRANGE",
                                record_key(query->arena, prefix, KEY_EVENTS, id), "0", "-1", NULL);
        struct record_fields fields = query_fields(query, record);
        struct record_timeline told = record_timeline(query->arena, &fields);
        return told.count > 0 && noted->kind != REDIS_FAILED ? merge(query->arena, noted, &told) : noted;
}

/* A dead id leads to the job that died. */
static const char *job_of(const struct query *query, const char *word)
{
        const char *key = record_key(query->arena, query->config->redis.prefix, KEY_LETTER, word);
        const struct redis_value *id = redis_sync_call(query->redis, query->arena, "HGET", key, "id", NULL);
        return id->kind == REDIS_TEXT && id->text.len > 0 ? query_text(query, id->text) : word;
}

const struct redis_value *job_find(const struct query *query, const char *word, const char **id)
{
        *id = job_of(query, word);
        const char *key = record_key(query->arena, query->config->redis.prefix, KEY_JOB, *id);
        return redis_sync_call(query->redis, query->arena, "HGETALL", key, NULL);
}

void job_add_timeline(const struct query *query, const char *id, struct buffer *out)
{
        const struct redis_value *events = job_events(query, id);
        const char *between = "";
        char cause[JSON_CAUSE_MAX];
        buffer_add_char(out, '[');
        for (size_t i = 0; i < events->count; i++) {
                json_t *event = json_parse(events->items[i].text, cause);
                if (!event)
                        continue;
                json_decref(event);
                buffer_add_text(out, between);
                buffer_add_slice(out, events->items[i].text);
                between = ",";
        }
        buffer_add_char(out, ']');
}

void job_add_fields(const char *id, const struct redis_value *record, struct buffer *out)
{
        buffer_add_text(out, "\"id\":");
        buffer_add_json_string(out, slice_of(id));
        for (size_t i = 0; i + 1 < record->count; i += 2) {
                buffer_add_char(out, ',');
                record_json_field(out, record->items[i].text, record->items[i + 1].text);
        }
        buffer_printf(out, ",\"stuck\":%s", bool_word(job_is_stuck(record)));
}

void job_add_json(const struct query *query, const char *id, const struct redis_value *record,
                  struct buffer *out)
{
        buffer_add_char(out, '{');
        job_add_fields(id, record, out);
        buffer_printf(out, ",\"payload\":%s", bool_word(payload_is_kept(query, id)));
        buffer_add_text(out, ",\"events\":");
        job_add_timeline(query, id, out);
        buffer_add_char(out, '}');
}

/* ---- lists ---- */

/* An id in one of the indexes, and when it was put there. */
struct entry {
        const char *id;
        double at_ms;
        const char *state; /* that the index is for; NULL: any */
};

struct entries {
        struct entry *items;
        size_t count, capacity;
        const char *error;
        bool cut; /* an index holds more than was read, or than it keeps */
};

const char *const jobs_listed_states[] = {"running",   "scheduled", "retrying", "dead",
                                          "completed", "cancelled", NULL};
enum { INDEX_READ_MAX = 10000 };

static bool matches(const struct redis_value *record, const struct job_filter *filter)
{
        struct slice state = redis_value_field(record, "state");
        if (filter->state && strcmp(filter->state, "stuck") == 0)
                return job_is_stuck(record);
        if (filter->state && !slice_is(state, filter->state))
                return false;
        return !filter->type || slice_is(redis_value_field(record, "type"), filter->type);
}

/* Does its index keep only the latest? */
static bool is_capped(const char *state)
{
        return strcmp(state, "completed") == 0 || strcmp(state, "running") == 0 ||
               strcmp(state, "cancelled") == 0;
}

static void entries_add(const struct query *query, const char *index, const char *state,
                        struct entries *entries)
{
        const struct redis_value *ids = redis_sync_call(query->redis, query->arena, "ZREVRANGE", index, "0",
                                                        "9999", "WITHSCORES", NULL);
        size_t count = ids->count / 2;
        if (ids->kind == REDIS_FAILED)
                entries->error = query_text(query, ids->text);
        bool capped = state && is_capped(state);
        entries->cut |= count >= (capped ? (size_t)RECORD_JOBS_MAX : (size_t)INDEX_READ_MAX);
        if (entries->count + count > entries->capacity) {
                entries->capacity = entries->count + count;
                entries->items = memory_resized(entries->items, entries->capacity * sizeof(*entries->items));
        }
        for (size_t i = 0; i + 1 < ids->count; i += 2)
                entries->items[entries->count++] =
                        (struct entry){.id = query_text(query, ids->items[i].text),
                                       .at_ms = strtod(query_text(query, ids->items[i + 1].text), NULL),
                                       .state = state};
}

static int newest_first(const void *a, const void *b)
{
        const struct entry *one = a, *other = b;
        if (one->at_ms != other->at_ms)
                return one->at_ms < other->at_ms ? 1 : -1;
        return strcmp(one->id, other->id);
}

/* Is it behind the place where the last page ended? */
static bool is_after(const struct entry *entry, const struct job_filter *filter)
{
        if (!filter->after_id)
                return true;
        double after_ms = (double)filter->after_ms;
        return entry->at_ms < after_ms ||
               (entry->at_ms == after_ms && strcmp(entry->id, filter->after_id) > 0);
}

static void take_rows(const struct query *query, const struct entries *entries,
                      const struct job_filter *filter, size_t limit, struct job_list *list)
{
        const char *prefix = query->config->redis.prefix;
        for (size_t i = 0; i < entries->count; i++) {
                const struct entry *entry = &entries->items[i];
                if (!is_after(entry, filter) || entry->at_ms < (double)filter->since_ms)
                        continue;
                const struct redis_value *record =
                        redis_sync_call(query->redis, query->arena, "HGETALL",
                                        record_key(query->arena, prefix, KEY_JOB, entry->id), NULL);
                bool current = !entry->state || slice_is(redis_value_field(record, "state"), entry->state);
                if (record->count == 0 || !current || !matches(record, filter))
                        continue;
                list->more = list->count == limit;
                if (list->more)
                        return;
                list->rows[list->count++] =
                        (struct job_row){.id = entry->id, .at_ms = (int64_t)entry->at_ms, .record = record};
        }
}

void jobs_list(const struct query *query, const struct job_filter *filter, size_t limit,
               struct job_list *list)
{
        const char *prefix = query->config->redis.prefix;
        const char *wanted = filter->state && strcmp(filter->state, "stuck") == 0 ? "running" : filter->state;
        struct entries entries = {0};
        *list = (struct job_list){
                .rows = arena_alloc(query->arena, (limit ? limit : 1) * sizeof(*list->rows))};
        if (filter->subject)
                entries_add(query, record_key(query->arena, prefix, KEY_SUBJECT, filter->subject), NULL,
                            &entries);
        for (size_t i = 0; jobs_listed_states[i] && !filter->subject; i++)
                if (!wanted || strcmp(wanted, jobs_listed_states[i]) == 0)
                        entries_add(query, record_key(query->arena, prefix, KEY_JOBS, jobs_listed_states[i]),
                                    jobs_listed_states[i], &entries);
        if (entries.count > 0)
                qsort(entries.items, entries.count, sizeof(*entries.items), newest_first);
        take_rows(query, &entries, filter, limit, list);
        list->complete = !entries.cut;
        list->error = entries.error;
        free(entries.items);
}

const char *jobs_state_problem(const struct job_filter *filter)
{
        const char *state = filter->state;
        for (size_t i = 0; state && jobs_listed_states[i]; i++)
                if (strcmp(state, jobs_listed_states[i]) == 0)
                        return NULL;
        if (!state || strcmp(state, "stuck") == 0 || (strcmp(state, "dropped") == 0 && filter->subject))
                return NULL;
        if (strcmp(state, "dropped") == 0)
                return "no list of dropped jobs is kept; ask by subject, or by id";
        if (strcmp(state, "queued") == 0)
                return "no list of queued jobs is kept; ask by id, or for numbers of a queue";
        return "state takes running, scheduled, retrying, dead, completed, cancelled or stuck";
}
