#include "cli/dlq/dlq.h"

#include <inttypes.h>

static const struct cli_column columns[] = {{.title = "DEAD ID"},
                                            {.title = "ID"},
                                            {.title = "TYPE"},
                                            {.title = "REASON"},
                                            {.title = "ATTEMPT", .numeric = true},
                                            {.title = "FAILED"},
                                            {.title = "SIZE", .numeric = true},
                                            {.title = "ERROR"}};

static void add_row(struct cli_table *table, const struct dlq_entry *entry)
{
        struct cli *cli = table->cli;
        cli_table_row(table, cli_safe(cli, slice_of(entry->dead_id)), cli_safe(cli, slice_of(entry->id)),
                      cli_safe(cli, entry->type), cli_safe(cli, entry->reason),
                      arena_printf(&cli->arena, "%" PRId64, entry->attempt), cli_time(cli, entry->failed_ms),
                      arena_printf(&cli->arena, "%" PRId64, entry->size), cli_safe(cli, entry->error));
}

/* Newest first. Reads the index alone. */
int dlq_list(struct dlq *dlq)
{
        int64_t limit = dlq->limit ? dlq->limit_count : dlq->all ? INT64_MAX : 50;
        int status = dlq_index_choose(dlq);
        if (status != CLI_OK)
                return status;
        struct cli_table table;
        cli_table_init(&table, dlq->cli, columns, CLI_COUNT(columns));
        for (size_t i = dlq->count; i-- > 0 && limit > 0;) {
                if (!dlq->entries[i].wanted)
                        continue;
                add_row(&table, &dlq->entries[i]);
                limit--;
        }
        cli_table_print(&table);
        dlq_index_hint(dlq);
        return CLI_OK;
}
