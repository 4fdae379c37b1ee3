#include "cli/dlq/dlq_command.h"
#include "core/message/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One message in the operator's editor: id, type, headers and body. */

extern char **environ;

static struct letter_entry *the_only_one(struct dlq *dlq)
{
        for (size_t i = 0; dlq->wanted == 1 && i < dlq->count; i++)
                if (dlq->entries[i].wanted)
                        return &dlq->entries[i];
        return NULL;
}

static bool write_all(int fd, struct slice text)
{
        while (text.len > 0) {
                ssize_t done = write(fd, text.data, text.len);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return false;
                text.data += done;
                text.len -= (size_t)done;
        }
        return true;
}

static bool run_editor(char *file)
{
        char shell[] = "sh", flag[] = "-c", script[] = "exec ${VISUAL:-${EDITOR:-vi}} \"$0\"";
        char *words[] = {shell, flag, script, file, NULL};
        pid_t pid;
        int status;
        if (posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ) != 0)
                return false;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return false;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Lets the operator edit `text` in a file that only they can read. */
static int edit_text(struct dlq *dlq, struct slice text, char *file, struct slice *edited)
{
        const char *directory = getenv("TMPDIR");
        snprintf(file, 300, "%.200s/leveret-edit-XXXXXX", directory ? directory : "/tmp");
        int fd = mkstemp(file);
        bool ok = fd >= 0 && write_all(fd, text);
        if (fd >= 0)
                close(fd);
        if (!ok)
                return cli_fail(command_of(dlq)->cli, CLI_ERROR, "%s: %s", file, strerror(errno));
        if (!run_editor(file))
                return cli_fail(command_of(dlq)->cli, CLI_ERROR,
                                "the editor failed; nothing was sent, your text is in %s", file);
        const char *argument = arena_printf(dlq->query.arena, "@%s", file);
        return cli_data(command_of(dlq)->cli, argument, (size_t)dlq->query.config->max_body, edited)
                       ? CLI_OK
                       : CLI_ERROR;
}

/* The queue is not held while the editor is open: the message is taken, given back, and taken again. */
static int take_text(struct dlq *dlq, const struct letter_entry *entry, struct message **taken,
                     struct slice *text)
{
        struct dlq_walk walk;
        uint64_t tag;
        int status = dlq_walk_open(&walk, dlq, "edit");
        if (status != CLI_OK)
                return status;
        struct message *message = dlq_walk_find(&walk, &tag);
        if (message)
                dlq_walk_hold(&walk, tag);
        status = dlq_walk_close(&walk);
        if (!message)
                return status == CLI_OK ? CLI_NOT_FOUND : status;
        struct slice body = dlq_readable_body(dlq, message);
        if (status == CLI_OK && !body.data)
                status = cli_fail(command_of(dlq)->cli, CLI_ERROR,
                                  "the body cannot be unpacked for an editor");
        const char *id = status == CLI_OK ? dlq_fresh_id(dlq, entry) : NULL;
        if (status == CLI_OK && !id)
                return CLI_ERROR;
        if (status == CLI_OK)
                *text = dlq_edit_write(dlq->query.arena, message, id, body);
        *taken = message;
        return status;
}

int dlq_send_mended(struct dlq_mending *mending, const struct copy_edit *edit)
{
        struct cli *cli = command_of(mending->walk->dlq)->cli;
        int status = dlq_fresh_send(mending, edit);
        if (status == DLQ_OK)
                cli_print(cli->output == CLI_JSON
                                  ? slice_of(arena_printf(&cli->arena, "{\"id\":\"%s\"}", mending->fresh))
                                  : slice_of(mending->fresh));
        return status;
}

static int send_body(struct dlq *dlq, const struct letter_entry *entry, const struct copy_edit *edit)
{
        struct dlq_walk walk;
        struct dlq_mending mending = {.walk = &walk, .entry = entry};
        int status = dlq_walk_open(&walk, dlq, "edit");
        if (status != CLI_OK)
                return status;
        mending.message = dlq_walk_find(&walk, &mending.tag);
        status = mending.message ? dlq_send_mended(&mending, edit) : CLI_NOT_FOUND;
        int closed = dlq_walk_close(&walk);
        return status != CLI_OK ? status : closed;
}

int dlq_edit(struct dlq *dlq)
{
        const struct letter_entry *entry = the_only_one(dlq);
        char file[300];
        struct slice text, edited;
        struct message *message = NULL;
        struct copy_edit edit = {0};
        if (!entry)
                return cli_usage(command_of(dlq)->cli, "--edit takes exactly one dead letter");
        int status = take_text(dlq, entry, &message, &text);
        if (status == CLI_OK)
                status = edit_text(dlq, text, file, &edited);
        if (status != CLI_OK)
                return status;
        if (slice_equal(text, edited)) {
                unlink(file);
                fprintf(stderr, "unchanged; nothing was sent\n");
                return CLI_OK;
        }
        const char *problem = dlq_edit_read(dlq->query.arena, message, edited, &edit);
        status = problem ? cli_fail(command_of(dlq)->cli, CLI_ERROR, "%s; nothing was sent", problem)
                         : send_body(dlq, entry, &edit);
        if (status == CLI_OK)
                unlink(file);
        else
                fprintf(stderr, "your text is kept in %s\n", file);
        return status;
}
