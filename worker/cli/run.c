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
                char line[512];
                size_t len = strcspn(lines, "\n");
                snprintf(line, sizeof(line), "%.*s", (int)len, lines);
                log_event(level, &(struct log_fields){.event = event, .msg = line, .error = what});
                lines += len + (lines[len] == '\n');
        }
}

/* Keeps those of `names`, one a line, in their order. NULL, or the first name that is no queue. */
static const char *only_queues(struct cli *cli, struct config *config, const char *names)
{
        size_t kept = 0;
        for (const char *at = names; *at; at += strcspn(at, "\n"), at += *at == '\n') {
                const char *name = arena_copy(&cli->arena, at, strcspn(at, "\n"));
                size_t found = kept;
                while (found < config->queue_count && strcmp(config->queues[found].name, name) != 0)
                        found++;
                if (found == config->queue_count)
                        return name;
                struct config_queue queue = config->queues[found];
                config->queues[found] = config->queues[kept];
                config->queues[kept++] = queue;
        }
        config->queue_count = kept;
        return NULL;
}

struct reloading {
        struct cli *cli;
        const char *queues;                /* of --queue; or NULL */
        struct config *kept[RELOADS_KEPT]; /* the running configuration borrows their strings */
        size_t count;
};

static struct type_set *reload(void *context)
{
        struct reloading *reloading = context;
        struct cli *cli = reloading->cli;
        if (reloading->count == RELOADS_KEPT) {
                log_event(LOG_LEVEL_ERROR,
                          &(struct log_fields){.event = "reload_refused",
                                               .msg = "reloaded too often; restart the worker"});
                return NULL;
        }
        struct config *fresh = cli_load(cli);
        if (!fresh) {
                log_lines(LOG_LEVEL_ERROR, "config_error", cli->errors, NULL);
                return NULL;
        }
        const char *missing = reloading->queues ? only_queues(cli, fresh, reloading->queues) : NULL;
        if (missing) {
                log_event(LOG_LEVEL_ERROR, &(struct log_fields){.event = "config_error",
                                                                .queue = missing,
                                                                .msg = "the queue of --queue is gone"});
                config_free(fresh);
                return NULL;
        }
        struct buffer names = {0};
        if (config_reload_diff(cli->config, fresh, &names) > 0)
                log_lines(LOG_LEVEL_WARN, "config_warning", names.data,
                          "changed, but takes effect only at a restart");
        buffer_fini(&names);
        settings_reload(cli->config, fresh);
        reloading->kept[reloading->count++] = fresh;
        return cli->types;
}

int command_run(struct cli *cli, int argc, char **argv)
{
        const char *drain = NULL, *queues = NULL;
        const struct cli_flag flags[] = {
                {.name = "--drain", .value = &drain},
                {.name = "--queue", .takes_value = true, .repeats = true, .value = &queues},
                {0}};
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        if (cli->help || cli->word_count > 0)
                return cli_usage(cli, cli->help ? NULL : "it takes no words");
        cli->logs = true;
        cli_process_close();
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        const char *missing = queues ? only_queues(cli, cli->config, queues) : NULL;
        if (missing)
                return cli_fail(cli, CLI_NOT_FOUND,
                                "--queue %s: no such queue is configured, or it is named twice",
                                cli_safe(cli, slice_of(missing)));
        cli_secrets_hide(cli, argc, argv);
        log_open(cli->config);
        log_lines(LOG_LEVEL_WARN, "config_warning", cli->warnings, NULL);
        struct reloading reloading = {.cli = cli, .queues = queues};
        status = engine_run(cli->config, &(struct engine_options){.types = cli->types,
                                                                  .drain = drain != NULL,
                                                                  .reload = reload,
                                                                  .reload_context = &reloading});
        log_close();
        while (reloading.count > 0)
                config_free(reloading.kept[--reloading.count]);
        return status;
}
