#include "serve/serve.h"
#include "cli/cli.h"

#include <string.h>

int command_serve(struct cli *cli, int argc, char **argv)
{
        char error[SERVE_ERROR_MAX];
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        if (cli->help || cli->word_count > 0)
                return cli_usage(cli, cli->help ? NULL : "it takes no words");
        cli_process_close();
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        if (strcmp(cli->config->serve.listen, "off") == 0)
                return cli_fail(cli, CLI_REFUSED, "serve.listen is off");
        cli_secrets_hide(cli, argc, argv);
        if (!serve_run(cli->config, cli->types, error))
                return cli_fail(cli, CLI_ERROR, "%s", error);
        return CLI_OK;
}
