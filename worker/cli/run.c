#include "cli/cli.h"
#include "io/log.h"
#include "run/engine.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static struct config *reload(void *context)
{
        return cli_load(context);
}

static void log_warnings(const char *lines)
{
        while (lines && *lines) {
                char line[256];
                size_t len = strcspn(lines, "\n");
                snprintf(line, sizeof(line), "%.*s", (int)len, lines);
                log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "config_warning", .msg = line});
                lines += len + (lines[len] == '\n');
        }
}

int command_run(struct cli *cli, int argc, char **argv)
{
        const char *drain = NULL;
        const struct cli_flag flags[] = {{.name = "--drain", .value = &drain}, {0}};
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        if (cli->help || cli->word_count > 0)
                return cli_usage(cli, cli->help ? NULL : "it takes no words");
        cli->logs = true;
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        /* A core would hold secrets and the mails' texts. */
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        log_open(cli->config);
        log_warnings(cli->warnings);
        status = engine_run(cli->config, &(struct engine_options){.handlers = handlers,
                                                                  .drain = drain != NULL,
                                                                  .reload = reload,
                                                                  .reload_context = cli});
        log_close();
        return status;
}
