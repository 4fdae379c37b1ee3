#include "cli/dlq/dlq_command.h"
#include "core/text/word.h"
#include "io/machine/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is dropped goes into a file, line by line, on the disk before the letter is gone. */
struct backup_file {
        const char *name; /* NULL: none is needed, or nothing came into it */
        int fd;
        bool written;
};

static bool write_lines(struct backup_file *file, struct slice lines)
{
        for (size_t at = 0; at < lines.len;) {
                ssize_t done = write(file->fd, lines.data + at, lines.len - at);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return false;
                at += (size_t)done;
                file->written = true;
        }
        return fdatasync(file->fd) == 0;
}

static bool drop_keep_lines(struct dlq_backup *backup, struct dlq *dlq, struct slice lines)
{
        struct backup_file *file = backup->context;
        if (write_lines(file, lines))
                return true;
        cli_fail(command_of(dlq)->cli, CLI_ERROR, "%s: %s", file->name, strerror(errno));
        return false;
}

static bool drop_open_backup(struct dlq_backup *backup, struct dlq *dlq)
{
        struct cli *cli = command_of(dlq)->cli;
        struct backup_file *file = backup->context;
        time_t now = (time_t)(clock_wall_ms() / 1000);
        struct tm tm;
        char stamp[32];
        gmtime_r(&now, &tm);
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
        char *own_name = arena_printf(&cli->arena, "%.200s-%s-%d.jsonl", dlq->source, stamp, (int)getpid());
        for (char *slash = own_name; (slash = strchr(slash, '/'));)
                *slash = '_';
        file->name = command_of(dlq)->backup ? command_of(dlq)->backup : own_name;
        file->fd = open(file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file->fd < 0)
                cli_fail(cli, CLI_ERROR, "the backup %s: %s; nothing was dropped", file->name,
                         strerror(errno));
        return file->fd >= 0;
}

static void close_backup(struct backup_file *file)
{
        if (file->fd >= 0)
                close(file->fd);
        if (file->fd >= 0 && !file->written) {
                unlink(file->name);
                file->name = NULL;
        }
}

static void dlq_drop_print_json(const struct dlq *dlq, const struct dlq_backup *backup)
{
        const struct backup_file *file = backup->context;
        struct buffer out = {0};
        buffer_add_text(&out, "{\"queue\":");
        buffer_add_json_string(&out, slice_of(dlq->source));
        buffer_printf(&out, ",\"dropped\":%" PRId64 ",\"of\":%" PRId64 ",\"backup\":", backup->dropped,
                      backup->total);
        if (file->name)
                buffer_add_json_string(&out, slice_of(file->name));
        else
                buffer_add_text(&out, "null");
        buffer_add_char(&out, '}');
        cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static int dlq_drop_report(struct dlq *dlq, const struct dlq_backup *backup, int status)
{
        struct cli *cli = command_of(dlq)->cli;
        const struct backup_file *file = backup->context;
        if (cli->output == CLI_JSON)
                dlq_drop_print_json(dlq, backup);
        fprintf(stderr, "dropped %" PRId64 " of %" PRId64 "%s%s\n", backup->dropped, backup->total,
                text_if(file->name, "; they are kept in "), text_or(file->name, ""));
        if (dlq_interrupted())
                return cli_fail(cli, CLI_ERROR, "stopped by Ctrl-C; the rest is as it was");
        if (status == CLI_OK && !backup->failed && backup->dropped < backup->total)
                return cli_fail(cli, CLI_ERROR,
                                "the others were not met in the queue; see leveret dlq sync %s", dlq->queue);
        return backup->failed || backup->dropped < backup->total ? CLI_ERROR : status;
}

static int dlq_drop_work(struct dlq *dlq, const char *verb)
{
        struct backup_file file = {.fd = -1};
        struct dlq_backup backup = {.open = drop_open_backup, .keep = drop_keep_lines, .context = &file};
        progress_begin(&command_of(dlq)->progress, "dropped", 0);
        int status = dlq_drop_run(dlq, verb, &backup);
        progress_end(&command_of(dlq)->progress, backup.dropped);
        bool unopened = backup.failed && file.fd < 0;
        close_backup(&file);
        if (unopened || (status != CLI_OK && backup.total == 0))
                return unopened ? CLI_ERROR : status;
        return dlq_drop_report(dlq, &backup, status);
}

/* --yes, or the queue's name typed on a terminal. */
static int confirm(struct dlq *dlq, const char *verb)
{
        char answer[300];
        int64_t count = dlq_index_goal(dlq);
        if (command_of(dlq)->cli->yes)
                return CLI_OK;
        if (!isatty(STDIN_FILENO))
                return dlq_fail(dlq, CLI_REFUSED, "%s destroys messages: without a terminal it needs --yes",
                                verb);
        int status = dlq->wanted > 0 ? CLI_OK : dlq_count(dlq, &count);
        if (status != CLI_OK)
                return status;
        if (dlq->wanted == 0 && (dlq->limit_count == 0 || dlq->limit_count > count))
                dlq->limit_count = count; /* what comes while the question stands is not dropped */
        else if (dlq->wanted == 0)
                count = dlq->limit_count;
        fprintf(stderr, "This drops %" PRId64 " messages of %s. Type %s to go on: ", count, dlq->source,
                dlq->queue);
        if (!fgets(answer, sizeof(answer), stdin))
                answer[0] = '\0';
        answer[strcspn(answer, "\n")] = '\0';
        if (strcmp(answer, dlq->queue) == 0 || strcmp(answer, dlq->source) == 0)
                return CLI_OK;
        return dlq_fail(dlq, CLI_REFUSED, "that is not its name; nothing was dropped");
}

static int drop_run(struct dlq *dlq, const char *verb)
{
        if (command_of(dlq)->dry_run)
                return dlq_dry_run(dlq, "drop");
        int status = confirm(dlq, verb);
        if (status != CLI_OK)
                return status;
        return dlq_drop_work(dlq, verb);
}

int dlq_drop(struct dlq *dlq)
{
        bool chosen = dlq->id_count > 0 || dlq_has_filter(dlq);
        if (!chosen && !dlq->all)
                return cli_usage(command_of(dlq)->cli, DLQ_CHOOSE);
        int status = chosen ? dlq_index_choose(dlq) : CLI_OK;
        return status == CLI_OK ? drop_run(dlq, "drop") : status;
}

int dlq_purge(struct dlq *dlq)
{
        if (dlq->id_count > 0 || dlq_has_filter(dlq))
                return cli_usage(command_of(dlq)->cli,
                                 "purge takes the whole queue; for some of it: leveret dlq drop");
        dlq->all = true;
        return drop_run(dlq, "purge");
}
