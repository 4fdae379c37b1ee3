#include "cli/cli.h"
#include "io/amqp/amqp_topology.h"
#include "io/broker/amqp_policies.h"

#include <string.h>

static const struct cli_column columns[] = {{.title = "KIND", .whole = true},
                                            {.title = "NAME"},
                                            {.title = "STATE", .whole = true, .state = true},
                                            {.title = "DETAIL"}};

static void topology_row(void *context, const char *kind, const char *name, enum topology_verdict verdict,
                         const char *detail)
{
        struct cli_table *table = context;
        struct arena *arena = &table->cli->arena;
        cli_table_row(table, kind, arena_strdup(arena, name), topology_verdict_word(verdict),
                      cli_safe(table->cli, slice_of(detail)));
}

static int trouble(struct cli *cli, const struct amqp_error *error)
{
        int status = error->trouble == AMQP_TROUBLE_REFUSED ? CLI_CONFIG : CLI_ERROR;
        return cli_fail(cli, status, "%s", cli_safe(cli, slice_of(error->text)));
}

static int apply(struct cli *cli)
{
        struct cli_table table;
        struct amqp_error error = {0};
        cli_table_init(&table, cli, columns, CLI_COUNT(columns));
        bool ok = amqp_topology_apply(cli->config, TOPOLOGY_DECLARE,
                                      &(struct topology_listener){topology_row, &table}, &error);
        cli_table_print(&table);
        return ok ? CLI_OK : trouble(cli, &error);
}

struct look {
        struct cli_table *table;
        bool loses;
};

static void topology_on_policy(void *context, const char *queue, const struct policy_finding *finding)
{
        struct look *look = context;
        struct cli *cli = look->table->cli;
        look->loses |= finding->harm == POLICY_LOSES;
        cli_table_row(look->table, "policy", arena_strdup(&cli->arena, queue),
                      policy_harm_word(finding->harm), cli_safe(cli, slice_of(finding->text)));
}

static int verify(struct cli *cli)
{
        struct cli_table table;
        struct amqp_error error = {0}, unasked = {0};
        struct look look = {.table = &table};
        cli_table_init(&table, cli, columns, CLI_COUNT(columns));
        bool ok = amqp_topology_apply(cli->config, TOPOLOGY_VERIFY,
                                      &(struct topology_listener){topology_row, &table}, &error);
        bool asked = !cli->config->amqp.management_url ||
                     amqp_policies_look(cli->config, topology_on_policy, &look, &unasked);
        cli_table_print(&table);
        if (!ok)
                return trouble(cli, &error);
        if (!asked)
                return trouble(cli, &unasked);
        if (look.loses)
                return cli_fail(
                        cli, CLI_ERROR,
                        "policies of the broker lose messages; take leveret's queues out of their patterns");
        return CLI_OK;
}

static const char *arguments_text(struct cli *cli, const struct topology_arguments *arguments)
{
        struct buffer text = {0};
        topology_arguments_print(&text, arguments);
        const char *copy = arena_copy(&cli->arena, text.data ? text.data : "", text.len);
        buffer_fini(&text);
        return copy;
}

static void show_part(struct cli *cli, struct cli_table *table, const struct topology *topology)
{
        for (size_t i = 0; i < topology->exchange_count; i++) {
                const struct topology_exchange *exchange = &topology->exchanges[i];
                cli_table_row(table, "exchange", exchange->name,
                              arena_printf(&cli->arena, "%s %s", exchange->type,
                                           arguments_text(cli, &exchange->arguments)));
        }
        for (size_t i = 0; i < topology->queue_count; i++)
                cli_table_row(table, "queue", topology->queues[i].name,
                              arguments_text(cli, &topology->queues[i].arguments));
        for (size_t i = 0; i < topology->binding_count; i++) {
                const struct topology_binding *binding = &topology->bindings[i];
                cli_table_row(table, "binding",
                              arena_printf(&cli->arena, "%s -> %s", binding->exchange, binding->queue),
                              binding->key);
        }
}

static int topology_show(struct cli *cli)
{
        static const struct cli_column shown[] = {{.title = "KIND"}, {.title = "NAME"}, {.title = "DETAIL"}};
        struct cli_table table;
        cli_table_init(&table, cli, shown, CLI_COUNT(shown));
        show_part(cli, &table, topology_build(&cli->arena, cli->config));
        show_part(cli, &table, topology_build_later(&cli->arena, cli->config));
        cli_table_print(&table);
        return CLI_OK;
}

int command_topology(struct cli *cli, int argc, char **argv)
{
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        if (cli->help || cli->word_count != 1)
                return cli_usage(cli, cli->help ? NULL : "show, apply or verify");
        const char *word = cli->words[0];
        bool known = strcmp(word, "show") == 0 || strcmp(word, "apply") == 0 || strcmp(word, "verify") == 0;
        static const char *const verbs[] = {"show", "apply", "verify", NULL};
        if (!known)
                return cli_usage(cli, cli_word_missing(cli, "show, apply or verify", verbs));
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        if (strcmp(word, "show") == 0)
                return topology_show(cli);
        return strcmp(word, "apply") == 0 ? apply(cli) : verify(cli);
}
