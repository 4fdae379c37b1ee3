#include "cli/job/job_show.h"
#include "cli/job/timeline.h"
#include "core/text/units.h"
#include "io/broker/amqp_admin.h"
#include "io/machine/clock.h"
#include "query/jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *job_duration(struct cli *cli, int64_t ms)
{
        struct buffer text = {0};
        duration_add(&text, ms);
        const char *copy = arena_copy(&cli->arena, text.data, text.len);
        buffer_fini(&text);
        return copy;
}

static bool job_ends_in_ms(struct slice name)
{
        return name.len > 3 && memcmp(name.data + name.len - 3, "_ms", 3) == 0;
}

/* What ends in _ms is a time, but for the lease, which is how long one lasts. */
static const char *value_text(struct cli *cli, const struct redis_value *record, struct slice name,
                              struct slice value)
{
        char key[64];
        snprintf(key, sizeof(key), "%.*s", SLICE_PRINT(name));
        if (slice_is(name, "lease_ms"))
                return job_duration(cli, job_field_integer(record, key));
        if (job_ends_in_ms(name))
                return cli_time(cli, job_field_integer(record, key));
        return cli_safe(cli, value);
}

/* Is it one of those that are read first, or an outlet, of which the answer lies beside it? */
static const char *const first_fields[] = {"state",        "reason",        "error",     "signal",  "partial",
                                           "subject",      "type",          "queue",     "attempt", "due_ms",
                                           "effects_done", "effects_total", "deferrals", "redrives"};
static const char *const prefixes[] = {"outlet.", "refused.", "effect."};

static bool is_first_line(struct slice name)
{
        for (size_t i = 0; i < CLI_COUNT(first_fields); i++)
                if (slice_is(name, first_fields[i]))
                        return true;
        for (size_t i = 0; i < CLI_COUNT(prefixes); i++)
                if (slice_begins(name, prefixes[i]))
                        return true;
        return false;
}

/* How many tries the queue allows; 0: it is not configured here. */
static int64_t tries_of(const struct cli *cli, struct slice queue)
{
        for (size_t i = 0; i < cli->config->queue_count; i++)
                if (slice_is(queue, cli->config->queues[i].name))
                        return cli->config->queues[i].attempts;
        return 0;
}

/* What the number alone does not say. */
static const char *remark_on(struct cli *cli, const struct redis_value *record, struct slice name)
{
        int64_t tries = tries_of(cli, redis_value_field(record, "queue"));
        if (slice_is(name, "attempt") && tries > 0)
                return arena_printf(&cli->arena, " (try %" PRId64 " of %" PRId64 ")",
                                    job_field_integer(record, "attempt") + 1, tries);
        int64_t left_ms = job_field_integer(record, "due_ms") - clock_wall_ms();
        if (!slice_is(name, "due_ms") || left_ms <= 0)
                return "";
        return arena_printf(&cli->arena, " (in %s)", job_duration(cli, left_ms - left_ms % 1000));
}

static void print_field(struct cli *cli, const struct redis_value *record, struct slice name,
                        struct slice value)
{
        bool unset = slice_is(name, "lease_until_ms") && slice_is(value, "0");
        if (value.len == 0 || unset || slice_is(name, "fingerprint"))
                return;
        const char *text = value_text(cli, record, name, value), *remark = remark_on(cli, record, name);
        if (job_ends_in_ms(name)) /* shown as a date or as a duration */
                name.len -= strlen("_ms");
        printf("%-20s %s%s\n", cli_safe(cli, name), cli_coloured(cli, text, text), remark);
}

/* What matters comes first: how it stands, why, whom it is about, and what went out by which outlet. */
static void print_record(struct cli *cli, const struct redis_value *record)
{
        for (size_t i = 0; i < CLI_COUNT(first_fields); i++)
                print_field(cli, record, slice_of(first_fields[i]),
                            redis_value_field(record, first_fields[i]));
        if (job_is_stuck(record))
                printf("%-20s %s\n", "stuck", "running, its lease ran out, and nobody has taken it over");
        for (size_t prefix = 0; prefix < CLI_COUNT(prefixes); prefix++)
                for (size_t i = 0; i + 1 < record->count; i += 2)
                        if (slice_begins(record->items[i].text, prefixes[prefix]))
                                print_field(cli, record, record->items[i].text, record->items[i + 1].text);
        for (size_t i = 0; i + 1 < record->count; i += 2)
                if (!is_first_line(record->items[i].text))
                        print_field(cli, record, record->items[i].text, record->items[i + 1].text);
}

/* It may wait where no worker has looked yet. */
static int not_seen(struct cli *cli, const char *id)
{
        const struct config *config = cli->config;
        struct queue_depth *depths = arena_alloc(&cli->arena, config->queue_count * sizeof(*depths));
        struct amqp_error error = {0};
        struct buffer waiting = {0};
        for (size_t i = 0; i < config->queue_count; i++)
                depths[i] = (struct queue_depth){.name = config->queues[i].name};
        bool asked = amqp_queue_depths(config, depths, config->queue_count, &error);
        for (size_t i = 0; i < config->queue_count && asked; i++)
                if (depths[i].messages > 0 || (i == 0 && config->queue_count == 1))
                        buffer_printf(&waiting, "%s%" PRIu32 " wait in %s", waiting.len ? ", " : "",
                                      depths[i].messages, depths[i].name);
        if (!asked)
                buffer_add_text(&waiting, "the broker cannot be asked how many wait");
        else if (waiting.len == 0)
                buffer_add_text(&waiting, "none wait");
        int status = cli_fail(cli, CLI_NOT_FOUND,
                              "%s: not seen by a worker yet: %s; or never published, or its record expired",
                              cli_safe(cli, slice_of(id)), waiting.data);
        buffer_fini(&waiting);
        return status;
}

static void job_show_print_json(const struct query *query, const char *id, const struct redis_value *record)
{
        struct buffer out = {0};
        job_add_json(query, id, record, &out);
        cli_print_json((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

int job_show(struct cli *cli, struct redis_sync *redis, const char *word)
{
        const struct query query = {cli->config, redis, &cli->arena};
        const char *id;
        const struct redis_value *record = job_find(&query, word, &id);
        if (record->kind == REDIS_FAILED)
                return cli_fail(cli, CLI_ERROR, "%s", cli_safe(cli, record->text));
        if (record->count == 0)
                return not_seen(cli, id);
        if (cli->output == CLI_JSON) {
                job_show_print_json(&query, id, record);
                return CLI_OK;
        }
        printf("%-20s %s\n", "id", cli_safe(cli, slice_of(id)));
        print_record(cli, record);
        printf("\ntimeline\n");
        timeline_print(cli, redis, id);
        return CLI_OK;
}
