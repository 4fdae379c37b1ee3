#include "cli/fleet/fleet.h"
#include "core/message/topology.h"
#include "core/record/keys.h"
#include "io/amqp/amqp_admin.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- workers ---- */

static double number_of(const struct redis_value *hash, const char *field)
{
        char text[40];
        snprintf(text, sizeof(text), "%.*s", SLICE_PRINT(redis_value_field(hash, field)));
        return strtod(text, NULL);
}

static void add_worker(struct cli *cli, struct redis_sync *redis, struct fleet *fleet, struct slice key)
{
        struct arena *arena = &cli->arena;
        size_t skip = strlen(record_key(arena, cli->config->redis.prefix, KEY_WORKER, ""));
        const struct redis_value *hash =
                redis_sync_call(redis, arena, "HGETALL", arena_copy(arena, key.data, key.len), NULL);
        if (hash->count == 0 || key.len < skip)
                return;
        struct fleet_worker *workers = arena_alloc(arena, (fleet->worker_count + 1) * sizeof(*workers));
        if (fleet->worker_count > 0)
                memcpy(workers, fleet->workers, fleet->worker_count * sizeof(*workers));
        fleet->workers = workers;
        workers[fleet->worker_count++] = (struct fleet_worker){
                .told = hash,
                .name = cli_safe(cli, (struct slice){.data = key.data + skip, .len = key.len - skip}),
                .host = cli_safe(cli, redis_value_field(hash, "host")),
                .pid = cli_safe(cli, redis_value_field(hash, "pid")),
                .version = cli_safe(cli, redis_value_field(hash, "version")),
                .state = cli_safe(cli, redis_value_field(hash, "state")),
                .queues = cli_safe(cli, redis_value_field(hash, "queues")),
                .paused = cli_safe(cli, redis_value_field(hash, "paused")),
                .breaker = cli_safe(cli, redis_value_field(hash, "breaker")),
                .in_flight = (int64_t)number_of(hash, "in_flight"),
                .completed = (int64_t)number_of(hash, "completed"),
                .started_ms = (int64_t)number_of(hash, "started_ms"),
                .seen_ms = (int64_t)number_of(hash, "seen_ms"),
                .rate = number_of(hash, "rate"),
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

int fleet_workers(struct cli *cli, struct redis_sync *redis, struct fleet *fleet)
{
        struct arena *arena = &cli->arena;
        const char *pattern = record_key(arena, cli->config->redis.prefix, KEY_WORKER, "*");
        const char *cursor = "0";
        do {
                const struct redis_value *page = redis_sync_call(redis, arena, "SCAN", cursor, "MATCH",
                                                                 pattern, "COUNT", "1000", NULL);
                if (page->kind != REDIS_LIST || page->count != 2)
                        return cli_fail(cli, CLI_ERROR, "Redis: %s", cli_safe(cli, page->text));
                for (size_t i = 0; i < page->items[1].count; i++)
                        add_worker(cli, redis, fleet, page->items[1].items[i].text);
                cursor = arena_copy(arena, page->items[0].text.data, page->items[0].text.len);
        } while (strcmp(cursor, "0") != 0);
        drop_doubles(fleet);
        return CLI_OK;
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
static int64_t in_flight_of(struct cli *cli, const struct fleet *fleet, const char *queue)
{
        int64_t sum = 0;
        const char *field = arena_printf(&cli->arena, "in_flight.%s", queue);
        for (size_t i = 0; i < fleet->worker_count; i++) {
                if (!fleet_has_word(fleet->workers[i].queues, queue))
                        continue;
                if (!redis_value_field(fleet->workers[i].told, field).data)
                        return -1;
                sum += (int64_t)number_of(fleet->workers[i].told, field);
        }
        return sum;
}

/* The latest moment of which a worker knows that all that waits came after it; 0: none knows. */
static int64_t newer_than_ms(struct cli *cli, const struct fleet *fleet, const struct redis_value *all,
                             const char *queue)
{
        int64_t newest_ms = (int64_t)number_of(all, queue);
        const char *field = arena_printf(&cli->arena, "newer_than_ms.%s", queue);
        for (size_t i = 0; i < fleet->worker_count; i++) {
                int64_t ms = (int64_t)number_of(fleet->workers[i].told, field);
                newest_ms = ms > newest_ms ? ms : newest_ms;
        }
        return newest_ms;
}

static int64_t oldest_ms(const struct fleet_queue *queue, int64_t after_ms)
{
        int64_t age_ms = clock_wall_ms() - after_ms;
        if (queue->ready == 0)
                return 0;
        return after_ms == 0 ? -1 : age_ms > 1 ? age_ms : 1;
}

static void take_ages(struct cli *cli, struct redis_sync *redis, struct fleet *fleet)
{
        const char *key = record_key(&cli->arena, cli->config->redis.prefix, KEY_NEWER_THAN, NULL);
        const struct redis_value *all = redis_sync_call(redis, &cli->arena, "HGETALL", key, NULL);
        for (size_t i = 0; i < fleet->queue_count; i++) {
                struct fleet_queue *queue = &fleet->queues[i];
                int64_t after_ms = newer_than_ms(cli, fleet, all, queue->name);
                queue->oldest_ms = fleet->trouble ? -1 : oldest_ms(queue, after_ms);
        }
}

static int64_t oldest_dead_ms(struct cli *cli, struct redis_sync *redis, const char *queue)
{
        const char *key = record_key(&cli->arena, cli->config->redis.prefix, KEY_DEAD, queue);
        const struct redis_value *first =
                redis_sync_call(redis, &cli->arena, "ZRANGE", key, "0", "0", "WITHSCORES", NULL);
        return first->count == 2 ? (int64_t)strtod(arena_copy(&cli->arena, first->items[1].text.data,
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
static size_t list_depths(struct cli *cli, struct queue_depth *depths)
{
        size_t count = 0;
        for (size_t i = 0; i < cli->config->queue_count; i++) {
                const struct config_queue *queue = &cli->config->queues[i];
                depths[count++].name = queue->name;
                depths[count++].name = topology_dlq_name(&cli->arena, queue->name);
                for (size_t tier = 0; tier < queue->tier_count; tier++)
                        depths[count++].name =
                                topology_tier_queue(&cli->arena, queue->name, queue->tiers[tier]);
        }
        depths[count++].name = QUEUE_UNROUTED;
        return count;
}

static void take_depths(struct cli *cli, struct fleet *fleet, const struct queue_depth *depths)
{
        for (size_t i = 0; i < cli->config->queue_count; i++) {
                const struct config_queue *config = &cli->config->queues[i];
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
        struct fleet_queue *unrouted = &fleet->queues[cli->config->queue_count];
        unrouted->exists = depths->exists;
        unrouted->ready = depths->messages;
        unrouted->consumers = depths->consumers;
}

/* An operator at work holds dead letters that the broker does not count as ready. */
static void count_held(struct cli *cli, struct redis_sync *redis, struct fleet_queue *queue)
{
        struct arena *arena = &cli->arena;
        const char *prefix = cli->config->redis.prefix;
        const struct redis_value *lock = redis_sync_call(
                redis, arena, "EXISTS", record_key(arena, prefix, KEY_LOCK, queue->name), NULL);
        if (lock->kind != REDIS_INTEGER || lock->integer == 0 || queue->dead < 0)
                return;
        const struct redis_value *indexed = redis_sync_call(
                redis, arena, "ZCARD", record_key(arena, prefix, KEY_DEAD, queue->name), NULL);
        if (indexed->kind == REDIS_INTEGER && indexed->integer > queue->dead)
                queue->dead = indexed->integer;
}

static void forget_depths(struct fleet *fleet, const char *trouble)
{
        fleet->trouble = trouble;
        for (size_t i = 0; i < fleet->queue_count; i++)
                fleet->queues[i].ready = fleet->queues[i].consumers = fleet->queues[i].dead = -1;
}

static void look_at_queues(struct cli *cli, struct redis_sync *redis, struct fleet *fleet)
{
        const struct config *config = cli->config;
        struct amqp_error error = {0};
        const struct redis_value *paused =
                redis_sync_call(redis, &cli->arena, "SMEMBERS",
                                record_key(&cli->arena, config->redis.prefix, KEY_PAUSED, NULL), NULL);
        fleet->queue_count = config->queue_count + 1;
        fleet->queues = arena_alloc(&cli->arena, fleet->queue_count * sizeof(*fleet->queues));
        for (size_t i = 0; i < fleet->queue_count; i++) {
                struct fleet_queue *queue = &fleet->queues[i];
                queue->name = i < config->queue_count ? config->queues[i].name : QUEUE_UNROUTED;
                queue->paused = is_paused(paused, queue->name);
                queue->in_flight = in_flight_of(cli, fleet, queue->name);
                queue->oldest_dead_ms = oldest_dead_ms(cli, redis, queue->name);
        }
        struct queue_depth *depths = arena_alloc(
                &cli->arena, (config->queue_count * (CONFIG_TIERS_MAX + 2) + 1) * sizeof(*depths));
        if (amqp_queue_depths(config, depths, list_depths(cli, depths), &error))
                take_depths(cli, fleet, depths);
        else
                forget_depths(fleet, cli_safe(cli, slice_of(error.text)));
        for (size_t i = 0; i < config->queue_count; i++)
                count_held(cli, redis, &fleet->queues[i]);
        take_ages(cli, redis, fleet);
}

int fleet_look(struct cli *cli, struct redis_sync *redis, struct fleet *fleet)
{
        *fleet = (struct fleet){0};
        int status = fleet_workers(cli, redis, fleet);
        if (status == CLI_OK)
                look_at_queues(cli, redis, fleet);
        return status;
}

const char *fleet_tiers_text(struct cli *cli, const struct fleet_queue *queue)
{
        struct buffer text = {0};
        for (size_t i = 0; i < queue->tier_count; i++) {
                buffer_printf(&text, "%s%s ", i ? ", " : "", queue->tiers[i].name);
                if (queue->tiers[i].exists)
                        buffer_printf(&text, "%" PRId64, queue->tiers[i].messages);
                else
                        buffer_add_text(&text, "missing");
        }
        const char *copy = arena_copy(&cli->arena, text.data ? text.data : "", text.len);
        buffer_fini(&text);
        return copy;
}

const char *fleet_duration_text(struct cli *cli, int64_t ms)
{
        int64_t s = ms / 1000;
        if (ms <= 0)
                return ms < 0 ? "unknown" : "-";
        if (s < 60)
                return arena_printf(&cli->arena, "%" PRId64 "s", s);
        if (s < 3600)
                return arena_printf(&cli->arena, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
        if (s < 86400)
                return arena_printf(&cli->arena, "%" PRId64 "h %" PRId64 "m", s / 3600, s / 60 % 60);
        return arena_printf(&cli->arena, "%" PRId64 "d %" PRId64 "h", s / 86400, s / 3600 % 24);
}

const char *fleet_age_text(struct cli *cli, int64_t since_ms)
{
        int64_t age_ms = clock_wall_ms() - since_ms;
        return since_ms <= 0 ? "-" : fleet_duration_text(cli, age_ms > 1 ? age_ms : 1);
}
