#include "core/plan.h"
#include "cli/cli.h"
#include "core/registry.h"
#include "handler.h"

/* The most that a body may ever be. */
#define DATA_MAX ((size_t)16 << 20)

static int plan_print(struct cli *cli, const struct handler *handler, struct slice data)
{
        char error[PLAN_ERROR_MAX];
        struct plan *plan = NULL;
        switch (plan_build_text(&cli->arena, handler, data, &plan, error)) {
        case PLAN_BAD_PAYLOAD:
                return cli_fail(cli, CLI_ERROR, "bad_payload: %s", cli_safe(cli, slice_of(error)));
        case PLAN_REJECTED:
                return cli_fail(cli, CLI_ERROR, "rejected: %s", cli_safe(cli, slice_of(error)));
        case PLAN_OK:
                break;
        }
        struct buffer text = {0};
        plan_render(&text, plan);
        fwrite(text.data, 1, text.len, stdout);
        buffer_fini(&text);
        return CLI_OK;
}

int command_plan(struct cli *cli, int argc, char **argv)
{
        const char *data_argument = NULL;
        const struct cli_flag flags[] = {{.name = "--data", .takes_value = true, .value = &data_argument},
                                         {0}};
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        if (cli->help || cli->word_count != 1 || !data_argument)
                return cli_usage(cli, cli->help ? NULL : "name a type and its --data");
        const struct handler *handler = handler_find(handlers, slice_of(cli->words[0]));
        if (!handler)
                return cli_fail(cli, CLI_NOT_FOUND, "no handler for %s; see leveret type list",
                                cli_safe(cli, slice_of(cli->words[0])));
        struct slice data;
        if (!cli_data(cli, data_argument, DATA_MAX, &data))
                return CLI_ERROR;
        return plan_print(cli, handler, data);
}
