#include "cli/dlq/dlq_command.h"

#include <inttypes.h>
#include <stdio.h>

static void dlq_redrive_print_json(struct dlq *dlq, const struct dlq_redriven *redriven)
{
        struct buffer out = {0};
        buffer_add_text(&out, "{\"queue\":");
        buffer_add_json_string(&out, slice_of(dlq->source));
        buffer_printf(&out,
                      ",\"redriven\":%" PRId64 ",\"of\":%" PRId64 ",\"left\":%" PRId64
                      ",\"unusable\":%" PRId64 ",\"expired\":%" PRId64,
                      redriven->moved, redriven->total, redriven->left, redriven->unusable, redriven->late);
        if (command_of(dlq)->wait)
                buffer_printf(&out, ",\"completed\":%" PRId64 ",\"died\":%" PRId64 ",\"not_over\":%zu",
                              command_of(dlq)->awaited.completed, command_of(dlq)->awaited.died,
                              command_of(dlq)->awaited.count);
        buffer_add_char(&out, '}');
        cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static int dlq_redrive_report(struct dlq *dlq, const struct dlq_redriven *redriven, int status)
{
        struct cli *cli = command_of(dlq)->cli;
        fprintf(stderr, "redriven %" PRId64 " of %" PRId64 " to %s\n", redriven->moved, redriven->total,
                dlq->target);
        if (redriven->late > 0)
                fprintf(stderr,
                        "%" PRId64 " left alone: their deadline has passed; --expired redrives them too\n",
                        redriven->late);
        if (command_of(dlq)->wait && redriven->moved > 0)
                dlq_wait_run(dlq, &command_of(dlq)->awaited, command_of(dlq)->wait_ms);
        if (cli->output == CLI_JSON)
                dlq_redrive_print_json(dlq, redriven);
        if (redriven->unusable > 0)
                fprintf(stderr, "%" PRId64 " stay: no copy of them can be made (see leveret dlq export)\n",
                        redriven->unusable);
        if (redriven->error[0])
                return cli_fail(cli, CLI_ERROR, "stopped, the broker did not take a copy: %s",
                                cli_safe(cli, slice_of(redriven->error)));
        if (dlq_interrupted())
                return cli_fail(cli, CLI_ERROR, "stopped by Ctrl-C; the rest is as it was");
        if (status == CLI_OK && redriven->moved + redriven->late < redriven->total && redriven->unusable == 0)
                return cli_fail(cli, CLI_ERROR,
                                "the others were not met in the queue; see leveret dlq sync %s", dlq->queue);
        bool unwell = redriven->unusable > 0 || command_of(dlq)->awaited.died > 0 ||
                      command_of(dlq)->awaited.count > 0;
        return status == CLI_OK && unwell ? CLI_ERROR : status;
}

static void await(struct dlq *dlq, const char *id, uint32_t redrives)
{
        dlq_wait_add(&command_of(dlq)->awaited, id, redrives);
}

int dlq_redrive(struct dlq *dlq)
{
        int64_t rate = 0;
        bool chosen = dlq->id_count > 0 || dlq_has_filter(dlq);
        if (!chosen && !dlq->all)
                return cli_usage(command_of(dlq)->cli, DLQ_CHOOSE);
        if (command_of(dlq)->rate && !cli_parse_count(command_of(dlq)->rate, 1, 100000, &rate))
                return cli_usage(command_of(dlq)->cli, "--rate takes 1 to 100000 messages a second");
        if (!dlq->target)
                return cli_usage(command_of(dlq)->cli,
                                 "from leveret.unrouted name the work queue: --to QUEUE");
        int status = chosen ? dlq_index_choose(dlq) : CLI_OK;
        if (status == CLI_OK && command_of(dlq)->dry_run)
                return dlq_dry_run(dlq, "redrive");
        if (status == CLI_OK)
                status = dlq_check_target(dlq);
        if (status != CLI_OK)
                return status;
        if (command_of(dlq)->edit || command_of(dlq)->set || command_of(dlq)->filter)
                return command_of(dlq)->edit ? dlq_edit(dlq) : dlq_mend(dlq);
        struct dlq_redriven redriven = {.rate = (double)rate,
                                        .settled = command_of(dlq)->wait ? await : NULL};
        progress_begin(&command_of(dlq)->progress, "redriven", 0);
        status = dlq_redrive_run(dlq, &redriven);
        progress_end(&command_of(dlq)->progress, redriven.moved);
        if (status != CLI_OK && redriven.total == 0)
                return status;
        status = dlq_redrive_report(dlq, &redriven, status);
        dlq_wait_free(&command_of(dlq)->awaited);
        return status;
}
