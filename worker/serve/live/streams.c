#include "serve/live/streams.h"

#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"
#include "query/figures.h"
#include "query/jobs.h"
#include "query/operation.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FIGURES_EVERY_MS = 2000, JOBS_MAX = 100, OPERATIONS_MAX = 20, STATES = 8 };

struct streams {
        pthread_mutex_t mutex; /* over all below */
        struct http_stream *list[STREAMS_MAX];
        size_t count;
        bool shut;
        /* Of who looks, alone. */
        int64_t figures_ms, since_ms[STATES];
        struct buffer operations; /* as they were told last */
};

struct streams *streams_open(void)
{
        struct streams *streams = memory_zeroed(1, sizeof(*streams));
        if (pthread_mutex_init(&streams->mutex, NULL))
                abort();
        return streams;
}

void streams_shut(struct streams *streams)
{
        pthread_mutex_lock(&streams->mutex);
        for (size_t i = 0; i < streams->count; i++)
                http_stream_end(streams->list[i]);
        streams->count = 0;
        streams->shut = true;
        pthread_mutex_unlock(&streams->mutex);
}

void streams_close(struct streams *streams)
{
        buffer_fini(&streams->operations);
        pthread_mutex_destroy(&streams->mutex);
        free(streams);
}

bool streams_add(struct streams *streams, const struct http_request *request)
{
        pthread_mutex_lock(&streams->mutex);
        bool takes = !streams->shut && streams->count < STREAMS_MAX;
        if (takes) {
                struct http_stream *stream = http_request_stream(request);
                http_stream_add(stream, SLICE_LITERAL("retry: 3000\n\n"));
                streams->list[streams->count++] = stream;
        }
        pthread_mutex_unlock(&streams->mutex);
        return takes;
}

static void begin_event(struct buffer *out, const char *name)
{
        buffer_printf(out, "event: %s\ndata: ", name);
}

static void end_event(struct buffer *out)
{
        buffer_add_text(out, "\n\n");
}

static void add_figures(struct streams *streams, const struct query *query, struct buffer *out)
{
        struct fleet fleet;
        struct figures figures;
        int64_t now_ms = clock_boot_ms();
        if (now_ms - streams->figures_ms < FIGURES_EVERY_MS || fleet_look(query, &fleet))
                return;
        streams->figures_ms = now_ms;
        figures_of(&fleet, &figures);
        begin_event(out, "overview");
        buffer_printf(out, "{\"now_ms\":%" PRId64 ",\"version\":\"%s\"", clock_wall_ms(), LEVERET_VERSION);
        figures_add(&figures, out);
        buffer_add_char(out, '}');
        end_event(out);
}

/* The latest ones, if one of them has changed since. */
static void add_operations(struct streams *streams, const struct query *query, struct buffer *out)
{
        struct buffer now = {0};
        const struct redis_value *ids = operations_latest(query, OPERATIONS_MAX);
        for (size_t i = 0; i < ids->count; i++) {
                struct operation operation;
                struct buffer one = {0};
                if (operation_find(query, query_text(query, ids->items[i].text), &operation) || !operation.id)
                        continue;
                begin_event(&one, "operation");
                operation_add_json(&operation, &one);
                end_event(&one);
                buffer_add(&now, one.data, one.len);
                if (!streams->operations.data || !strstr(streams->operations.data, one.data))
                        buffer_add(out, one.data, one.len);
                buffer_fini(&one);
        }
        buffer_add_text(&now, "");
        buffer_fini(&streams->operations);
        streams->operations = now;
}

static void add_job(const struct query *query, const char *id, const char *state, struct buffer *out)
{
        static const char *const fields[] = {"type", "subject"};
        const char *key = record_key(query->arena, query->config->redis.prefix, KEY_JOB, id);
        const struct redis_value *record =
                redis_sync_call(query->redis, query->arena, "HMGET", key, "type", "subject", NULL);
        begin_event(out, "job");
        buffer_add_text(out, "{\"id\":");
        buffer_add_json_string(out, slice_of(id));
        buffer_printf(out, ",\"state\":\"%s\"", state);
        for (size_t i = 0; i < 2; i++) {
                buffer_printf(out, ",\"%s\":", fields[i]);
                buffer_add_json_string(out, record->count == 2 ? record->items[i].text : (struct slice){0});
        }
        buffer_add_char(out, '}');
        end_event(out);
}

/* Ids that came into a state since the last look, as the index of that state has them. */
static void add_jobs(struct streams *streams, const struct query *query, struct buffer *out)
{
        for (size_t i = 0; i < STATES && jobs_listed_states[i]; i++) {
                const char *key = record_key(query->arena, query->config->redis.prefix, KEY_JOBS,
                                             jobs_listed_states[i]);
                const char *since = arena_printf(query->arena, "(%" PRId64, streams->since_ms[i]);
                const struct redis_value *ids = redis_sync_call(
                        query->redis, query->arena, "ZREVRANGEBYSCORE", key, "+inf", since, "WITHSCORES",
                        "LIMIT", "0", arena_printf(query->arena, "%d", JOBS_MAX), NULL);
                bool first = streams->since_ms[i] == 0;
                if (ids->count >= 2)
                        streams->since_ms[i] = (int64_t)strtod(query_text(query, ids->items[1].text), NULL);
                else if (first)
                        streams->since_ms[i] = 1;
                for (size_t n = ids->count / 2; n > 0 && !first; n--)
                        add_job(query, query_text(query, ids->items[2 * n - 2].text), jobs_listed_states[i],
                                out);
                if (!first && ids->count / 2 == JOBS_MAX)
                        buffer_add_text(out, "event: more\ndata: {}\n\n");
        }
}

/* Who is gone or too slow is told no more. */
static size_t tell_all(struct streams *streams, struct slice text)
{
        size_t kept = 0;
        pthread_mutex_lock(&streams->mutex);
        for (size_t i = 0; i < streams->count; i++) {
                if (http_stream_add(streams->list[i], text))
                        streams->list[kept++] = streams->list[i];
                else
                        http_stream_end(streams->list[i]);
        }
        streams->count = kept;
        pthread_mutex_unlock(&streams->mutex);
        return kept;
}

size_t streams_look(struct streams *streams, const struct query *query)
{
        struct buffer out = {0};
        pthread_mutex_lock(&streams->mutex);
        size_t count = streams->count;
        pthread_mutex_unlock(&streams->mutex);
        if (count == 0) {
                memset(streams->since_ms, 0, sizeof(streams->since_ms));
                return 0;
        }
        add_figures(streams, query, &out);
        add_operations(streams, query, &out);
        add_jobs(streams, query, &out);
        if (out.len == 0)
                buffer_add_text(&out, ":\n\n");
        count = tell_all(streams, (struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
        return count;
}
