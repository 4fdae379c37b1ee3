#include "cli/dlq.h"
#include "cli/progress.h"
#include "core/memory.h"
#include "io/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Takes dead letters away for good: a portion is written to the backup and synced to disk, then acked, then
 * forgotten. */

enum { PORTION = 200 };

struct dropped {
        uint64_t tag;
        struct dlq_death death;
};

struct drop {
        struct dlq *dlq;
        struct dlq_walk walk;
        struct progress progress;
        const char *file;
        int fd;
        struct buffer lines;
        struct dropped portion[PORTION];
        size_t portion_count;
        int64_t dropped, total;
        bool disk_failed;
};

static bool write_lines(struct drop *drop)
{
        for (size_t at = 0; at < drop->lines.len;) {
                ssize_t done = write(drop->fd, drop->lines.data + at, drop->lines.len - at);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return false;
                at += (size_t)done;
        }
        return fdatasync(drop->fd) == 0;
}

static void forget(struct drop *drop, const struct dropped *dropped, size_t count)
{
        const char *ids[PORTION] = {0};
        for (size_t i = 0; i < count; i++)
                ids[i] = dropped[i].death.dead_id;
        dlq_index_remove(drop->dlq, ids, count);
        for (size_t i = 0; i < count; i++) {
                char note[100];
                snprintf(note, sizeof(note), "\"event\":\"dropped\",\"dead_id\":\"%s\"",
                         dropped[i].death.dead_id);
                dlq_note_dropped(drop->dlq, &dropped[i].death, note);
        }
}

static void finish_portion(struct drop *drop)
{
        size_t count = drop->portion_count, acked = 0;
        drop->portion_count = 0;
        if (count == 0)
                return;
        if (!write_lines(drop)) {
                cli_fail(drop->dlq->cli, CLI_ERROR, "%s: %s", drop->file, strerror(errno));
                drop->disk_failed = true;
                for (size_t i = 0; i < count; i++)
                        dlq_walk_hold(&drop->walk, drop->portion[i].tag);
                return;
        }
        buffer_clear(&drop->lines);
        while (acked < count && dlq_walk_ack(&drop->walk, drop->portion[acked].tag))
                acked++;
        forget(drop, drop->portion, acked);
        drop->dropped += (int64_t)acked;
        progress_show(&drop->progress, drop->dropped);
}

static void consider(struct drop *drop, struct arena *arena, const struct message *message, uint64_t tag)
{
        struct letter letter;
        letter_read(arena, drop->dlq, message, &letter);
        const struct dlq_entry *entry = dlq_index_meet(drop->dlq, letter.dead_id);
        if (!dlq_index_is_chosen(drop->dlq, entry)) {
                dlq_walk_hold(&drop->walk, tag);
                message_free(arena);
                return;
        }
        struct dropped *dropped = &drop->portion[drop->portion_count++];
        dropped->tag = tag;
        dlq_death_read(arena, drop->dlq, message, &letter, &dropped->death);
        letter_json(&drop->lines, &letter, message);
        buffer_add_char(&drop->lines, '\n');
        message_free(arena);
        if (drop->portion_count == PORTION)
                finish_portion(drop);
}

static bool open_backup(struct drop *drop)
{
        struct cli *cli = drop->dlq->cli;
        time_t now = (time_t)(clock_wall_ms() / 1000);
        struct tm tm;
        char stamp[32];
        gmtime_r(&now, &tm);
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
        drop->file = drop->dlq->backup ? drop->dlq->backup
                                       : arena_printf(&cli->arena, "%s-%s-%d.jsonl", drop->dlq->source, stamp,
                                                      (int)getpid());
        drop->fd = open(drop->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (drop->fd < 0)
                cli_fail(cli, CLI_ERROR, "the backup %s: %s; nothing was dropped", drop->file,
                         strerror(errno));
        return drop->fd >= 0;
}

static int report(struct drop *drop, int status)
{
        struct cli *cli = drop->dlq->cli;
        if (cli->output == CLI_JSON)
                cli_print(slice_of(arena_printf(&cli->arena,
                                                "{\"queue\":\"%s\",\"dropped\":%" PRId64 ",\"of\":%" PRId64
                                                ",\"backup\":\"%s\"}",
                                                drop->dlq->source, drop->dropped, drop->total, drop->file)));
        fprintf(stderr, "dropped %" PRId64 " of %" PRId64 "; they are kept in %s\n", drop->dropped,
                drop->total, drop->file);
        if (dlq_interrupted())
                return cli_fail(cli, CLI_ERROR, "stopped by Ctrl-C; the rest is as it was");
        return drop->disk_failed || drop->dropped < drop->total ? CLI_ERROR : status;
}

static int work(struct drop *drop, const char *verb)
{
        struct arena *arena;
        struct message *message;
        uint64_t tag;
        int status = dlq_walk_open(&drop->walk, drop->dlq, verb);
        if (status != CLI_OK)
                return status;
        drop->total = drop->dlq->wanted > 0 ? dlq_index_goal(drop->dlq) : drop->walk.bound;
        progress_begin(&drop->progress, "dropped", drop->total);
        if (open_backup(drop)) {
                while (!drop->disk_failed &&
                       dlq_walk_next(&drop->walk, DLQ_PATIENCE_MS, &arena, &message, &tag) == PULL_MESSAGE)
                        consider(drop, arena, message, tag);
                finish_portion(drop);
                progress_end(&drop->progress, drop->dropped);
                close(drop->fd);
        } else {
                drop->disk_failed = true;
        }
        status = dlq_walk_close(&drop->walk);
        return drop->fd < 0 ? CLI_ERROR : report(drop, status);
}

/* --yes, or the queue's name typed on a terminal. */
static int confirm(struct dlq *dlq, const char *verb, size_t count)
{
        char answer[300];
        if (dlq->cli->yes)
                return CLI_OK;
        if (!isatty(STDIN_FILENO))
                return cli_fail(dlq->cli, CLI_REFUSED,
                                "%s destroys messages: without a terminal it needs --yes", verb);
        fprintf(stderr, "This drops %s of %s. Type %s to go on: ",
                count > 0 ? arena_printf(&dlq->cli->arena, "%zu messages", count) : "all messages",
                dlq->source, dlq->queue);
        if (!fgets(answer, sizeof(answer), stdin))
                answer[0] = '\0';
        answer[strcspn(answer, "\n")] = '\0';
        if (strcmp(answer, dlq->queue) == 0 || strcmp(answer, dlq->source) == 0)
                return CLI_OK;
        return cli_fail(dlq->cli, CLI_REFUSED, "that is not its name; nothing was dropped");
}

static int run(struct dlq *dlq, const char *verb)
{
        if (dlq->dry_run)
                return dlq_dry_run(dlq, "drop");
        int status = confirm(dlq, verb, (size_t)dlq_index_goal(dlq));
        if (status != CLI_OK)
                return status;
        struct drop *drop = memory_zeroed(1, sizeof(*drop));
        drop->dlq = dlq;
        drop->fd = -1;
        status = work(drop, verb);
        buffer_fini(&drop->lines);
        free(drop);
        return status;
}

int dlq_drop(struct dlq *dlq)
{
        bool chosen = dlq->id_count > 0 || dlq_has_filter(dlq);
        if (!chosen && !dlq->all)
                return cli_usage(dlq->cli, "name ids, --reason, --type, --search, or --all");
        int status = chosen ? dlq_index_choose(dlq) : CLI_OK;
        return status == CLI_OK ? run(dlq, "drop") : status;
}

int dlq_purge(struct dlq *dlq)
{
        if (dlq->id_count > 0 || dlq_has_filter(dlq))
                return cli_usage(dlq->cli, "purge takes the whole queue; for some of it: leveret dlq drop");
        dlq->all = "";
        return run(dlq, "purge");
}
