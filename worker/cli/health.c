#include "cli/cli.h"
#include "io/admin/http_get.h"

#include <stdio.h>
#include <string.h>

/* Each line made safe for a terminal by itself. */
static void print_lines(struct cli *cli, const char *text, FILE *out)
{
        while (*text) {
                size_t len = strcspn(text, "\n");
                fprintf(out, "%s\n", cli_safe(cli, (struct slice){.data = text, .len = len}));
                text += len + (text[len] == '\n');
        }
}

/* The first line is the state; the others say what was looked at, or why it is not ready. */
static void print_json(const char *text)
{
        struct buffer out = {0};
        size_t len = strcspn(text, "\n");
        buffer_add_text(&out, "{\"state\":");
        buffer_add_json_string(&out, (struct slice){.data = text, .len = len});
        buffer_add_text(&out, ",\"details\":[");
        for (const char *at = text + len + (text[len] == '\n'); *at; at += len + (at[len] == '\n')) {
                len = strcspn(at, "\n");
                buffer_add_json_string(&out, (struct slice){.data = at, .len = len});
                buffer_add_text(&out, at[len] && at[len + 1] ? "," : "");
        }
        buffer_add_text(&out, "]}");
        cli_print_json((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

/* Asks the worker on this machine, as a container's probe does. */
int command_health(struct cli *cli, int argc, char **argv)
{
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        const char *word = cli->word_count > 0 ? cli->words[0] : "ready";
        bool live = strcmp(word, "live") == 0;
        if (cli->help || cli->word_count > 1 || (!live && strcmp(word, "ready") != 0))
                return cli_usage(cli, cli->help ? NULL : "live or ready");
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        if (strcmp(cli->config->admin.listen, "off") == 0)
                return cli_fail(cli, CLI_REFUSED, "admin.listen is off: there is nobody to ask");
        struct buffer body = {0};
        char error[HTTP_GET_ERROR_MAX] = "";
        int http = 0;
        if (!http_get(cli->config->admin.listen, live ? "/livez" : "/readyz?verbose", NULL, &body, &http,
                      error))
                status = cli_fail(cli, CLI_ERROR, "%s; does a worker run here, with this admin.listen?",
                                  error);
        else
                status = http == 200 ? CLI_OK : CLI_ERROR;
        if (cli->output == CLI_JSON)
                print_json(error[0]       ? arena_printf(&cli->arena, "unreachable\n%s", error)
                           : body.len > 0 ? body.data
                                          : "unknown");
        else if (body.len > 0)
                print_lines(cli, body.data, status == CLI_OK ? stdout : stderr);
        buffer_fini(&body);
        return status;
}
