#include "cli/publish_record.h"
#include "core/codec/rfc3339.h"
#include "io/machine/clock.h"
#include "query/schedules.h"

#include <inttypes.h>
#include <string.h>

static const struct cli_column columns[] = {
        {.title = "NAME"},
        {.title = "CRON", .whole = true},
        {.title = "TIMEZONE", .extra = true},
        {.title = "TYPE"},
        {.title = "NEXT", .optional = true, .whole = true},
        {.title = "AFTER", .optional = true, .whole = true, .extra = true},
        {.title = "LAST", .optional = true, .whole = true},
        {.title = "STATE", .optional = true, .whole = true, .state = true},
        {.title = "MISSED", .numeric = true, .extra = true},
        {.title = "SKIPPED", .numeric = true, .extra = true},
};

static int schedule_list(struct cli *cli, struct redis_sync *redis)
{
        struct query_schedule *schedules;
        struct cli_table table;
        const char *error = query_schedules(&(struct query){cli->config, redis, &cli->arena}, &schedules);
        if (error)
                return cli_fail(cli, CLI_ERROR, "%s", cli_safe(cli, slice_of(error)));
        cli_table_init(&table, cli, columns, CLI_COUNT(columns));
        for (size_t i = 0; i < cli->config->schedule_count; i++) {
                const struct query_schedule *schedule = &schedules[i];
                const struct config_schedule *config = schedule->config;
                cli_table_row(&table, config->name, config->cron, config->timezone, config->type,
                              cli_when(cli, schedule->next_ms[0]), cli_when(cli, schedule->next_ms[1]),
                              cli_when(cli, schedule->last_ms),
                              schedule->last_state ? cli_safe(cli, slice_of(schedule->last_state)) : "-",
                              arena_printf(&cli->arena, "%" PRId64, schedule->missed),
                              arena_printf(&cli->arena, "%" PRId64, schedule->skipped));
        }
        cli_table_print(&table);
        return CLI_OK;
}

/* A message as of a tick, but of now: no tick has its id. */
static int run_now(struct cli *cli, struct redis_sync *redis, const char *name)
{
        const struct config_schedule *schedule = query_schedule_find(cli->config, name);
        char now[RFC3339_SIZE];
        if (!schedule)
                return cli_fail(cli, CLI_NOT_FOUND, "no schedule %s is configured; see leveret schedule list",
                                cli_safe(cli, slice_of(name)));
        rfc3339_format(clock_wall_ms(), now);
        return cli_publish(
                cli, redis,
                &(struct publication){.type = schedule->type,
                                      .key = schedule->type,
                                      .id = arena_printf(&cli->arena, "schedule/%s/%s", schedule->name, now),
                                      .data = slice_of(schedule->data)});
}

int command_schedule(struct cli *cli, int argc, char **argv)
{
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        static const char *const verbs[] = {"list", "run", NULL};
        bool lists = cli->word_count == 1 && strcmp(cli->words[0], "list") == 0;
        bool runs = cli->word_count == 2 && strcmp(cli->words[0], "run") == 0;
        if (cli->help || (!lists && !runs))
                return cli_usage(
                        cli, cli->help ? NULL
                                       : cli_word_missing(cli, "schedule list, or schedule run NAME", verbs));
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        struct redis_sync *redis = cli_redis(cli);
        if (!redis)
                return CLI_ERROR;
        status = lists ? schedule_list(cli, redis) : run_now(cli, redis, cli->words[1]);
        redis_sync_close(redis);
        return status;
}
