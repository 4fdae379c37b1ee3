#include "cli/dlq/dlq_command.h"
#include "core/text/word.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 20 };

/* The oldest of them, as the index knows them. */
static void show_first(struct dlq *dlq, int64_t count)
{
        struct cli *cli = command_of(dlq)->cli;
        int64_t shown = 0;
        for (size_t i = 0; i < dlq->count && shown < SHOWN_MAX && shown < count; i++) {
                const struct letter_entry *entry = &dlq->entries[i];
                if (dlq->wanted > 0 && !entry->wanted)
                        continue;
                shown++;
                printf("%s  %s  %s  %s\n", entry->dead_id, cli_safe(cli, slice_of(entry->id)),
                       cli_safe(cli, entry->type), cli_safe(cli, entry->reason));
        }
}

static void dlq_dry_run_print_json(const struct dlq *dlq, const char *verb, const char *target, int64_t count)
{
        struct buffer out = {0};
        buffer_add_text(&out, "{\"queue\":");
        buffer_add_json_string(&out, slice_of(dlq->source));
        buffer_printf(&out, ",\"dry_run\":true,\"would_%s\":%" PRId64, verb, count);
        if (target) {
                buffer_add_text(&out, ",\"to\":");
                buffer_add_json_string(&out, slice_of(target));
        }
        buffer_add_char(&out, '}');
        cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static int count_all(struct dlq *dlq, int64_t *count)
{
        int status = dlq_count(dlq, count);
        if (dlq->limit_count > 0 && dlq->limit_count < *count)
                *count = dlq->limit_count;
        return status;
}

int dlq_dry_run(struct dlq *dlq, const char *verb)
{
        const char *target = strcmp(verb, "redrive") == 0 ? dlq->target : NULL;
        int64_t count = dlq_index_goal(dlq);
        int status = dlq->wanted > 0 ? CLI_OK : count_all(dlq, &count);
        if (status != CLI_OK)
                return status;
        int64_t all = dlq->wanted > 0 ? dlq->wanted_messages : count;
        int64_t late = target ? dlq_count_late(dlq) : 0;
        count = count > all - late ? all - late : count;
        if (late > 0)
                fprintf(stderr, "%" PRId64 " would be left alone: their deadline has passed (--expired)\n",
                        late);
        if (command_of(dlq)->cli->output == CLI_JSON)
                dlq_dry_run_print_json(dlq, verb, target, count);
        else
                show_first(dlq, count);
        bool cut = count > SHOWN_MAX && command_of(dlq)->cli->output == CLI_TABLE;
        fprintf(stderr, "would %s %" PRId64 " of %s%s%s%s; nothing was done\n", verb, count, dlq->source,
                text_if(target, " to "), text_or(target, ""), text_if(cut, " (the first 20 are shown)"));
        return CLI_OK;
}
