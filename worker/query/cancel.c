#include "query/cancel.h"
#include "core/record/due.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"
#include "query/jobs.h"

#include <inttypes.h>

/* Inside the quotes of a JSON string. */
static const char *json_inside(const struct query *query, const char *text)
{
        struct buffer json = {0};
        buffer_add_json_string(&json, slice_of(text));
        const char *inside = arena_copy(query->arena, json.data + 1, json.len - 2);
        buffer_fini(&json);
        return inside;
}

/* The indexes follow; a list leaves out what the record contradicts. */
static void index_cancelled(const struct query *query, const char *id, const char *state)
{
        const char *cancelled = query_key(query, KEY_JOBS, "cancelled");
        redis_sync_call(query->redis, query->arena, "ZREM", query_key(query, KEY_JOBS, state), id, NULL);
        const struct redis_value *queue = redis_sync_call(query->redis, query->arena, "HGET",
                                                          query_key(query, KEY_JOB, id), "queue", NULL);
        if (queue->kind == REDIS_TEXT)
                redis_sync_call(query->redis, query->arena, "ZREM",
                                query_key(query, KEY_LATER, query_text(query, queue->text)), id, NULL);
        redis_sync_call(query->redis, query->arena, "ZADD", cancelled,
                        arena_printf(query->arena, "%" PRId64, clock_wall_ms()), id, NULL);
        redis_sync_call(query->redis, query->arena, "ZREMRANGEBYRANK", cancelled, "0",
                        arena_printf(query->arena, "%d", -RECORD_JOBS_MAX - 1), NULL);
}

static void read_sent(const struct query *query, const struct redis_value *told, struct cancel_answer *answer)
{
        answer->sent = arena_alloc(query->arena, told->count * sizeof(*answer->sent));
        for (size_t i = 2; i < told->count; i++)
                answer->sent[answer->sent_count++] = query_text(query, told->items[i].text);
}

enum cancel_end query_cancel(const struct query *query, const char *word, const char *by,
                             struct cancel_answer *answer)
{
        static const char *const ends[] = {[CANCEL_DONE] = "cancelled",
                                           [CANCEL_RUNS] = "runs",
                                           [CANCEL_OVER] = "over",
                                           [CANCEL_UNKNOWN] = "unknown"};
        *answer = (struct cancel_answer){.id = word, .state = ""};
        job_find(query, word, &answer->id);
        const struct redis_value *told = redis_sync_cancel(
                query->redis, query->arena,
                &(struct redis_cancel){.job_key = query_key(query, KEY_JOB, answer->id),
                                       .events_key = query_key(query, KEY_EVENTS, answer->id),
                                       .by = json_inside(query, by),
                                       .keep_ms = query->config->claim.keep_ms,
                                       .tier_ms = config_longest_tier_ms(query->config),
                                       .tells = due_changes(query->config) >> CHANGE_CANCELLED & 1});
        enum cancel_end end = CANCEL_DONE;
        while (end < CANCEL_FAILED && told->kind == REDIS_LIST && told->count >= 2 &&
               !slice_is(told->items[0].text, ends[end]))
                end++;
        if (told->kind != REDIS_LIST || told->count < 2 || end == CANCEL_FAILED) {
                answer->error = query_text(query, told->text);
                return CANCEL_FAILED;
        }
        answer->state = query_text(query, told->items[1].text);
        read_sent(query, told, answer);
        if (end == CANCEL_DONE)
                index_cancelled(query, answer->id, answer->state);
        return end;
}
