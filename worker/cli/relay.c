#include "relay/relay.h"
#include "cli/cli.h"
#include "core/outbox/outbox_sql.h"
#include "io/log/log.h"

#include <string.h>

/* Prints the SQL; connects to nothing. */
static int init(struct cli *cli)
{
        struct buffer sql = {0};
        if (cli->output == CLI_JSON) {
                struct buffer text = {0};
                outbox_sql_init(&text, cli->config->relay.table);
                buffer_add_text(&sql, "{\"sql\":");
                buffer_add_json_string(&sql, (struct slice){.data = text.data, .len = text.len});
                buffer_add_char(&sql, '}');
                buffer_fini(&text);
        } else {
                outbox_sql_init(&sql, cli->config->relay.table);
                sql.len--; /* cli_print ends the last line */
        }
        bool ok = cli_print((struct slice){.data = sql.data, .len = sql.len});
        buffer_fini(&sql);
        return ok ? CLI_OK : CLI_ERROR;
}

static int relay_move(struct cli *cli, int argc, char **argv)
{
        if (!cli->config->relay.url)
                return cli_fail(cli, CLI_CONFIG,
                                "relay.url is required: postgresql://user:password@host/database");
        cli_secrets_hide(cli, argc, argv);
        log_open(cli->config);
        int status = relay_run(cli->config);
        log_close();
        return status;
}

int command_relay(struct cli *cli, int argc, char **argv)
{
        static const char *const verbs[] = {"init", NULL};
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        bool prints = cli->word_count == 1 && strcmp(cli->words[0], "init") == 0;
        if (cli->help || (cli->word_count > 0 && !prints))
                return cli_usage(cli, cli->help ? NULL
                                                : cli_word_missing(cli, "it takes no words, or init", verbs));
        if (!prints)
                cli_process_close();
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        return prints ? init(cli) : relay_move(cli, argc, argv);
}
