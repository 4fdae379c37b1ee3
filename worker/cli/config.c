#include "cli/cli.h"
#include "handler.h"
#include "io/config_file.h"

#include <stdio.h>
#include <unistd.h>

/* Looked for in this order when no -c is given; without any of them the defaults and the environment hold. */
static const char *const default_files[] = {"config/leveret.yaml", "/etc/leveret/leveret.yaml"};

extern char **environ;

static const char *find_file(const struct cli *cli)
{
        if (cli->config_file)
                return cli->config_file;
        for (size_t i = 0; i < CLI_COUNT(default_files); i++)
                if (access(default_files[i], R_OK) == 0)
                        return default_files[i];
        return NULL;
}

struct config *cli_load(struct cli *cli)
{
        const char *types[CONFIG_HANDLERS_MAX + 1] = {NULL};
        for (size_t i = 0; i < CONFIG_HANDLERS_MAX && handlers[i]; i++)
                types[i] = handlers[i]->type;
        struct config_source source = {.path = find_file(cli),
                                       .environment = cli->environment ? cli->environment
                                                                       : (const char *const *)environ,
                                       .sets = cli->sets,
                                       .set_count = cli->set_count,
                                       .types = types};
        struct config_errors errors = {0};
        struct config *config = NULL;
        int result = config_load(&source, &config, &errors);
        if (errors.warnings.len > 0)
                cli->warnings = arena_copy(&cli->arena, errors.warnings.data, errors.warnings.len);
        bool log_begun = cli->logs && cli->config;
        cli->errors = result != 0 && log_begun ? arena_copy(&cli->arena, errors.lines.data, errors.lines.len)
                                               : NULL;
        if (result != 0 && !log_begun)
                fprintf(stderr, "%s%zu error%s in the configuration\n", errors.lines.data, errors.count,
                        errors.count == 1 ? "" : "s");
        config_errors_fini(&errors);
        return result == 0 ? config : NULL;
}

int cli_config(struct cli *cli)
{
        cli->config = cli_load(cli);
        if (cli->warnings && !cli->logs)
                fprintf(stderr, "%s", cli->warnings);
        return cli->config ? CLI_OK : CLI_CONFIG;
}
