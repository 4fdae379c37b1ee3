#include "cli/dlq/dlq_command.h"
#include "core/text/error_shape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_column columns[] = {{.title = "COUNT", .numeric = true},
                                            {.title = "TYPE"},
                                            {.title = "REASON"},
                                            {.title = "FIRST SEEN", .whole = true, .extra = true},
                                            {.title = "LAST SEEN", .whole = true},
                                            {.title = "EXAMPLE"},
                                            {.title = "ERROR"},
                                            {.title = "APP ID", .optional = true},
                                            {.title = "ROUTING KEY", .optional = true}};

int dlq_groups(struct dlq *dlq)
{
        struct cli *cli = command_of(dlq)->cli;
        struct letter_group *groups;
        int status = dlq_index_choose(dlq);
        if (status != CLI_OK)
                return status;
        const struct letters letters = {.entries = dlq->entries, .count = dlq->count};
        size_t count = letters_group(&dlq->query, &letters, &groups);
        struct cli_table table;
        cli_table_init(&table, cli, columns, CLI_COUNT(columns));
        for (size_t i = 0; i < count; i++)
                cli_table_row(&table, arena_printf(&cli->arena, "%zu", groups[i].count),
                              cli_safe(cli, slice_of(groups[i].type)),
                              cli_safe(cli, slice_of(groups[i].reason)), cli_when(cli, groups[i].first_ms),
                              cli_when(cli, groups[i].last_ms), groups[i].example,
                              cli_safe(cli, slice_of(groups[i].shape)),
                              cli_safe(cli, slice_of(groups[i].app)), cli_safe(cli, slice_of(groups[i].key)));
        cli_table_print(&table);
        dlq_index_hint(dlq);
        return CLI_OK;
}
