#include "cli/cli.h"
#include "core/codec/rfc3339.h"
#include "core/text/display.h"
#include "io/machine/clock.h"

#include <stdio.h>
#include <string.h>

/* How times and states look to people. */

const char *cli_time(struct cli *cli, int64_t ms)
{
        if (ms <= 0)
                return "-";
        char text[RFC3339_SIZE];
        rfc3339_format(ms, text);
        return arena_strdup(&cli->arena, text);
}

/* SGR of ECMA-48 for each word that deserves attention. */
static const struct {
        const char *word, *code;
} colours[] = {
        {"title", "1"},     {"completed", "32"}, {"open", "32"},      {"dead", "31"},   {"missing", "31"},
        {"stuck", "31"},    {"retrying", "33"},  {"paused", "33"},    {"down", "31"},   {"running", "36"},
        {"cancelled", "2"}, {"dropped", "2"},    {"scheduled", "36"}, {"queued", "36"},
};

const char *cli_coloured(struct cli *cli, const char *word, const char *text)
{
        for (size_t i = 0; cli->colour && i < CLI_COUNT(colours); i++)
                if (strcmp(colours[i].word, word) == 0)
                        return arena_printf(&cli->arena, "\x1b[%sm%s\x1b[0m", colours[i].code, text);
        return text;
}

const char *cli_when(struct cli *cli, int64_t ms)
{
        if (ms <= 0 || cli->output == CLI_JSON || cli->width == 0 || cli->wide)
                return cli_time(cli, ms);
        struct buffer out = {0};
        int64_t ago_ms = clock_wall_ms() - ms;
        buffer_add_text(&out, ago_ms < 0 ? "in " : "");
        display_age(&out, ago_ms < 0 ? -ago_ms : ago_ms);
        const char *age = arena_strdup(&cli->arena, out.data);
        buffer_fini(&out);
        return age;
}

void cli_tell_more(const struct cli *cli, size_t shown, size_t all, const char *remedy)
{
        if (shown < all)
                fprintf(stderr, "leveret %s: the first %zu of %zu; %s\n", cli->command, shown, all, remedy);
}
