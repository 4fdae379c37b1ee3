#ifndef LEVERET_CLI_TYPE_H
#define LEVERET_CLI_TYPE_H

#include "cli/cli.h"

/* The verbs of `leveret type` that have a file of their own. */

struct type_preview {
        const char *locale; /* NULL: the one that the payload asks for */
        const char *data;   /* NULL: the example */
        const char *to;     /* a directory */
};

/* All that is wrong with the types in a directory, or in those of the configuration if it is NULL. */
int type_check(struct cli *cli, const char *directory);
/* The mails of a payload as files: headers, text and html. */
int type_preview(struct cli *cli, const struct handler *handler, const struct type_preview *preview);

#endif
