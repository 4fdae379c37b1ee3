#include "cli/cli.h"
#include "core/settings/settings.h"
#include "io/config/config_file.h"
#include "io/log/log.h"
#include "run/engine.h"

#include <stdio.h>
#include <string.h>

enum { RELOADS_KEPT = 1000 };

static void log_lines(enum log_level level, const char *event, const char *lines, const char *what)
{
        while (lines && *lines) {
                char line[256];
                size_t len = strcspn(lines, "\n");
                snprintf(line, sizeof(line), "%.*s", (int)len, lines);
                log_event(level, &(struct log_fields){.event = event, .msg = line, .error = what});
                lines += len + (lines[len] == '\n');
        }
}

struct reloading {
        struct cli *cli;
        struct config *kept[RELOADS_KEPT]; /* the running configuration borrows their strings */
        size_t count;
};

static bool reload(void *context)
{
        struct reloading *reloading = context;
        struct cli *cli = reloading->cli;
        if (reloading->count == RELOADS_KEPT) {
                log_event(LOG_LEVEL_ERROR,
                          &(struct log_fields){.event = "reload_refused",
                                               .msg = "reloaded too often; restart the worker"});
                return false;
        }
        struct config *fresh = cli_load(cli);
        if (!fresh) {
                log_lines(LOG_LEVEL_ERROR, "config_error", cli->errors, NULL);
                return false;
        }
        struct buffer names = {0};
        if (config_reload_diff(cli->config, fresh, &names) > 0)
                log_lines(LOG_LEVEL_WARN, "config_warning", names.data,
                          "changed, but takes effect only at a restart");
        buffer_fini(&names);
        settings_reload(cli->config, fresh);
        reloading->kept[reloading->count++] = fresh;
        return true;
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
        cli_process_close();
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        cli_secrets_hide(cli, argc, argv);
        log_open(cli->config);
        log_lines(LOG_LEVEL_WARN, "config_warning", cli->warnings, NULL);
        struct reloading reloading = {.cli = cli};
        status = engine_run(cli->config, &(struct engine_options){.handlers = handlers,
                                                                  .drain = drain != NULL,
                                                                  .reload = reload,
                                                                  .reload_context = &reloading});
        log_close();
        while (reloading.count > 0)
                config_free(reloading.kept[--reloading.count]);
        return status;
}
