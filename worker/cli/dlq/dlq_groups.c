#include "cli/dlq/dlq.h"
#include "core/text/error_shape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Dead letters that died of the same: of one type, one reason, errors that differ only in numbers and ids,
 * and one publisher, as far as its routing key and app_id tell. */
struct group {
        const char *type, *reason, *shape, *key, *app, *example;
        size_t count;
        int64_t first_ms, last_ms;
};

static const struct cli_column columns[] = {{.title = "COUNT", .numeric = true},
                                            {.title = "TYPE"},
                                            {.title = "REASON"},
                                            {.title = "FIRST SEEN", .whole = true, .extra = true},
                                            {.title = "LAST SEEN", .whole = true},
                                            {.title = "EXAMPLE"},
                                            {.title = "ERROR"},
                                            {.title = "APP ID", .optional = true},
                                            {.title = "ROUTING KEY", .optional = true}};

static int compare_kind(const void *a, const void *b)
{
        const struct group *left = a, *right = b;
        int order = strcmp(left->type, right->type);
        if (order == 0)
                order = strcmp(left->reason, right->reason);
        if (order == 0)
                order = strcmp(left->shape, right->shape);
        if (order == 0)
                order = strcmp(left->key, right->key);
        return order != 0 ? order : strcmp(left->app, right->app);
}

static int compare_count(const void *a, const void *b)
{
        const struct group *left = a, *right = b;
        if (left->count != right->count)
                return left->count < right->count ? 1 : -1;
        return compare_kind(a, b);
}

static struct group group_of(struct cli *cli, const struct dlq_entry *entry)
{
        return (struct group){.type = cli_safe(cli, entry->type),
                              .reason = cli_safe(cli, entry->reason),
                              .shape = cli_safe(cli, slice_of(error_shape(&cli->arena, entry->error))),
                              .key = cli_safe(cli, entry->routing_key),
                              .app = cli_safe(cli, entry->app_id),
                              .example = entry->dead_id,
                              .count = 1,
                              .first_ms = entry->failed_ms,
                              .last_ms = entry->failed_ms};
}

static void join(struct group *group, const struct group *more)
{
        group->count += more->count;
        if (more->first_ms < group->first_ms)
                group->first_ms = more->first_ms;
        if (more->last_ms > group->last_ms) {
                group->last_ms = more->last_ms;
                group->example = more->example;
        }
}

/* Sorted, so that equal ones stand beside each other; returns how many are left after joining them. */
static size_t join_all(struct group *groups, size_t count)
{
        size_t kept = 0;
        if (count > 0)
                qsort(groups, count, sizeof(*groups), compare_kind);
        for (size_t i = 0; i < count; i++) {
                if (kept > 0 && compare_kind(&groups[kept - 1], &groups[i]) == 0)
                        join(&groups[kept - 1], &groups[i]);
                else
                        groups[kept++] = groups[i];
        }
        if (kept > 0)
                qsort(groups, kept, sizeof(*groups), compare_count);
        return kept;
}

int dlq_groups(struct dlq *dlq)
{
        struct cli *cli = dlq->cli;
        int status = dlq_index_choose(dlq);
        if (status != CLI_OK)
                return status;
        struct group *groups = arena_alloc(&cli->arena, dlq->count * sizeof(*groups));
        size_t count = 0;
        for (size_t i = 0; i < dlq->count; i++)
                if (dlq->entries[i].wanted)
                        groups[count++] = group_of(cli, &dlq->entries[i]);
        count = join_all(groups, count);
        struct cli_table table;
        cli_table_init(&table, cli, columns, CLI_COUNT(columns));
        for (size_t i = 0; i < count; i++)
                cli_table_row(&table, arena_printf(&cli->arena, "%zu", groups[i].count), groups[i].type,
                              groups[i].reason, cli_when(cli, groups[i].first_ms),
                              cli_when(cli, groups[i].last_ms), groups[i].example, groups[i].shape,
                              groups[i].app, groups[i].key);
        cli_table_print(&table);
        dlq_index_hint(dlq);
        return CLI_OK;
}
