#include "cli/fleet/fleet_text.h"
#include "core/text/word.h"
#include "query/pause.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct cli_column columns[] = {
        {.title = "QUEUE"},
        {.title = "STATE", .whole = true, .state = true},
        {.title = "READY", .numeric = true},
        {.title = "OLDEST", .whole = true},
        {.title = "IN FLIGHT", .numeric = true},
        {.title = "CONSUMERS", .numeric = true, .extra = true},
        {.title = "DEAD", .numeric = true},
        {.title = "OLDEST DEAD", .optional = true, .whole = true, .extra = true},
        {.title = "LATER", .optional = true},
        {.title = "UNTIL", .optional = true, .whole = true},
        {.title = "RETRY"},
};

static const char *queue_number(struct cli *cli, int64_t value)
{
        return value < 0 ? "-" : arena_printf(&cli->arena, "%" PRId64, value);
}

static const char *state_of(const struct fleet_queue *queue, bool asked)
{
        if (!asked)
                return queue->paused ? "paused" : "unknown";
        if (!queue->exists)
                return "missing";
        return queue->paused ? "paused" : "open";
}

static int queue_list(struct cli *cli, struct redis_sync *redis)
{
        struct fleet fleet;
        struct cli_table table;
        const char *error = fleet_look(&(struct query){cli->config, redis, &cli->arena}, &fleet);
        if (error)
                return cli_fail(cli, CLI_ERROR, "Redis: %s", cli_safe(cli, slice_of(error)));
        bool asked = fleet.trouble == NULL;
        struct cli_column shown[CLI_COUNT(columns)];
        memcpy(shown, columns, sizeof(columns));
        if (cli->output == CLI_JSON) /* words for people, a number for programs */
                shown[3] = (struct cli_column){.title = "OLDEST MS", .numeric = true};
        cli_table_init(&table, cli, shown, CLI_COUNT(shown));
        for (size_t i = 0; i < fleet.queue_count; i++) {
                const struct fleet_queue *queue = &fleet.queues[i];
                const char *oldest = cli->output == CLI_JSON ? queue_number(cli, queue->oldest_ms)
                                                             : fleet_duration_text(cli, queue->oldest_ms);
                const char *later = "", *last_due = "";
                if (queue->later > 0) {
                        later = queue_number(cli, queue->later);
                        last_due = cli_time(cli, queue->last_due_ms);
                }
                cli_table_row(&table, queue->name, state_of(queue, asked), queue_number(cli, queue->ready),
                              oldest, queue_number(cli, queue->in_flight),
                              queue_number(cli, queue->consumers), queue_number(cli, queue->dead),
                              cli_when(cli, queue->oldest_dead_ms), later, last_due,
                              fleet_tiers_text(cli, queue));
        }
        cli_table_print(&table);
        return asked ? CLI_OK : cli_fail(cli, CLI_ERROR, "%s", cli_safe(cli, slice_of(fleet.trouble)));
}

static void tell_paused(struct cli *cli, const char *queue, bool paused, const struct pause *pause)
{
        if (cli->output == CLI_TABLE) {
                printf("%s %s%s, %zu worker%s\n", cli_safe(cli, slice_of(queue)),
                       text_if(!pause->changed, "was already "), paused ? "paused" : "resumed",
                       pause->workers, text_if(pause->workers != 1, "s"));
                return;
        }
        struct buffer out = {0};
        buffer_add_text(&out, "{\"queue\":");
        buffer_add_json_string(&out, slice_of(queue));
        buffer_printf(&out, ",\"paused\":%s,\"changed\":%s,\"workers\":%zu,\"late\":%zu}", bool_word(paused),
                      bool_word(pause->changed), pause->workers, pause->late);
        cli_print_json((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static int queue_set_paused(struct cli *cli, struct redis_sync *redis, const char *queue, bool paused)
{
        struct pause pause;
        const char *error =
                query_pause(&(struct query){cli->config, redis, &cli->arena}, queue, paused, &pause);
        if (error)
                return cli_fail(cli, CLI_ERROR, "Redis: %s", cli_safe(cli, slice_of(error)));
        tell_paused(cli, queue, paused, &pause);
        if (pause.late > 0)
                return cli_fail(cli, CLI_ERROR, "%zu worker%s not followed yet", pause.late,
                                pause.late == 1 ? " has" : "s have");
        return CLI_OK;
}

int command_queue(struct cli *cli, int argc, char **argv)
{
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        const char *word = cli->word_count > 0 ? cli->words[0] : "";
        bool pausing = strcmp(word, "pause") == 0, resuming = strcmp(word, "resume") == 0;
        bool listing = strcmp(word, "list") == 0;
        size_t words = listing ? 1 : 2;
        static const char *const verbs[] = {"list", "pause", "resume", NULL};
        if (!cli->help && !(listing || pausing || resuming))
                return cli_usage(cli, cli_word_missing(cli, "list, pause QUEUE or resume QUEUE", verbs));
        if (cli->help || cli->word_count != words)
                return cli_usage(cli, cli->help ? NULL : "list, pause QUEUE or resume QUEUE");
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        if (!listing && !query_has_queue(cli->config, cli->words[1]))
                return cli_fail(cli, CLI_NOT_FOUND, "no queue %s is configured; see leveret queue list",
                                cli_safe(cli, slice_of(cli->words[1])));
        struct redis_sync *redis = cli_redis(cli);
        if (!redis)
                return CLI_ERROR;
        status = listing ? queue_list(cli, redis) : queue_set_paused(cli, redis, cli->words[1], pausing);
        redis_sync_close(redis);
        return status;
}
