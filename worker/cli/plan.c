#include "core/plan/plan.h"
#include "cli/cli.h"
#include "core/plan/plan_json.h"
#include "handler.h"
#include "io/plan/planner_once.h"

/* The most that a body may ever be. */
#define DATA_MAX ((size_t)16 << 20)

static void plan_print_json(const struct handler *handler, const struct plan *plan)
{
        struct buffer out = {0};
        plan_json(&out, handler->type, plan);
        cli_print_json((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static enum plan_outcome plan_of_text(const struct handler *handler, struct slice data, struct plan **plan,
                                      struct faults *faults)
{
        char cause[JSON_CAUSE_MAX];
        json_t *payload = json_parse(data, cause);
        if (!payload)
                return plan_build_text(handler, data, plan, faults); /* says what it looks like */
        enum plan_outcome outcome = plan_anyhow(handler, payload, plan, faults);
        json_decref(payload);
        return outcome;
}

static int plan_print(struct cli *cli, const struct handler *handler, struct slice data)
{
        struct faults faults = {.arena = &cli->arena};
        struct plan *plan = NULL;
        switch (plan_of_text(handler, data, &plan, &faults)) {
        case PLAN_BAD_PAYLOAD:
                return cli_fail_faults(cli, "bad_payload", &faults, "");
        case PLAN_REJECTED:
                return cli_fail_faults(cli, "rejected", &faults, "");
        case PLAN_BAD_PLAN:
                return cli_fail_faults(cli, "bad_plan", &faults, "");
        case PLAN_PLANNERS:
                return cli_fail_faults(cli, "no plan", &faults, "");
        case PLAN_OK:
                break;
        }
        if (cli->output == CLI_JSON) {
                plan_print_json(handler, plan);
                return CLI_OK;
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
        int status = cli_types(cli);
        if (status != CLI_OK)
                return status;
        const struct handler *handler = cli_handler(cli, cli->words[0]);
        if (!handler)
                return CLI_NOT_FOUND;
        struct slice data;
        if (!cli_data(cli, data_argument, DATA_MAX, &data))
                return CLI_ERROR;
        return plan_print(cli, handler, data);
}
