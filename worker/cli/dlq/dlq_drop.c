#include "cli/dlq/dlq.h"
#include "cli/progress.h"
#include "core/memory/memory.h"
#include "io/machine/clock.h"

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

/* Messages, and bytes of their lines above which no more come into it. */
enum { PORTION = 200, PORTION_BYTES = 16 << 20 };

struct dropped {
        uint64_t tag;
        struct dlq_death death;
};

struct drop {
        struct dlq *dlq;
        struct dlq_walk walk;
        struct progress progress;
        const char *file; /* NULL: none is needed, or nothing came into it */
        int fd;
        bool written;
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
                drop->written = true;
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
        buffer_recycle(&drop->lines, PORTION_BYTES);
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
        const struct letter_entry *entry = dlq_index_meet(drop->dlq, letter.dead_id);
        if (!dlq_index_is_chosen(drop->dlq, entry)) {
                dlq_walk_hold(&drop->walk, tag);
                arena_free(arena);
                return;
        }
        struct dropped *dropped = &drop->portion[drop->portion_count++];
        dropped->tag = tag;
        dlq_death_read(arena, drop->dlq, message, &letter, &dropped->death);
        letter_json(&drop->lines, &letter, message);
        buffer_add_char(&drop->lines, '\n');
        arena_free(arena);
        if (drop->portion_count == PORTION || drop->lines.len >= PORTION_BYTES)
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
        char *own_name =
                arena_printf(&cli->arena, "%.200s-%s-%d.jsonl", drop->dlq->source, stamp, (int)getpid());
        for (char *slash = own_name; (slash = strchr(slash, '/'));)
                *slash = '_';
        drop->file = drop->dlq->backup ? drop->dlq->backup : own_name;
        drop->fd = open(drop->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (drop->fd < 0)
                cli_fail(cli, CLI_ERROR, "the backup %s: %s; nothing was dropped", drop->file,
                         strerror(errno));
        return drop->fd >= 0;
}

static void close_backup(struct drop *drop)
{
        if (drop->fd >= 0)
                close(drop->fd);
        if (drop->fd >= 0 && !drop->written) {
                unlink(drop->file);
                drop->file = NULL;
        }
}

static void print_json(const struct drop *drop)
{
        struct buffer out = {0};
        buffer_add_text(&out, "{\"queue\":");
        buffer_add_json_string(&out, slice_of(drop->dlq->source));
        buffer_printf(&out, ",\"dropped\":%" PRId64 ",\"of\":%" PRId64 ",\"backup\":", drop->dropped,
                      drop->total);
        if (drop->file)
                buffer_add_json_string(&out, slice_of(drop->file));
        else
                buffer_add_text(&out, "null");
        buffer_add_char(&out, '}');
        cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static int report(struct drop *drop, int status)
{
        struct cli *cli = drop->dlq->cli;
        if (cli->output == CLI_JSON)
                print_json(drop);
        fprintf(stderr, "dropped %" PRId64 " of %" PRId64 "%s%s\n", drop->dropped, drop->total,
                drop->file ? "; they are kept in " : "", drop->file ? drop->file : "");
        if (dlq_interrupted())
                return cli_fail(cli, CLI_ERROR, "stopped by Ctrl-C; the rest is as it was");
        if (status == CLI_OK && !drop->disk_failed && drop->dropped < drop->total)
                return cli_fail(cli, CLI_ERROR,
                                "the others were not met in the queue; see leveret dlq sync %s",
                                drop->dlq->queue);
        return drop->disk_failed || drop->dropped < drop->total ? CLI_ERROR : status;
}

static int work(struct drop *drop, const char *verb)
{
        struct arena *arena;
        struct message *message;
        uint64_t tag;
        bool unopened = false;
        int status = dlq_walk_open(&drop->walk, drop->dlq, verb);
        if (status != CLI_OK)
                return status;
        drop->total = drop->dlq->wanted > 0 ? dlq_index_goal(drop->dlq) : drop->walk.bound;
        progress_begin(&drop->progress, "dropped", drop->total);
        if (drop->walk.bound == 0 || open_backup(drop)) {
                while (!drop->disk_failed &&
                       dlq_walk_next(&drop->walk, DLQ_PATIENCE_MS, &arena, &message, &tag) == PULL_MESSAGE)
                        consider(drop, arena, message, tag);
                finish_portion(drop);
                progress_end(&drop->progress, drop->dropped);
                close_backup(drop);
        } else {
                unopened = true;
        }
        status = dlq_walk_close(&drop->walk);
        return unopened ? CLI_ERROR : report(drop, status);
}

/* --yes, or the queue's name typed on a terminal. */
static int confirm(struct dlq *dlq, const char *verb)
{
        char answer[300];
        int64_t count = dlq_index_goal(dlq);
        if (dlq->cli->yes)
                return CLI_OK;
        if (!isatty(STDIN_FILENO))
                return cli_fail(dlq->cli, CLI_REFUSED,
                                "%s destroys messages: without a terminal it needs --yes", verb);
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
        return cli_fail(dlq->cli, CLI_REFUSED, "that is not its name; nothing was dropped");
}

static int run(struct dlq *dlq, const char *verb)
{
        if (dlq->dry_run)
                return dlq_dry_run(dlq, "drop");
        int status = confirm(dlq, verb);
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
                return cli_usage(dlq->cli, DLQ_CHOOSE);
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
