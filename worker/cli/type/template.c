#include "core/template/template.h"
#include "cli/cli.h"
#include "io/types/type_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The most that a body may ever be. */
#define TEMPLATE_DATA_MAX ((size_t)16 << 20)

/* A partial that was asked for; kept, so that it is read once. */
struct known_partial {
        struct known_partial *next;
        struct slice name;
        const struct mustache *template; /* NULL: there is none, or it is broken */
};

struct partial_files {
        struct cli *cli;
        const char *directory; /* NULL: there are no partials */
        bool html;
        struct known_partial *known;
        struct file_faults *faults;
};

static const struct mustache *file_compile(struct cli *cli, const char *path, bool html,
                                           struct file_faults *faults)
{
        struct template_source source = {.place = {.file = path, .line = 1, .column = 1}, .html = html};
        if (!type_file_read(&cli->arena, path, TEMPLATE_SOURCE_MAX, &source.text, faults))
                return NULL;
        return template_compile(&cli->arena, &source, faults);
}

/* A name that leads out of the directory is none. */
static bool name_is_of_file(struct slice name)
{
        return name.len > 0 && name.data[0] != '.' && !memchr(name.data, '/', name.len);
}

static const struct mustache *partial_read(const struct partial_files *files, struct slice name)
{
        if (!files->directory || !name_is_of_file(name))
                return NULL;
        const char *path =
                arena_printf(&files->cli->arena, "%s/%.*s.mustache", files->directory, SLICE_PRINT(name));
        if (access(path, F_OK) != 0)
                return NULL;
        return file_compile(files->cli, path, files->html, files->faults);
}

static const struct mustache *partial_of_file(void *context, struct slice name)
{
        struct partial_files *files = context;
        for (struct known_partial *known = files->known; known; known = known->next)
                if (slice_equal(known->name, name))
                        return known->template;
        struct known_partial *fresh = arena_alloc(&files->cli->arena, sizeof(*fresh));
        *fresh = (struct known_partial){
                .next = files->known, .name = name, .template = partial_read(files, name)};
        files->known = fresh;
        return fresh->template;
}

static bool name_ends_with(const char *text, const char *end)
{
        size_t len = strlen(text), end_len = strlen(end);
        return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static int faults_print(struct cli *cli, struct file_faults *faults)
{
        if (faults->lines.len)
                fwrite(faults->lines.data, 1, faults->lines.len, stderr);
        file_faults_fini(faults);
        return cli_fail(cli, CLI_ERROR, "nothing was rendered");
}

static int template_print(struct cli *cli, const struct template_rendering *rendering,
                          struct file_faults *faults)
{
        struct buffer out = {0};
        char error[TEMPLATE_ERROR_MAX];
        bool ok = template_render(rendering, &out, error);
        int status = CLI_OK;
        if (faults->count)
                status = faults_print(cli, faults);
        else if (!ok)
                status = cli_fail(cli, CLI_ERROR, "%s", cli_safe(cli, slice_of(error)));
        else if (out.len && fwrite(out.data, 1, out.len, stdout) != out.len)
                status = CLI_ERROR;
        buffer_fini(&out);
        return status;
}

static int template_with(struct cli *cli, const char *path, const char *partials,
                         struct template_rendering *rendering)
{
        struct file_faults faults = {0};
        struct partial_files files = {.cli = cli,
                                      .directory = partials,
                                      .html = !name_ends_with(path, ".txt.mustache"),
                                      .faults = &faults};
        rendering->template = file_compile(cli, path, files.html, &faults);
        if (!rendering->template)
                return faults_print(cli, &faults);
        rendering->partials = (struct template_finder){.find = partial_of_file, .context = &files};
        return template_print(cli, rendering, &faults);
}

int command_template(struct cli *cli, int argc, char **argv)
{
        const char *file = NULL, *partials = NULL, *data_argument = "{}", *lenient = NULL;
        const struct cli_flag flags[] = {
                {.name = "--template", .takes_value = true, .value = &file},
                {.name = "--partials", .takes_value = true, .value = &partials},
                {.name = "--data", .takes_value = true, .value = &data_argument},
                {.name = "--lenient", .value = &lenient},
                {0},
        };
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        bool render = cli->word_count == 1 && strcmp(cli->words[0], "render") == 0;
        if (cli->help || !render || !file)
                return cli_usage(cli, cli->help ? NULL : "template render needs a --template");
        struct slice data;
        char error[JSON_CAUSE_MAX];
        if (!cli_data(cli, data_argument, TEMPLATE_DATA_MAX, &data))
                return CLI_ERROR;
        json_t *value = json_parse(data, error);
        if (!value)
                return cli_fail(cli, CLI_ERROR, "--data: %s", error);
        struct template_scope scope = {.value = value};
        struct template_rendering rendering = {.scope = &scope, .lenient = lenient != NULL};
        int status = template_with(cli, file, partials, &rendering);
        json_decref(value);
        return status;
}
