#include "query/figures.h"
#include "core/broker/topology.h"
#include "core/record/keys.h"
#include "core/text/json_member.h"
#include "core/text/word.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void add_up(int64_t *sum, int64_t number)
{
        *sum = *sum < 0 || number < 0 ? -1 : *sum + number;
}

/* The sums are of work queues; what no queue took is dead for all that it is worth. */
static void figures_add_queue(const struct fleet_queue *queue, struct figures *figures)
{
        if (strcmp(queue->name, QUEUE_UNROUTED) == 0) {
                add_up(&figures->dead, queue->ready);
                return;
        }
        add_up(&figures->ready, queue->ready);
        add_up(&figures->dead, queue->exists || queue->ready < 0 ? queue->dead : 0);
        for (size_t i = 0; i < queue->tier_count; i++)
                add_up(&figures->retrying, queue->tiers[i].exists ? queue->tiers[i].messages : 0);
        if (queue->oldest_ms < 0 || figures->oldest_ms < 0)
                figures->oldest_ms = -1;
        else if (queue->oldest_ms > figures->oldest_ms)
                figures->oldest_ms = queue->oldest_ms;
}

void figures_of(const struct fleet *fleet, struct figures *figures)
{
        *figures = (struct figures){.workers = fleet->worker_count, .complete = !fleet->trouble};
        for (size_t i = 0; i < fleet->worker_count; i++) {
                const struct fleet_worker *worker = &fleet->workers[i];
                figures->rate += worker->rate;
                figures->in_flight += worker->in_flight;
                figures->breakers_open += strcmp(worker->breaker, "open") == 0;
        }
        for (size_t i = 0; i < fleet->queue_count; i++)
                figures_add_queue(&fleet->queues[i], figures);
        if (fleet->trouble)
                figures->ready = figures->retrying = figures->dead = figures->oldest_ms = -1;
}

void figures_add(const struct figures *figures, struct buffer *out)
{
        json_member_count(out, "ready", figures->ready);
        json_member_count(out, "retrying", figures->retrying);
        json_member_count(out, "in_flight", figures->in_flight);
        json_member_count(out, "dead", figures->dead);
        json_member_count(out, "oldest_ms", figures->oldest_ms);
        buffer_printf(out, ",\"workers\":%zu,\"breakers_open\":%zu,\"rate\":%.1f,\"complete\":%s",
                      figures->workers, figures->breakers_open, figures->rate, bool_word(figures->complete));
}

void samples_take(const struct query *query)
{
        struct fleet fleet;
        struct figures figures;
        struct buffer sample = {0};
        const struct redis_value *won = redis_sync_call(
                query->redis, query->arena, "SET", query_key(query, KEY_SAMPLING, NULL), "1", "NX", "PX",
                arena_printf(query->arena, "%d", RECORD_SAMPLE_EVERY_MS - 500), NULL);
        if (won->kind != REDIS_TEXT || fleet_look(query, &fleet))
                return;
        figures_of(&fleet, &figures);
        buffer_printf(&sample, "{\"at_ms\":%" PRId64, clock_wall_ms());
        figures_add(&figures, &sample);
        buffer_add_char(&sample, '}');
        const char *key = query_key(query, KEY_SAMPLES, NULL);
        redis_sync_call(query->redis, query->arena, "LPUSH", key, sample.data, NULL);
        redis_sync_call(query->redis, query->arena, "LTRIM", key, "0",
                        arena_printf(query->arena, "%d", RECORD_SAMPLES_MAX - 1), NULL);
        redis_sync_call(query->redis, query->arena, "PEXPIRE", key,
                        arena_printf(query->arena, "%d", RECORD_SAMPLES_MAX * RECORD_SAMPLE_EVERY_MS), NULL);
        buffer_fini(&sample);
}

/* Does it begin within the last hour? Each is one of samples_take. */
static bool is_recent(struct slice sample, int64_t since_ms)
{
        static const char begin[] = "{\"at_ms\":";
        return sample.len > sizeof(begin) && strtoll(sample.data + sizeof(begin) - 1, NULL, 10) >= since_ms;
}

const char *samples_add(const struct query *query, struct buffer *out)
{
        int64_t since_ms = clock_wall_ms() - (int64_t)RECORD_SAMPLES_MAX * RECORD_SAMPLE_EVERY_MS;
        const char *between = "";
        const struct redis_value *samples = redis_sync_call(
                query->redis, query->arena, "LRANGE", query_key(query, KEY_SAMPLES, NULL), "0", "-1", NULL);
        if (samples->kind != REDIS_LIST)
                return query_text(query, samples->text);
        for (size_t i = samples->count; i > 0; i--) {
                if (!is_recent(samples->items[i - 1].text, since_ms))
                        continue;
                buffer_add_text(out, between);
                buffer_add_slice(out, samples->items[i - 1].text);
                between = ",";
        }
        return NULL;
}
