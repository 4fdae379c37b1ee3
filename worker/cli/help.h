#ifndef LEVERET_CLI_HELP_H
#define LEVERET_CLI_HELP_H

/* The page of a command: what it does, its options, an example. NULL if it has none. */
const char *help_page(const char *command);

#endif
