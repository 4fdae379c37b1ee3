#include "cli/cli.h"
#include "cli/help.h"
#include "core/memory/memory.h"
#include "core/plan/registry.h"
#include "core/send/mail_services.h"
#include "core/settings/settings.h"
#include "core/text/suggest.h"
#include "core/text/word.h"
#include "io/config/config_file.h"
#include "io/log/libraries.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_command cli_commands[] = {
        {"run", "leveret run [--drain] [--queue NAME ...]", "consume, dispatch, send: the worker",
         command_run},
        {"check", "leveret check [--offline]", "all errors of the configuration; then probe all services",
         command_check},
        {"topology", "leveret topology show | apply | verify", "exchanges, queues and bindings",
         command_topology},
        {"type",
         "leveret type list | show TYPE | schema TYPE | asyncapi | check [DIR]\n"
         "         | preview TYPE --to DIR [--locale L] [--data J|@file|-]",
         "the message types and their payloads", command_type},
        {"template",
         "leveret template render --template FILE [--partials DIR]\n"
         "         [--data J|@file|-] [--lenient]",
         "a Mustache template with data", command_template},
        {"plan", "leveret plan TYPE --data J|@file|-", "what the handler would do; sends nothing",
         command_plan},
        {"publish",
         "leveret publish TYPE --data J|@file|- [--id ID] [--subject S]\n"
         "         [--key K] [--traceparent T [--tracestate S]] [--at TIME | --in 2h]\n"
         "         [--wait 30s]",
         "publish a message, validated and confirmed", command_publish},
        {"job",
         "leveret job show ID | forget ID | cancel ID\n"
         "       leveret job list [--state S] [--type T] [--subject S] [--limit N]",
         "what became of a message", command_job},
        {"dlq",
         "leveret dlq groups | list | show | redrive | drop | purge | export | sync\n"
         "         QUEUE [ID...] [--type T] [--reason R] [--subject S] [--search TEXT]\n"
         "         [--since 2h] [--all] [--limit N] [--newest] [--full] [--expired]\n"
         "         [--dry-run] [--rate N] [--wait [30s]] [--edit] [--set /P=VALUE]\n"
         "         [--filter PROGRAM] [--to QUEUE] [--backup FILE]\n"
         "       leveret dlq restore FILE [--to QUEUE]",
         "look at, repair and redrive dead letters", command_dlq},
        {"queue", "leveret queue list | pause QUEUE | resume QUEUE", "depths; stop and go on consuming",
         command_queue},
        {"schedule", "leveret schedule list | run NAME", "messages that come again and again",
         command_schedule},
        {"worker", "leveret worker list", "the processes that run now", command_worker},
        {"top", "leveret top", "everything at a glance, once a second", command_top},
        {"serve", "leveret serve", "an HTTP API for programs", command_serve},
        {"relay", "leveret relay [init]", "move an outbox table of PostgreSQL to RabbitMQ", command_relay},
        {"health", "leveret health [live | ready | serve]", "for container probes", command_health},
        {"mail", "leveret mail test --to ADDRESS", "send one mail through the configured transport",
         command_mail},
        {0},
};

static int usage(FILE *out, int status)
{
        fputs("leveret " LEVERET_VERSION ": RabbitMQ messages become mails, each once, none lost\n\n"
              "usage: leveret COMMAND [-c FILE] [--set a.b=c] [-o table|json] [--yes] ...\n\n",
              out);
        for (const struct cli_command *command = cli_commands; command->name; command++)
                fprintf(out, "  %-10s %s\n", command->name, command->summary);
        if (status == CLI_OK)
                fprintf(out, "\n%s\nEvery command takes:\n\n%s\nExit status:\n\n%s", help_about, help_options,
                        help_exits);
        fputs("\nleveret COMMAND --help tells more; so do man leveret and, of settings, man\nleveret.yaml.\n",
              out);
        return status;
}

/* The manual pages, made of the texts of --help and of the table of settings: see man/. */
static int manual(bool of_settings)
{
        struct buffer page = {0};
        if (of_settings)
                settings_manual(&page);
        else
                help_manual(cli_commands, &page);
        bool ok = fwrite(page.data, 1, page.len, stdout) == page.len && fflush(stdout) == 0;
        buffer_fini(&page);
        return ok ? CLI_OK : CLI_ERROR;
}

static int dispatch(const struct cli_command *command, int argc, char **argv)
{
        char error[HANDLERS_ERROR_MAX];
        if (!handlers_check(handlers, error)) {
                fprintf(stderr, "leveret: handlers/: %s\n", error);
                return CLI_CONFIG;
        }
        struct cli *cli = memory_zeroed(1, sizeof(*cli));
        cli->program = "leveret";
        cli->command = command->name;
        arena_init(&cli->arena);
        int status = command->run(cli, argc, argv);
        if (cli->help)
                status = CLI_OK;
        config_free(cli->config);
        type_set_give(cli->types);
        arena_fini(&cli->arena);
        free(cli);
        return status;
}

/* The number of a standard stream that was closed would go to the next socket, and the log into that. */
static void streams_keep(void)
{
        int fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO)
                fd = open("/dev/null", O_RDWR);
        if (fd >= 0)
                close(fd);
}

/* The other end of a pipe is gone, as with `| head -1`: nobody misses the rest. */
static bool reader_is_gone(void)
{
        struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
        return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
}

/* Data that somebody waits for and that could not be written, to a full disk, is an error. */
static int data_written(int status)
{
        bool lost = fflush(stdout) != 0 || ferror(stdout);
        if (!lost || status != CLI_OK || reader_is_gone())
                return status;
        fputs("leveret: standard output takes no more; what it got is not all\n", stderr);
        return CLI_ERROR;
}

static void tell_unknown(const char *name)
{
        struct suggest suggest = {.word = name, .limit = suggest_limit(name)};
        for (const struct cli_command *command = cli_commands; command->name; command++)
                suggest_offer(&suggest, command->name);
        bool near = suggest.best != NULL;
        fprintf(stderr, "leveret: %s \"%.60s\"%s%s%s\n",
                name[0] == '-' ? "expected a command, not" : "unknown command", name,
                text_if(near, "; did you mean "), text_or(suggest.best, ""), text_if(near, "?"));
        usage(stderr, CLI_USAGE);
}

int main(int argc, char **argv)
{
        streams_keep();
        libraries_open();
        signal(SIGPIPE, SIG_IGN);
        cli_command_first(argc, argv);
        const char *name = argc > 1 ? argv[1] : "--help";
        int status = CLI_USAGE;
        if (strcmp(name, "--version") == 0) {
                puts("leveret " LEVERET_VERSION);
                status = CLI_OK;
        } else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
                status = argc > 1 ? usage(stdout, CLI_OK) : usage(stderr, CLI_USAGE);
        } else if (strcmp(name, "--manual") == 0 || strcmp(name, "--manual-of-settings") == 0) {
                status = manual(name[strlen("--manual")] != '\0');
        } else if (strcmp(name, "--manual-of-mail-services") == 0) {
                struct buffer page = {0};
                mail_services_add(&page);
                fputs(page.data, stdout);
                buffer_fini(&page);
                status = CLI_OK;
        } else {
                const struct cli_command *command = cli_commands;
                while (command->name && strcmp(command->name, name) != 0)
                        command++;
                if (command->name) {
                        status = dispatch(command, argc - 2, argv + 2);
                } else {
                        tell_unknown(name);
                }
        }
        libraries_close();
        return data_written(status);
}
