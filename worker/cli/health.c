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
static void health_print_json(const char *text)
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

/* Where to ask, and what. */
struct probe {
        const char *word, *setting, *listen, *path;
};

static struct probe probe_of(const struct cli *cli)
{
        const struct config *config = cli->config;
        const char *word = cli->word_count > 0 ? cli->words[0] : "ready";
        if (strcmp(word, "serve") == 0)
                return (struct probe){word, "serve.listen", config->serve.listen, "/livez"};
        return (struct probe){word, "admin.listen", config->admin.listen,
                              strcmp(word, "live") == 0 ? "/livez" : "/readyz?verbose"};
}

static bool word_is_known(const struct cli *cli)
{
        static const char *const known[] = {"live", "ready", "serve"};
        bool found = cli->word_count == 0;
        for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
                found |= cli->word_count == 1 && strcmp(cli->words[0], known[i]) == 0;
        return found;
}

/* Asks the worker, the relay or serve on this machine, as a container's probe does. */
int command_health(struct cli *cli, int argc, char **argv)
{
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        if (cli->help || !word_is_known(cli))
                return cli_usage(cli, cli->help ? NULL : "live, ready or serve");
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        struct probe probe = probe_of(cli);
        if (strcmp(probe.listen, "off") == 0)
                return cli_fail(cli, CLI_REFUSED, "%s is off: there is nobody to ask", probe.setting);
        struct buffer body = {0};
        char error[HTTP_GET_ERROR_MAX] = "";
        int http = 0;
        if (!http_get(probe.listen, probe.path, &body, &http, error))
                status = cli_fail(cli, CLI_ERROR, "%s; does a %s run here, with this %s?", error,
                                  strcmp(probe.word, "serve") == 0 ? "leveret serve" : "worker",
                                  probe.setting);
        else
                status = http == 200 ? CLI_OK : CLI_ERROR;
        if (cli->output == CLI_JSON && error[0])
                health_print_json(arena_printf(&cli->arena, "unreachable\n%s", error));
        else if (cli->output == CLI_JSON)
                health_print_json(body.len > 0 ? body.data : "unknown");
        else if (body.len > 0)
                print_lines(cli, body.data, status == CLI_OK ? stdout : stderr);
        buffer_fini(&body);
        return status;
}
