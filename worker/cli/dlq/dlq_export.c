#include "cli/dlq/dlq_command.h"

#include <inttypes.h>
#include <stdio.h>

/* Writes whole messages as JSON lines to stdout; every one goes back to its place. */
int dlq_export(struct dlq *dlq)
{
        struct dlq_walk walk;
        struct amqp_delivery taken;
        bool chosen = dlq->id_count > 0 || dlq_has_filter(dlq), ok = true;
        int status = chosen ? dlq_index_choose(dlq) : CLI_OK;
        if (status == CLI_OK)
                status = dlq_walk_open(&walk, dlq, "export");
        if (status != CLI_OK)
                return status;
        int64_t count = 0;
        while (ok && dlq_walk_next(&walk, DLQ_PATIENCE_MS, &taken) == PULL_MESSAGE) {
                struct letter letter;
                struct buffer line = {0};
                letter_read(taken.arena, dlq, taken.message, &letter);
                dlq_walk_hold(&walk, taken.tag);
                const struct letter_entry *entry = dlq_index_meet(dlq, letter.dead_id);
                if (dlq_index_is_chosen(dlq, entry)) {
                        letter_json(&line, &letter, taken.message);
                        ok = cli_print_json((struct slice){.data = line.data, .len = line.len});
                        count += ok;
                }
                buffer_fini(&line);
                arena_free(taken.arena);
        }
        bool all = walk.looked >= walk.bound || dlq->wanted > 0;
        status = dlq_walk_close(&walk);
        fprintf(stderr, "exported %" PRId64 "\n", count);
        if (!ok)
                return cli_fail(command_of(dlq)->cli, CLI_ERROR, "standard output takes no more");
        if (status == CLI_OK && !dlq_interrupted() && (!all || count < dlq_index_goal(dlq)))
                return cli_fail(command_of(dlq)->cli, CLI_ERROR, "the others were not met in the queue");
        return dlq_interrupted() ? CLI_ERROR : status;
}
