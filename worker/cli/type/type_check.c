#include "cli/type/type.h"
#include "io/types/type_loader.h"

#include <stdio.h>

static size_t count_of_files(const struct type_set *set)
{
        size_t count = 0;
        for (size_t i = 0; i < set->count; i++)
                count += set->table[i]->kind != NULL;
        return count;
}

static int set_checked(const struct type_set *set)
{
        printf("types from files: %zu, templates: %zu, errors: none\n", count_of_files(set),
               set->templates.count);
        return CLI_OK;
}

int type_check(struct cli *cli, const char *directory)
{
        if (!directory) {
                int status = cli_types(cli);
                return status == CLI_OK ? set_checked(cli->types) : status;
        }
        struct file_faults faults = {0};
        cli->types = type_set_load(
                &(struct type_sources){.directories = &directory, .directory_count = 1, .compiled = handlers},
                &faults);
        if (faults.count)
                fprintf(stderr, "%s%zu error%s in the types\n", faults.lines.data, faults.count,
                        faults.count == 1 ? "" : "s");
        file_faults_fini(&faults);
        return cli->types ? set_checked(cli->types) : CLI_CONFIG;
}
