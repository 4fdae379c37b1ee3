#include "query/fleet.h"
#include "core/broker/topology.h"
#include "core/record/keys.h"
#include "io/broker/amqp_admin.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For each of what a broker is asked for that does not answer. */
enum { QUICK_MS = 2000 };

/* ---- workers ---- */

static double fleet_number_of(const struct redis_value *hash, const char *field)
{
        char text[40];
        snprintf(text, sizeof(text), "%.*s", SLICE_PRINT(redis_value_field(hash, field)));
        return strtod(text, NULL);
}

static void fleet_add_worker(const struct query *query, struct fleet *fleet, struct slice key)
{
        struct arena *arena = query->arena;
        size_t skip = strlen(record_key(arena, query->config->redis.prefix, KEY_WORKER, ""));
        const struct redis_value *hash =
                redis_sync_call(query->redis, arena, "HGETALL", arena_copy(arena, key.data, key.len), NULL);
        if (hash->count == 0 || key.len < skip)
                return;
        struct fleet_worker *workers = arena_alloc(arena, (fleet->worker_count + 1) * sizeof(*workers));
        if (fleet->worker_count > 0)
                memcpy(workers, fleet->workers, fleet->worker_count * sizeof(*workers));
        fleet->workers = workers;
        workers[fleet->worker_count++] = (struct fleet_worker){
                .told = hash,
                .name = query_text(query, (struct slice){.data = key.data + skip, .len = key.len - skip}),
                .host = query_text(query, redis_value_field(hash, "host")),
                .pid = query_text(query, redis_value_field(hash, "pid")),
                .version = query_text(query, redis_value_field(hash, "version")),
                .state = query_text(query, redis_value_field(hash, "state")),
                .queues = query_text(query, redis_value_field(hash, "queues")),
                .paused = query_text(query, redis_value_field(hash, "paused")),
                .breaker = query_text(query, redis_value_field(hash, "breaker")),
                .in_flight = (int64_t)fleet_number_of(hash, "in_flight"),
                .completed = (int64_t)fleet_number_of(hash, "completed"),
                .started_ms = (int64_t)fleet_number_of(hash, "started_ms"),
                .seen_ms = (int64_t)fleet_number_of(hash, "seen_ms"),
                .rate = fleet_number_of(hash, "rate"),
        };
}

static int compare_workers(const void *a, const void *b)
{
        const struct fleet_worker *left = a, *right = b;
        return strcmp(left->name, right->name);
}

/* SCAN may give a key twice. */
static void drop_doubles(struct fleet *fleet)
{
        size_t kept = 0;
        if (fleet->worker_count > 0)
                qsort(fleet->workers, fleet->worker_count, sizeof(*fleet->workers), compare_workers);
        for (size_t i = 0; i < fleet->worker_count; i++)
                if (kept == 0 || strcmp(fleet->workers[kept - 1].name, fleet->workers[i].name) != 0)
                        fleet->workers[kept++] = fleet->workers[i];
        fleet->worker_count = kept;
}

static const char *add_named(const struct query *query, struct fleet *fleet)
{
        struct arena *arena = query->arena;
        const char *prefix = query->config->redis.prefix;
        const struct redis_value *names = redis_sync_call(
                query->redis, arena, "ZRANGE", record_key(arena, prefix, KEY_WORKERS, NULL), "0", "-1", NULL);
        if (names->kind != REDIS_LIST)
                return query_text(query, names->text);
        for (size_t i = 0; i < names->count; i++)
                fleet_add_worker(query, fleet,
                                 slice_of(record_key(arena, prefix, KEY_WORKER,
                                                     query_text(query, names->items[i].text))));
        return NULL;
}

/* To look through all keys takes as long as there are keys: about 200 ms for a million, of Redis' time too.
 */
static bool may_look_through(const struct query *query)
{
        enum { FEW_KEYS = 20000 };
        if (!query->quick)
                return true;
        const struct redis_value *keys = redis_sync_call(query->redis, query->arena, "DBSIZE", NULL);
        return keys->kind == REDIS_INTEGER && keys->integer <= FEW_KEYS;
}

/* Those of an earlier version, which stand in no set. */
static const char *add_nameless(const struct query *query, struct fleet *fleet)
{
        struct arena *arena = query->arena;
        const char *pattern = record_key(arena, query->config->redis.prefix, KEY_WORKER, "*");
        const char *cursor = "0";
        do {
                const struct redis_value *page = redis_sync_call(query->redis, arena, "SCAN", cursor, "MATCH",
                                                                 pattern, "COUNT", "1000", NULL);
                if (page->kind != REDIS_LIST || page->count != 2)
                        return query_text(query, page->text);
                for (size_t i = 0; i < page->items[1].count; i++)
                        fleet_add_worker(query, fleet, page->items[1].items[i].text);
                cursor = arena_copy(arena, page->items[0].text.data, page->items[0].text.len);
        } while (strcmp(cursor, "0") != 0);
        return NULL;
}

const char *fleet_workers(const struct query *query, struct fleet *fleet)
{
        const char *error = add_named(query, fleet);
        if (!error && may_look_through(query))
                error = add_nameless(query, fleet);
        drop_doubles(fleet);
        return error;
}

/* ---- queues ---- */

bool fleet_has_word(const char *words, const char *word)
{
        size_t len = strlen(word);
        for (const char *at = words; (at = strstr(at, word)); at += len)
                if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
                        return true;
        return false;
}

/* The sum over the workers that consume the queue; -1 if one of them does not tell. */
static int64_t in_flight_of(const struct query *query, const struct fleet *fleet, const char *queue)
{
        int64_t sum = 0;
        const char *field = arena_printf(query->arena, "in_flight.%s", queue);
        for (size_t i = 0; i < fleet->worker_count; i++) {
                if (!fleet_has_word(fleet->workers[i].queues, queue))
                        continue;
                if (!redis_value_field(fleet->workers[i].told, field).data)
                        return -1;
                sum += (int64_t)fleet_number_of(fleet->workers[i].told, field);
        }
        return sum;
}

/* The latest moment of which a worker knows that all that waits came after it; 0: none knows. */
static int64_t newer_than_ms(const struct query *query, const struct fleet *fleet,
                             const struct redis_value *all, const char *queue)
{
        int64_t newest_ms = (int64_t)fleet_number_of(all, queue);
        const char *field = arena_printf(query->arena, "newer_than_ms.%s", queue);
        for (size_t i = 0; i < fleet->worker_count; i++) {
                int64_t ms = (int64_t)fleet_number_of(fleet->workers[i].told, field);
                newest_ms = ms > newest_ms ? ms : newest_ms;
        }
        return newest_ms;
}

static int64_t oldest_ms(const struct fleet_queue *queue, int64_t after_ms)
{
        int64_t age_ms = clock_wall_ms() - after_ms;
        if (queue->ready == 0)
                return 0;
        if (after_ms == 0)
                return -1;
        return age_ms > 1 ? age_ms : 1;
}

static void take_ages(const struct query *query, struct fleet *fleet)
{
        const char *key = record_key(query->arena, query->config->redis.prefix, KEY_NEWER_THAN, NULL);
        const struct redis_value *all = redis_sync_call(query->redis, query->arena, "HGETALL", key, NULL);
        for (size_t i = 0; i < fleet->queue_count; i++) {
                struct fleet_queue *queue = &fleet->queues[i];
                int64_t after_ms = newer_than_ms(query, fleet, all, queue->name);
                queue->oldest_ms = fleet->trouble ? -1 : oldest_ms(queue, after_ms);
        }
}

/* What waits for its time, as far as Redis remembers it. What is past its time is in the work queue, or on
 * the way to it. */
static void take_later(const struct query *query, struct fleet_queue *queue)
{
        struct arena *arena = query->arena;
        const char *key = record_key(arena, query->config->redis.prefix, KEY_LATER, queue->name);
        const struct redis_value *count =
                redis_sync_call(query->redis, arena, "ZCOUNT", key,
                                arena_printf(arena, "%" PRId64, clock_wall_ms()), "+inf", NULL);
        const struct redis_value *last =
                redis_sync_call(query->redis, arena, "ZREVRANGE", key, "0", "0", "WITHSCORES", NULL);
        queue->later = count->kind == REDIS_INTEGER ? count->integer : 0;
        if (queue->later > 0 && last->count == 2)
                queue->last_due_ms = (int64_t)strtod(query_text(query, last->items[1].text), NULL);
}

static int64_t oldest_dead_ms(const struct query *query, const char *queue)
{
        const char *key = record_key(query->arena, query->config->redis.prefix, KEY_DEAD, queue);
        const struct redis_value *first =
                redis_sync_call(query->redis, query->arena, "ZRANGE", key, "0", "0", "WITHSCORES", NULL);
        return first->count == 2 ? (int64_t)strtod(arena_copy(query->arena, first->items[1].text.data,
                                                              first->items[1].text.len),
                                                   NULL)
                                 : 0;
}

static bool is_paused(const struct redis_value *paused, const char *queue)
{
        for (size_t i = 0; i < paused->count; i++)
                if (slice_is(paused->items[i].text, queue))
                        return true;
        return false;
}

/* Work queue, dead letters, tiers: in this order for each queue. */
static size_t list_depths(const struct query *query, struct queue_depth *depths)
{
        size_t count = 0;
        for (size_t i = 0; i < query->config->queue_count; i++) {
                const struct config_queue *queue = &query->config->queues[i];
                depths[count++].name = queue->name;
                depths[count++].name = topology_dlq_name(query->arena, queue->name);
                for (size_t tier = 0; tier < queue->tier_count; tier++)
                        depths[count++].name =
                                topology_tier_queue(query->arena, queue->name, queue->tiers[tier]);
        }
        depths[count++].name = QUEUE_UNROUTED;
        return count;
}

static void take_depths(const struct query *query, struct fleet *fleet, const struct queue_depth *depths)
{
        for (size_t i = 0; i < query->config->queue_count; i++) {
                const struct config_queue *config = &query->config->queues[i];
                struct fleet_queue *queue = &fleet->queues[i];
                queue->exists = depths->exists;
                queue->ready = depths->messages;
                queue->consumers = depths->consumers;
                depths++;
                queue->dead = depths->exists ? (int64_t)depths->messages : -1;
                depths++;
                for (size_t tier = 0; tier < config->tier_count; tier++, depths++)
                        queue->tiers[tier] = (struct fleet_tier){.name = config->tiers[tier],
                                                                 .exists = depths->exists,
                                                                 .messages = depths->messages};
                queue->tier_count = config->tier_count;
        }
        struct fleet_queue *unrouted = &fleet->queues[query->config->queue_count];
        unrouted->exists = depths->exists;
        unrouted->ready = depths->messages;
        unrouted->consumers = depths->consumers;
}

/* An operator at work holds dead letters that the broker does not count as ready. */
static void count_held(const struct query *query, struct fleet_queue *queue)
{
        struct arena *arena = query->arena;
        const char *prefix = query->config->redis.prefix;
        const struct redis_value *lock = redis_sync_call(
                query->redis, arena, "EXISTS", record_key(arena, prefix, KEY_LOCK, queue->name), NULL);
        if (lock->kind != REDIS_INTEGER || lock->integer == 0 || queue->dead < 0)
                return;
        const struct redis_value *indexed = redis_sync_call(
                query->redis, arena, "ZCARD", record_key(arena, prefix, KEY_DEAD, queue->name), NULL);
        if (indexed->kind == REDIS_INTEGER && indexed->integer > queue->dead)
                queue->dead = indexed->integer;
}

static void forget_depths(struct fleet *fleet, const char *trouble)
{
        fleet->trouble = trouble;
        for (size_t i = 0; i < fleet->queue_count; i++)
                fleet->queues[i].ready = fleet->queues[i].consumers = fleet->queues[i].dead = -1;
}

static void look_at_queues(const struct query *query, struct fleet *fleet)
{
        const struct config *config = query->config;
        struct amqp_error error = {0};
        const struct redis_value *paused =
                redis_sync_call(query->redis, query->arena, "SMEMBERS",
                                record_key(query->arena, config->redis.prefix, KEY_PAUSED, NULL), NULL);
        fleet->queue_count = config->queue_count + 1;
        fleet->queues = arena_alloc(query->arena, fleet->queue_count * sizeof(*fleet->queues));
        for (size_t i = 0; i < fleet->queue_count; i++) {
                struct fleet_queue *queue = &fleet->queues[i];
                queue->name = i < config->queue_count ? config->queues[i].name : QUEUE_UNROUTED;
                queue->paused = is_paused(paused, queue->name);
                queue->in_flight = in_flight_of(query, fleet, queue->name);
                queue->oldest_dead_ms = oldest_dead_ms(query, queue->name);
                take_later(query, queue);
        }
        struct queue_depth *depths = arena_alloc(
                query->arena, (config->queue_count * (CONFIG_TIERS_MAX + 2) + 1) * sizeof(*depths));
        if (amqp_queue_depths_within(config, depths, list_depths(query, depths), query->quick ? QUICK_MS : 0,
                                     &error))
                take_depths(query, fleet, depths);
        else
                forget_depths(fleet, query_text(query, slice_of(error.text)));
        for (size_t i = 0; i < config->queue_count; i++)
                count_held(query, &fleet->queues[i]);
        take_ages(query, fleet);
}

const char *fleet_look(const struct query *query, struct fleet *fleet)
{
        *fleet = (struct fleet){0};
        const char *error = fleet_workers(query, fleet);
        if (!error)
                look_at_queues(query, fleet);
        return error;
}
