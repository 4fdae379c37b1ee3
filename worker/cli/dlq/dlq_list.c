#include "cli/dlq/dlq_command.h"
#include "io/broker/amqp_admin.h"

#include <inttypes.h>

static const struct cli_column columns[] = {
        {.title = "DEAD ID"},
        {.title = "ID"},
        {.title = "TYPE"},
        {.title = "REASON"},
        {.title = "ATTEMPT", .numeric = true, .extra = true},
        {.title = "REDRIVES", .numeric = true},
        {.title = "FAILED", .whole = true},
        {.title = "SIZE", .numeric = true, .extra = true},
        {.title = "ERROR"},
        {.title = "APP ID", .optional = true, .extra = true},
        {.title = "ROUTING KEY", .optional = true, .extra = true},
        {.title = "SUBJECT", .optional = true, .extra = true},
};

static void add_row(struct cli_table *table, const struct letter_entry *entry)
{
        struct cli *cli = table->cli;
        cli_table_row(table, cli_safe(cli, slice_of(entry->dead_id)), dlq_entry_name(cli, entry),
                      cli_safe(cli, entry->type), cli_safe(cli, entry->reason),
                      arena_printf(&cli->arena, "%" PRId64, entry->attempt),
                      arena_printf(&cli->arena, "%" PRId64, entry->redrives), cli_when(cli, entry->failed_ms),
                      arena_printf(&cli->arena, "%" PRId64, entry->size), cli_safe(cli, entry->error),
                      cli_safe(cli, entry->app_id), cli_safe(cli, entry->routing_key),
                      cli_safe(cli, entry->subject));
}

const char *dlq_entry_name(struct cli *cli, const struct letter_entry *entry)
{
        if (entry->id[0] || entry->message_id.len == 0)
                return cli_safe(cli, slice_of(entry->id));
        return arena_printf(&cli->arena, "\"%s\"", cli_safe(cli, entry->message_id));
}

/* Messages, not entries. */
static int64_t count_indexed(const struct dlq *dlq)
{
        int64_t count = 0;
        for (size_t i = 0; i < dlq->count; i++)
                count += dlq->entries[i].copies;
        return count;
}

void dlq_index_hint(struct dlq *dlq)
{
        struct queue_depth depth = {.name = dlq->source};
        struct amqp_error error = {0};
        struct cli *cli = command_of(dlq)->cli;
        const char *owner = dlq_lock_owner(dlq);
        int64_t indexed = count_indexed(dlq);
        if (!amqp_queue_depths(dlq->query.config, &depth, 1, &error))
                return;
        if (!depth.exists)
                fprintf(stderr, "the broker has no queue %s; leveret topology apply declares it\n",
                        dlq->source);
        else if (depth.messages != indexed && owner)
                fprintf(stderr,
                        "%s holds %" PRIu32 " ready messages, the index %" PRId64 ": %s works on it\n",
                        dlq->source, depth.messages, indexed, cli_safe(cli, slice_of(owner)));
        else if (depth.messages != indexed)
                fprintf(stderr,
                        "%s holds %" PRIu32 " ready messages, the index %" PRId64
                        "; leveret dlq sync %s makes them agree\n",
                        dlq->source, depth.messages, indexed, dlq->queue);
}

/* Oldest first, as they are redriven and dropped; with --newest the other way. Reads the index alone. */
int dlq_list(struct dlq *dlq)
{
        enum { LIST_LIMIT = 50 };
        size_t limit = command_of(dlq)->limit ? (size_t)dlq->limit_count : LIST_LIMIT, shown = 0;
        int status = dlq_index_choose(dlq);
        if (status != CLI_OK)
                return status;
        struct cli_table table;
        cli_table_init(&table, command_of(dlq)->cli, columns, CLI_COUNT(columns));
        for (size_t i = 0; i < dlq->count && ((dlq->all && !command_of(dlq)->limit) || shown < limit); i++) {
                const struct letter_entry *entry =
                        &dlq->entries[command_of(dlq)->newest ? dlq->count - 1 - i : i];
                shown += entry->wanted;
                if (entry->wanted)
                        add_row(&table, entry);
        }
        cli_table_print(&table);
        cli_tell_more(command_of(dlq)->cli, shown, dlq->wanted, "--limit N or --all shows more");
        dlq_index_hint(dlq);
        return CLI_OK;
}
