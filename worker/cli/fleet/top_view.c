#include "cli/fleet/top_view.h"
#include "cli/fleet/fleet_text.h"
#include "core/record/keys.h"
#include "core/text/json_member.h"
#include "core/text/word.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What top shows. */

struct sums {
        int64_t ready, in_flight, retry, dead, workers, breakers_open;
        double completed_rate, dead_rate; /* a second */
};

static struct sums sum_up(const struct fleet *fleet, struct top_before *before)
{
        struct sums sums = {.workers = (int64_t)fleet->worker_count};
        for (size_t i = 0; i < fleet->worker_count; i++) {
                sums.in_flight += fleet->workers[i].in_flight;
                sums.completed_rate += fleet->workers[i].rate;
                sums.breakers_open += strcmp(fleet->workers[i].breaker, "closed") != 0;
        }
        for (size_t i = 0; i < fleet->queue_count; i++) {
                const struct fleet_queue *queue = &fleet->queues[i];
                sums.ready += i + 1 < fleet->queue_count ? queue->ready : 0;
                sums.dead += queue->dead > 0 ? queue->dead : 0;
                for (size_t tier = 0; tier < queue->tier_count; tier++)
                        sums.retry += queue->tiers[tier].messages;
        }
        if (fleet->trouble) {
                sums.ready = sums.dead = sums.retry = -1;
                return sums;
        }
        int64_t now_ms = clock_boot_ms(), passed_ms = now_ms - before->at_ms;
        if (before->at_ms > 0 && passed_ms > 0 && sums.dead > before->dead)
                sums.dead_rate = (double)(sums.dead - before->dead) * 1000 / (double)passed_ms;
        before->at_ms = now_ms;
        before->dead = sums.dead;
        return sums;
}

/* "-" for what is not known. */
static const char *top_view_number(struct cli *cli, int64_t value)
{
        return value < 0 ? "-" : arena_printf(&cli->arena, "%" PRId64, value);
}

/* ---- dead letters by reason ---- */

/* Of the newest so many of each queue: all of a million would take longer than the second. */
enum { REASONS_LOOKED_AT = 1000, REASONS_MAX = 64 };

struct reason_count {
        const char *queue, *type, *reason;
        int64_t count;
};

struct reasons {
        struct reason_count list[REASONS_MAX];
        size_t count;
};

static void reasons_add(struct reasons *reasons, struct cli *cli, const char *queue,
                        const struct redis_value *type_and_reason)
{
        struct slice type = type_and_reason[0].text, reason = type_and_reason[1].text;
        if (!reason.data)
                return;
        for (size_t i = 0; i < reasons->count; i++) {
                struct reason_count *one = &reasons->list[i];
                if (one->queue == queue && slice_is(type, one->type) && slice_is(reason, one->reason)) {
                        one->count++;
                        return;
                }
        }
        if (reasons->count < REASONS_MAX)
                reasons->list[reasons->count++] =
                        (struct reason_count){queue, cli_safe(cli, type), cli_safe(cli, reason), 1};
}

static int most_first(const void *a, const void *b)
{
        const struct reason_count *one = a, *other = b;
        return (one->count < other->count) - (one->count > other->count);
}

/* SORT joins the index with the letters in one request; a cluster refuses that, then nothing is shown. */
static void reasons_look(struct cli *cli, struct redis_sync *redis, const struct fleet *fleet,
                         struct reasons *reasons)
{
        const char *prefix = cli->config->redis.prefix;
        const char *letter = record_key(&cli->arena, prefix, KEY_LETTER, "*");
        const char *type = arena_printf(&cli->arena, "%s->type", letter);
        const char *reason = arena_printf(&cli->arena, "%s->reason", letter);
        const char *limit = arena_printf(&cli->arena, "%d", REASONS_LOOKED_AT);
        reasons->count = 0;
        for (size_t i = 0; i < fleet->queue_count; i++) {
                const char *queue = fleet->queues[i].name;
                const char *index = record_key(&cli->arena, prefix, KEY_DEAD, queue);
                const struct redis_value *found =
                        redis_sync_call(redis, &cli->arena, "SORT", index, "BY", "nosort", "DESC", "LIMIT",
                                        "0", limit, "GET", type, "GET", reason, NULL);
                for (size_t at = 0; found->kind == REDIS_LIST && at + 1 < found->count; at += 2)
                        reasons_add(reasons, cli, queue, &found->items[at]);
        }
        qsort(reasons->list, reasons->count, sizeof(*reasons->list), most_first);
}

/* ---- the tables ---- */

static const struct cli_column queue_columns[] = {
        {.title = "QUEUE"},
        {.title = "STATE", .whole = true, .state = true},
        {.title = "READY", .numeric = true},
        {.title = "OLDEST", .whole = true},
        {.title = "IN FLIGHT", .numeric = true},
        {.title = "CONSUMERS", .numeric = true, .extra = true},
        {.title = "DEAD", .numeric = true},
        {.title = "RETRY"},
};
static const struct cli_column worker_columns[] = {
        {.title = "WORKER"},
        {.title = "STATE", .whole = true, .state = true},
        {.title = "BREAKER", .whole = true, .state = true},
        {.title = "IN FLIGHT", .numeric = true},
        {.title = "RATE/S", .numeric = true},
        {.title = "COMPLETED", .numeric = true},
        {.title = "UPTIME", .whole = true},
};
static const struct cli_column reason_columns[] = {
        {.title = "DEAD", .numeric = true}, {.title = "REASON"}, {.title = "TYPE"}, {.title = "QUEUE"}};

static enum top_sort sorted_by;

/* Descending but for the names; unknown numbers are below all others. */
static int compare_queues(const void *a, const void *b)
{
        const struct fleet_queue *one = a, *other = b;
        int64_t left = sorted_by == TOP_BY_DEAD ? one->dead : one->ready;
        int64_t right = sorted_by == TOP_BY_DEAD ? other->dead : other->ready;
        if (sorted_by == TOP_BY_NAME || left == right)
                return strcmp(one->name, other->name);
        return left < right ? 1 : -1;
}

static int compare_rows(const void *a, const void *b)
{
        const struct fleet_worker *one = a, *other = b;
        if (sorted_by == TOP_BY_NAME || sorted_by == TOP_AS_CONFIGURED || one->rate == other->rate)
                return strcmp(one->name, other->name);
        return one->rate < other->rate ? 1 : -1;
}

static void sort(struct fleet *fleet, enum top_sort by)
{
        sorted_by = by;
        if (by != TOP_AS_CONFIGURED && fleet->queue_count > 1)
                qsort(fleet->queues, fleet->queue_count, sizeof(*fleet->queues), compare_queues);
        if (fleet->worker_count > 1)
                qsort(fleet->workers, fleet->worker_count, sizeof(*fleet->workers), compare_rows);
}

static void top_view_add_queues(struct cli *cli, const struct fleet *fleet, struct buffer *out)
{
        struct cli_table table;
        cli_table_init(&table, cli, queue_columns, CLI_COUNT(queue_columns));
        for (size_t i = 0; i < fleet->queue_count; i++) {
                const struct fleet_queue *queue = &fleet->queues[i];
                const char *state = queue->paused ? "paused" : "open";
                if (!queue->exists)
                        state = "missing";
                cli_table_row(&table, queue->name, fleet->trouble ? "unknown" : state,
                              top_view_number(cli, queue->ready), fleet_duration_text(cli, queue->oldest_ms),
                              top_view_number(cli, queue->in_flight), top_view_number(cli, queue->consumers),
                              top_view_number(cli, queue->dead), fleet_tiers_text(cli, queue));
        }
        buffer_add_char(out, '\n');
        cli_table_add(&table, out);
}

static void add_workers(struct cli *cli, const struct fleet *fleet, struct buffer *out)
{
        struct cli_table table;
        cli_table_init(&table, cli, worker_columns, CLI_COUNT(worker_columns));
        for (size_t i = 0; i < fleet->worker_count; i++) {
                const struct fleet_worker *worker = &fleet->workers[i];
                cli_table_row(
                        &table, cli_safe(cli, slice_of(worker->name)), cli_safe(cli, slice_of(worker->state)),
                        cli_safe(cli, slice_of(worker->breaker)), top_view_number(cli, worker->in_flight),
                        arena_printf(&cli->arena, "%.1f", worker->rate),
                        top_view_number(cli, worker->completed), fleet_age_text(cli, worker->started_ms));
        }
        buffer_add_char(out, '\n');
        cli_table_add(&table, out);
        if (fleet->worker_count == 0)
                buffer_add_text(out, "none: nothing consumes\n");
}

static void top_add_reasons(struct cli *cli, const struct reasons *reasons, struct buffer *out)
{
        struct cli_table table;
        if (reasons->count == 0)
                return;
        cli_table_init(&table, cli, reason_columns, CLI_COUNT(reason_columns));
        for (size_t i = 0; i < reasons->count; i++)
                cli_table_row(&table, top_view_number(cli, reasons->list[i].count), reasons->list[i].reason,
                              reasons->list[i].type, reasons->list[i].queue);
        buffer_add_char(out, '\n');
        cli_table_add(&table, out);
}

static void add_keys(const struct top_choice *choice, struct buffer *out)
{
        static const char *const orders[] = {[TOP_AS_CONFIGURED] = "as configured",
                                             [TOP_BY_NAME] = "name",
                                             [TOP_BY_READY] = "ready",
                                             [TOP_BY_DEAD] = "dead"};
        buffer_printf(out, "keys: q quit  s sort (%s)  a all  u queues  w workers  d dead letters\n",
                      orders[choice->sort]);
}

static void top_view_add_text(struct cli *cli, const struct fleet *fleet, const struct sums *sums,
                              struct buffer *out)
{
        buffer_printf(out, "leveret top  %s\n", cli_time(cli, clock_wall_ms()));
        buffer_printf(out,
                      "completed %.1f/s   dying %.1f/s   workers %" PRId64 "   breakers open %" PRId64 "\n",
                      sums->completed_rate, sums->dead_rate, sums->workers, sums->breakers_open);
        buffer_printf(out, "ready %s   in flight %" PRId64 "   retrying %s   dead %s\n",
                      top_view_number(cli, sums->ready), sums->in_flight, top_view_number(cli, sums->retry),
                      top_view_number(cli, sums->dead));
        if (fleet->trouble)
                buffer_printf(out, "the broker cannot be asked: %s\n",
                              cli_safe(cli, slice_of(fleet->trouble)));
}

static void add_outbox(struct relay_look *outbox, bool json, struct buffer *out)
{
        struct outbox_numbers numbers = {0};
        if (!outbox)
                return;
        relay_look_ask(outbox, &numbers);
        if (json) {
                outbox_depth_json(&numbers, out);
                return;
        }
        buffer_add_text(out, "outbox: ");
        outbox_depth_print(&numbers, out);
        buffer_add_char(out, '\n');
}

static void add_reasons_json(const struct reasons *reasons, struct buffer *out)
{
        buffer_add_text(out, ",\"dead_by_reason\":[");
        for (size_t i = 0; i < reasons->count; i++) {
                const struct reason_count *one = &reasons->list[i];
                buffer_add_text(out, i ? ",{\"queue\":" : "{\"queue\":");
                buffer_add_json_string(out, slice_of(one->queue));
                buffer_add_text(out, ",\"type\":");
                buffer_add_json_string(out, slice_of(one->type));
                buffer_add_text(out, ",\"reason\":");
                buffer_add_json_string(out, slice_of(one->reason));
                buffer_printf(out, ",\"count\":%" PRId64 "}", one->count);
        }
        buffer_add_char(out, ']');
}

static void top_add_json(const struct fleet *fleet, const struct sums *sums, const struct reasons *reasons,
                         struct buffer *out)
{
        buffer_printf(out, "{\"ts\":%" PRId64 ",\"completed_per_s\":%.1f,\"dead_per_s\":%.1f",
                      clock_wall_ms(), sums->completed_rate, sums->dead_rate);
        json_member_count(out, "ready", sums->ready);
        json_member_count(out, "in_flight", sums->in_flight);
        json_member_count(out, "retrying", sums->retry);
        json_member_count(out, "dead", sums->dead);
        json_member_count(out, "workers", sums->workers);
        json_member_count(out, "breakers_open", sums->breakers_open);
        add_reasons_json(reasons, out);
        buffer_add_text(out, ",\"queues\":[");
        for (size_t i = 0; i < fleet->queue_count; i++) {
                const struct fleet_queue *queue = &fleet->queues[i];
                buffer_printf(out, "%s{\"queue\":", i ? "," : "");
                buffer_add_json_string(out, slice_of(queue->name));
                buffer_printf(out, ",\"exists\":%s,\"paused\":%s", bool_word(queue->exists),
                              bool_word(queue->paused));
                json_member_count(out, "ready", queue->ready);
                json_member_count(out, "consumers", queue->consumers);
                json_member_count(out, "dead", queue->dead);
                json_member_count(out, "in_flight", queue->in_flight);
                json_member_count(out, "oldest_ms", queue->oldest_ms);
                buffer_add_text(out, ",\"retry\":{");
                for (size_t tier = 0; tier < queue->tier_count; tier++)
                        buffer_printf(out, "%s\"%s\":%" PRId64, tier ? "," : "", queue->tiers[tier].name,
                                      queue->tiers[tier].messages);
                buffer_add_text(out, "}}");
        }
        buffer_add_char(out, ']');
}

bool top_look(struct cli *cli, struct redis_sync *redis, const struct top_choice *choice,
              struct top_before *before, struct buffer *out)
{
        struct fleet fleet;
        const char *error = fleet_look(&(struct query){cli->config, redis, &cli->arena}, &fleet);
        if (error) {
                cli_fail(cli, CLI_ERROR, "Redis: %s", cli_safe(cli, slice_of(error)));
                return false;
        }
        struct sums sums = sum_up(&fleet, before);
        struct reasons *reasons = arena_alloc(&cli->arena, sizeof(*reasons));
        reasons_look(cli, redis, &fleet, reasons);
        if (cli->output == CLI_JSON) {
                top_add_json(&fleet, &sums, reasons, out);
                add_outbox(before->outbox, true, out);
                buffer_add_text(out, "}\n");
                return true;
        }
        sort(&fleet, choice->sort);
        top_view_add_text(cli, &fleet, &sums, out);
        add_outbox(before->outbox, false, out);
        if (choice->keys)
                add_keys(choice, out);
        if (choice->view == TOP_ALL || choice->view == TOP_QUEUES)
                top_view_add_queues(cli, &fleet, out);
        if (choice->view == TOP_ALL || choice->view == TOP_WORKERS)
                add_workers(cli, &fleet, out);
        if (choice->view == TOP_ALL || choice->view == TOP_DEAD)
                top_add_reasons(cli, reasons, out);
        return true;
}
