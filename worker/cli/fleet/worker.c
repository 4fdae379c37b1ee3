#include "cli/fleet/fleet_text.h"

#include <inttypes.h>
#include <string.h>

static const struct cli_column columns[] = {
        {.title = "WORKER"},
        {.title = "HOST", .extra = true},
        {.title = "PID", .numeric = true, .extra = true},
        {.title = "VERSION", .whole = true},
        {.title = "STATE", .whole = true, .state = true},
        {.title = "BREAKER", .whole = true, .state = true},
        {.title = "IN FLIGHT", .numeric = true},
        {.title = "RATE", .numeric = true},
        {.title = "COMPLETED", .numeric = true, .extra = true},
        {.title = "UPTIME", .optional = true, .whole = true},
        {.title = "SEEN", .optional = true, .whole = true, .extra = true},
        {.title = "QUEUES"},
};

static int worker_list(struct cli *cli, struct redis_sync *redis)
{
        struct arena *arena = &cli->arena;
        struct fleet fleet;
        struct cli_table table;
        const char *error = fleet_look(&(struct query){cli->config, redis, &cli->arena}, &fleet);
        if (error)
                return cli_fail(cli, CLI_ERROR, "Redis: %s", cli_safe(cli, slice_of(error)));
        cli_table_init(&table, cli, columns, CLI_COUNT(columns));
        for (size_t i = 0; i < fleet.worker_count; i++) {
                const struct fleet_worker *worker = &fleet.workers[i];
                cli_table_row(
                        &table, cli_safe(cli, slice_of(worker->name)), cli_safe(cli, slice_of(worker->host)),
                        cli_safe(cli, slice_of(worker->pid)), cli_safe(cli, slice_of(worker->version)),
                        cli_safe(cli, slice_of(worker->state)), cli_safe(cli, slice_of(worker->breaker)),
                        arena_printf(arena, "%" PRId64, worker->in_flight),
                        arena_printf(arena, "%.1f", worker->rate),
                        arena_printf(arena, "%" PRId64, worker->completed),
                        fleet_age_text(cli, worker->started_ms), cli_when(cli, worker->seen_ms),
                        worker->queues);
        }
        cli_table_print(&table);
        return CLI_OK;
}

int command_worker(struct cli *cli, int argc, char **argv)
{
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        static const char *const verbs[] = {"list", NULL};
        if (cli->help || cli->word_count != 1 || strcmp(cli->words[0], "list") != 0)
                return cli_usage(cli, cli->help ? NULL : cli_word_missing(cli, "worker list", verbs));
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        struct redis_sync *redis = cli_redis(cli);
        if (!redis)
                return CLI_ERROR;
        status = worker_list(cli, redis);
        redis_sync_close(redis);
        return status;
}
