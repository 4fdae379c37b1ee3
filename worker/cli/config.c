#include "cli/cli.h"
#include "handler.h"
#include "io/config/config_file.h"
#include "io/types/type_loader.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Looked for in this order when none is named; without any of them the defaults and the environment hold. */
static const char *const default_files[] = {"config/leveret.yaml", "/etc/leveret/leveret.yaml"};

extern char **environ;

static const char *const *environment_of(const struct cli *cli)
{
        return cli->environment ? cli->environment : (const char *const *)environ;
}

static const char *find_file(const struct cli *cli)
{
        if (cli->config_file)
                return cli->config_file;
        static const char variable[] = CONFIG_FILE_VARIABLE "=";
        for (const char *const *at = environment_of(cli); *at; at++)
                if (strncmp(*at, variable, strlen(variable)) == 0 && (*at)[strlen(variable)])
                        return *at + strlen(variable);
        for (size_t i = 0; i < CLI_COUNT(default_files); i++)
                if (access(default_files[i], F_OK) == 0) /* one that may not be read is an error to be told */
                        return default_files[i];
        return NULL;
}

/* What is missing is most often the file. */
static void tell_where_looked(struct buffer *lines)
{
        buffer_add_text(lines, "no configuration file was found; looked for");
        for (size_t i = 0; i < CLI_COUNT(default_files); i++)
                buffer_printf(lines, "%s %s", i ? "," : "", default_files[i]);
        buffer_add_text(lines, "; name one with -c FILE or " CONFIG_FILE_VARIABLE "\n");
}

/* The types of one loading, and their names for the check of the configuration. */
struct types_loading {
        struct cli *cli;
        struct type_set *set; /* NULL: there were errors */
};

static const char *const *types_named(void *context, const struct config *config, struct buffer *lines,
                                      size_t *count)
{
        struct types_loading *loading = context;
        struct file_faults faults = {0};
        loading->set = type_set_load_config(config, handlers, &faults);
        buffer_add(lines, faults.lines.data, faults.lines.len);
        *count = faults.count;
        file_faults_fini(&faults);
        if (!loading->set)
                return NULL;
        const char **names = arena_alloc(&loading->cli->arena, (loading->set->count + 1) * sizeof(*names));
        for (size_t i = 0; i < loading->set->count; i++)
                names[i] = loading->set->table[i]->type;
        return names;
}

static void types_keep(struct cli *cli, struct type_set *set)
{
        type_set_give(cli->types);
        cli->types = set;
}

int cli_types(struct cli *cli)
{
        struct types_loading loading = {.cli = cli};
        struct config_source source = {.path = find_file(cli),
                                       .environment = environment_of(cli),
                                       .sets = cli->sets,
                                       .set_count = cli->set_count,
                                       .section = "types",
                                       .other_section = "handlers"};
        struct config_errors errors = {0};
        struct config *config = NULL;
        if (config_load(&source, &config, &errors) == 0)
                types_named(&loading, config, &errors.lines, &errors.count);
        if (errors.count)
                fprintf(stderr, "%s%zu error%s in the types\n", errors.lines.data, errors.count,
                        errors.count == 1 ? "" : "s");
        config_errors_fini(&errors);
        config_free(config);
        types_keep(cli, loading.set);
        return loading.set ? CLI_OK : CLI_CONFIG;
}

const struct handler *cli_handler(struct cli *cli, const char *type)
{
        const struct handler *handler = type_set_find(cli->types, slice_of(type));
        if (!handler)
                cli_fail(cli, CLI_NOT_FOUND, "no handler for %s; see leveret type list",
                         cli_safe(cli, slice_of(type)));
        return handler;
}

struct config *cli_load(struct cli *cli)
{
        struct types_loading loading = {.cli = cli};
        struct config_types types = {.names = types_named, .context = &loading};
        struct config_source source = {.path = find_file(cli),
                                       .environment = environment_of(cli),
                                       .sets = cli->sets,
                                       .set_count = cli->set_count,
                                       .types = &types};
        struct config_errors errors = {0};
        struct config *config = NULL;
        int result = config_load(&source, &config, &errors);
        if (result != 0 && !source.path)
                tell_where_looked(&errors.lines);
        if (errors.warnings.len > 0)
                cli->warnings = arena_copy(&cli->arena, errors.warnings.data, errors.warnings.len);
        bool log_begun = cli->logs && cli->config;
        cli->errors = result != 0 && log_begun ? arena_copy(&cli->arena, errors.lines.data, errors.lines.len)
                                               : NULL;
        if (result != 0 && !log_begun)
                fprintf(stderr, "%s%zu error%s in the configuration\n", errors.lines.data, errors.count,
                        errors.count == 1 ? "" : "s");
        config_errors_fini(&errors);
        if (result == 0)
                types_keep(cli, loading.set);
        else
                type_set_give(loading.set);
        return result == 0 ? config : NULL;
}

int cli_config(struct cli *cli)
{
        cli->config = cli_load(cli);
        if (cli->warnings && !cli->logs)
                fprintf(stderr, "%s", cli->warnings);
        return cli->config ? CLI_OK : CLI_CONFIG;
}
