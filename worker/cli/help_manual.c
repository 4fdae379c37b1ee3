#include "cli/help.h"
#include "core/text/roff.h"

#include <string.h>

/* leveret(1), from the pages of --help. */

static const char *manual_line_end(const char *line)
{
        return line + strcspn(line, "\n");
}

/* "  --rate N   at most N a second": a tag and what hangs behind it. */
static void add_item(const char *line, const char *end, struct buffer *out)
{
        const char *tag = line + 2, *gap = strstr(tag, "  ");
        const char *tag_end = gap && gap < end ? gap : end, *meaning = tag_end;
        while (meaning < end && *meaning == ' ')
                meaning++;
        roff_add_tag(out, tag, (size_t)(tag_end - tag));
        roff_add(out, meaning, (size_t)(end - meaning));
        buffer_add_char(out, '\n');
}

/* As it stands: until an empty line. Returns where it ends. */
static const char *add_example(const char *line, struct buffer *out)
{
        size_t skip = strlen("Example: ");
        buffer_add_text(out, ".PP\nExample:\n.PP\n.RS 4\n.EX\n");
        while (*line && *line != '\n') {
                const char *end = manual_line_end(line);
                roff_add(out, line + skip, (size_t)(end - line) - skip);
                buffer_add_char(out, '\n');
                line = end + (*end == '\n');
        }
        buffer_add_text(out, ".EE\n.RE\n");
        return line;
}

static void manual_add_page(const char *line, struct buffer *out)
{
        bool fresh = false; /* a paragraph is to begin */
        while (*line) {
                const char *end = manual_line_end(line), *text = line + strspn(line, " ");
                if (strncmp(line, "Example: ", strlen("Example: ")) == 0) {
                        line = add_example(line, out);
                        continue;
                }
                if (text == end) {
                        fresh = true;
                } else if (text - line == 2) {
                        add_item(line, end, out);
                        fresh = false;
                } else {
                        buffer_add_text(out, fresh ? ".PP\n" : "");
                        roff_add(out, text, (size_t)(end - text));
                        buffer_add_char(out, '\n');
                        fresh = false;
                }
                line = end + (*end == '\n');
        }
}

static void add_command(const struct cli_command *command, struct buffer *out)
{
        const char *page = help_page(command->name);
        buffer_printf(out, ".SS %s\n.EX\n", command->name);
        roff_add_text(out, command->usage);
        buffer_add_text(out, ".EE\n.PP\n");
        manual_add_page(page ? page : command->summary, out);
}

static const char files[] = "  /etc/leveret/leveret.yaml   the configuration, see leveret.yaml(5)\n";
static const char environment[] = "  LEVERET_CONFIG              the configuration, unless -c names it\n"
                                  "  LEVERET_AMQP_URL            as any setting of leveret.yaml(5) in "
                                  "capitals, dots as underscores; stronger than\n"
                                  "                              the file\n"
                                  "  LEVERET_AMQP_URL_FILE       as any secret: the file to read it from\n"
                                  "  EDITOR                      for dlq redrive --edit\n";
static const char examples[] = "What died, why, what a redrive would do, and the redrive:\n";
static const char night[] = "leveret dlq groups leveret.work\n"
                            "leveret dlq show leveret.work order-42\n"
                            "leveret dlq redrive leveret.work --reason permanent_failure --dry-run\n"
                            "leveret dlq redrive leveret.work --reason permanent_failure\n";

void help_manual(const struct cli_command *commands, struct buffer *out)
{
        roff_add_title(out, "LEVERET", "1");
        roff_add_section(out, "NAME");
        buffer_add_text(out, "leveret \\- RabbitMQ messages become mails, each once, none lost\n");
        roff_add_section(out, "SYNOPSIS");
        buffer_add_text(
                out, ".B leveret\nCOMMAND [\\-c FILE] [\\-\\-set a.b=c] [\\-o table|json] [\\-\\-yes] ...\n");
        roff_add_section(out, "DESCRIPTION");
        roff_add_text(out, help_about);
        roff_add_section(out, "OPTIONS");
        manual_add_page(help_options, out);
        roff_add_section(out, "COMMANDS");
        for (const struct cli_command *command = commands; command->name; command++)
                add_command(command, out);
        roff_add_section(out, "EXIT STATUS");
        manual_add_page(help_exits, out);
        roff_add_section(out, "ENVIRONMENT");
        manual_add_page(environment, out);
        roff_add_section(out, "FILES");
        manual_add_page(files, out);
        roff_add_section(out, "EXAMPLES");
        roff_add_text(out, examples);
        buffer_add_text(out, ".PP\n.RS 4\n.EX\n");
        roff_add_text(out, night);
        buffer_add_text(out, ".EE\n.RE\n");
        roff_add_section(out, "SEE ALSO");
        buffer_add_text(out, ".BR leveret.yaml (5)\n");
}
