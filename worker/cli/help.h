#ifndef LEVERET_CLI_HELP_H
#define LEVERET_CLI_HELP_H

#include "cli/cli.h"

/*
 * The texts of --help, which leveret(1) is made of too. A page consists of paragraphs, of items ("  --rate N
 * at most N a second": two spaces, the word, at least two spaces, its meaning, continued by deeper lines) and
 * of an example ("Example: leveret ...", continued by indented lines).
 */

/* The page of a command: what it does, its options, an example. NULL if it has none. */
const char *help_page(const char *command);

extern const char help_about[];   /* what this program is */
extern const char help_options[]; /* items: what every command takes */
extern const char help_exits[];   /* items: the exit statuses */

/* Adds the manual page leveret(1), in man(7). */
void help_manual(const struct cli_command *commands, struct buffer *out);

#endif
