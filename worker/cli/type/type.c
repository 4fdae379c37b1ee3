#include "cli/type/type.h"
#include "core/message/asyncapi.h"
#include "core/plan/fields.h"
#include "core/plan/schema.h"
#include "handler.h"

#include <string.h>

static int type_list(struct cli *cli)
{
        static const struct cli_column columns[] = {{.title = "TYPE"}, {.title = "SUMMARY"}};
        struct cli_table table;
        cli_table_init(&table, cli, columns, CLI_COUNT(columns));
        for (size_t i = 0; i < cli->types->count; i++)
                cli_table_row(&table, cli->types->table[i]->type, cli->types->table[i]->summary);
        cli_table_print(&table);
        return CLI_OK;
}

static int type_show(struct cli *cli, const struct handler *handler)
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
        if (handler->kind)
                handler->kind->describe(handler, &out);
        else
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

static int asyncapi(const struct cli *cli)
{
        struct buffer out = {0};
        asyncapi_render(&out, cli->types->table, LEVERET_VERSION);
        bool ok = cli_print((struct slice){.data = out.data, .len = out.len - 1}); /* adds the line's end */
        buffer_fini(&out);
        return ok ? CLI_OK : CLI_ERROR;
}

static const char type_words[] =
        "type list, type show TYPE, type schema TYPE, type asyncapi, type check [DIR] or type preview TYPE";

int command_type(struct cli *cli, int argc, char **argv)
{
        struct type_preview preview = {0};
        const struct cli_flag flags[] = {
                {.name = "--locale", .takes_value = true, .value = &preview.locale},
                {.name = "--data", .takes_value = true, .value = &preview.data},
                {.name = "--to", .takes_value = true, .value = &preview.to},
                {0},
        };
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        if (cli->help || cli->word_count == 0)
                return cli_usage(cli, NULL);
        const char *verb = cli->words[0];
        if (strcmp(verb, "check") == 0 && cli->word_count <= 2)
                return type_check(cli, cli->word_count == 2 ? cli->words[1] : NULL);
        int status = cli_types(cli);
        if (status != CLI_OK)
                return status;
        if (strcmp(verb, "list") == 0 && cli->word_count == 1)
                return type_list(cli);
        if (strcmp(verb, "asyncapi") == 0 && cli->word_count == 1)
                return asyncapi(cli);
        static const char *const verbs[] = {"list", "show", "schema", "asyncapi", "check", "preview", NULL};
        bool known = false;
        for (size_t i = 0; verbs[i]; i++)
                known = known || strcmp(verbs[i], verb) == 0;
        if (cli->word_count != 2 || !known)
                return cli_usage(cli, cli_word_missing(cli, type_words, verbs));
        const struct handler *handler = cli_handler(cli, cli->words[1]);
        if (!handler)
                return CLI_NOT_FOUND;
        if (strcmp(verb, "show") == 0)
                return type_show(cli, handler);
        if (strcmp(verb, "schema") == 0)
                return schema(handler);
        if (strcmp(verb, "preview") == 0)
                return type_preview(cli, handler, &preview);
        return cli_usage(cli, type_words); /* list or asyncapi, with a word too many */
}
