#include "cli/dlq/dlq_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Brings back what drop has saved: each line of the file becomes a dead letter again, with its dead id. */

/* The longest line: a body of 16 MiB, escaped. */
enum { LINE_MAX_BYTES = 128 << 20 };

static int restore_file(struct dlq *dlq, FILE *file, const char *name)
{
        char *line = NULL;
        size_t room = 0;
        int64_t restored = 0, number = 0;
        const char *problem = NULL, *to = command_of(dlq)->to ? dlq->target : NULL;
        ssize_t len;
        while (!problem && !dlq_interrupted() && (len = getline(&line, &room, file)) > 0) {
                number++;
                while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
                        len--;
                if (len == 0)
                        continue;
                problem =
                        len > LINE_MAX_BYTES
                                ? "the line is too long"
                                : dlq_restore_line(dlq, (struct slice){.data = line, .len = (size_t)len}, to);
                restored += !problem;
        }
        free(line);
        fprintf(stderr, "restored %" PRId64 "\n", restored);
        if (problem)
                return dlq_fail(dlq, CLI_ERROR,
                                "%s:%" PRId64 ": %s; the lines before it are back, go on from here", name,
                                number, problem[0] ? problem : "not restored");
        return dlq_interrupted() || ferror(file) ? CLI_ERROR : CLI_OK;
}

int dlq_restore(struct dlq *dlq)
{
        const char *name = command_of(dlq)->cli->words[1];
        if (dlq->id_count > 0)
                return cli_usage(command_of(dlq)->cli, "restore takes a file and nothing else");
        FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
        if (!file)
                return dlq_fail(dlq, CLI_ERROR, "%s: %s", name, strerror(errno));
        dlq_catch_interrupt();
        int status = restore_file(dlq, file, name);
        if (file != stdin)
                fclose(file);
        return status;
}
