#include "cli/cli.h"
#include "core/message/asyncapi.h"
#include "core/plan/fields.h"
#include "core/plan/registry.h"
#include "core/plan/schema.h"
#include "handler.h"

#include <string.h>

static int list(struct cli *cli)
{
        static const struct cli_column columns[] = {{.title = "TYPE"}, {.title = "SUMMARY"}};
        struct cli_table table;
        cli_table_init(&table, cli, columns, CLI_COUNT(columns));
        for (size_t i = 0; handlers[i]; i++)
                cli_table_row(&table, handlers[i]->type, handlers[i]->summary);
        cli_table_print(&table);
        return CLI_OK;
}

static int show(struct cli *cli, const struct handler *handler)
{
        if (cli->output == CLI_JSON) {
                struct buffer schema = {0};
                schema_render(&schema, handler, true);
                cli_print((struct slice){.data = schema.data, .len = schema.len});
                buffer_fini(&schema);
                return CLI_OK;
        }
        struct buffer out = {0};
        buffer_printf(&out, "%s\n%s\n\nexample:\n  %s\n\nfields:\n", handler->type, handler->summary,
                      handler->example ? handler->example : "{}");
        fields_describe(&out, handler->fields);
        cli_print((struct slice){.data = out.data, .len = out.len - 1}); /* adds the line's end */
        buffer_fini(&out);
        return CLI_OK;
}

static int schema(const struct handler *handler)
{
        struct buffer out = {0};
        schema_render(&out, handler, true);
        bool ok = cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
        return ok ? CLI_OK : CLI_ERROR;
}

static int asyncapi(void)
{
        struct buffer out = {0};
        asyncapi_render(&out, handlers, LEVERET_VERSION);
        bool ok = cli_print((struct slice){.data = out.data, .len = out.len - 1}); /* adds the line's end */
        buffer_fini(&out);
        return ok ? CLI_OK : CLI_ERROR;
}

int command_type(struct cli *cli, int argc, char **argv)
{
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        if (cli->help || cli->word_count == 0)
                return cli_usage(cli, NULL);
        if (strcmp(cli->words[0], "list") == 0 && cli->word_count == 1)
                return list(cli);
        if (strcmp(cli->words[0], "asyncapi") == 0 && cli->word_count == 1)
                return asyncapi();
        static const char *const verbs[] = {"list", "show", "schema", "asyncapi", NULL};
        bool showing = strcmp(cli->words[0], "show") == 0, schemas = strcmp(cli->words[0], "schema") == 0;
        if (cli->word_count != 2 || !(showing || schemas))
                return cli_usage(
                        cli,
                        cli_word_missing(cli, "show TYPE, schema TYPE, list or asyncapi are known", verbs));
        const struct handler *handler = handler_find(handlers, slice_of(cli->words[1]));
        if (!handler)
                return cli_fail(cli, CLI_NOT_FOUND, "no handler for %s; see leveret type list",
                                cli_safe(cli, slice_of(cli->words[1])));
        return showing ? show(cli, handler) : schema(handler);
}
