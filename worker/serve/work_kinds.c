#include "serve/work_kinds.h"

#include "core/record/keys.h"

#include <inttypes.h>
#include <string.h>

static int missed(struct work *work, int status)
{
        const struct operation *operation = &work->operation;
        int64_t left = operation->total - operation->done - operation->expired;
        if (status != DLQ_OK || left <= 0 || atomic_load(&work->stop))
                return status;
        return dlq_fail(&work->dlq, DLQ_ERROR,
                        "%" PRId64
                        " of the letters were not met in the queue; leveret dlq sync %s makes index and "
                        "queue agree",
                        left, work->dlq.queue);
}

int work_redrive(struct work *work)
{
        struct dlq *dlq = &work->dlq;
        struct operation *operation = &work->operation;
        struct dlq_redriven redriven = {.rate = work->rate};
        if (operation->total == 0)
                return DLQ_OK;
        int status = dlq_redrive_run(dlq, &redriven);
        operation->done = redriven.moved;
        operation->expired = redriven.late;
        if (redriven.total > 0)
                operation->total = redriven.total;
        if (redriven.error[0])
                return dlq_fail(dlq, DLQ_ERROR, "the broker did not take a copy: %s", redriven.error);
        if (redriven.unusable > 0)
                return dlq_fail(dlq, DLQ_ERROR, "%" PRId64 " stay: no copy of them can be made",
                                redriven.unusable);
        return missed(work, status);
}

/* ---- drop: what goes is kept in Redis ---- */

static const char *dropped_key(struct work *work, const char *id)
{
        return record_key(&work->arena, work->dlq.query.config->redis.prefix, KEY_DROPPED, id);
}

static bool work_open_backup(struct dlq_backup *backup, struct dlq *dlq)
{
        (void)backup;
        (void)dlq;
        return true;
}

struct kept {
        struct work *work;
        size_t bytes;
};

static bool push_lines(struct dlq *dlq, const char *key, struct slice lines, int64_t *count)
{
        struct arena arena;
        arena_init(&arena);
        bool ok = true;
        while (ok && lines.len > 0) {
                const char *end = memchr(lines.data, '\n', lines.len);
                size_t len = end ? (size_t)(end - lines.data) : lines.len;
                struct slice push[] = {
                        SLICE_LITERAL("RPUSH"), slice_of(key), {.data = lines.data, .len = len}};
                ok = redis_sync_run(dlq->query.redis, &arena, push, 3)->kind == REDIS_INTEGER;
                *count += ok;
                len += end != NULL;
                lines = (struct slice){.data = lines.data + len, .len = lines.len - len};
        }
        redis_sync_call(dlq->query.redis, &arena, "PEXPIRE", key,
                        arena_printf(&arena, "%d", RECORD_OPERATION_TTL_MS), NULL);
        arena_fini(&arena);
        return ok;
}

static bool work_keep_lines(struct dlq_backup *backup, struct dlq *dlq, struct slice lines)
{
        struct kept *kept = backup->context;
        struct work *work = kept->work;
        kept->bytes += lines.len;
        if (kept->bytes > RECORD_DROPPED_BYTES_MAX) {
                dlq_fail(dlq, DLQ_ERROR,
                         "so much is not kept for one operation (%d MiB); the rest is as it was: drop it by "
                         "another, or "
                         "into a file by leveret dlq drop",
                         RECORD_DROPPED_BYTES_MAX >> 20);
                return false;
        }
        if (push_lines(dlq, dropped_key(work, work->operation.id), lines, &work->operation.kept))
                return true;
        dlq_fail(dlq, DLQ_ERROR, "Redis did not take the letters that were to be dropped");
        return false;
}

int work_drop(struct work *work)
{
        struct kept kept = {.work = work};
        struct dlq_backup backup = {.open = work_open_backup, .keep = work_keep_lines, .context = &kept};
        if (work->operation.total == 0)
                return DLQ_OK;
        int status = dlq_drop_run(&work->dlq, "drop", &backup);
        work->operation.done = backup.dropped;
        if (backup.total > 0)
                work->operation.total = backup.total;
        return missed(work, status);
}

/* ---- edit ---- */

int work_edit(struct work *work)
{
        struct dlq *dlq = &work->dlq;
        struct dlq_walk walk;
        struct dlq_mending mending = {.walk = &walk};
        struct copy_edit edit = work->edit;
        for (size_t i = 0; i < dlq->count; i++)
                if (dlq->entries[i].wanted)
                        mending.entry = &dlq->entries[i];
        int status = dlq_walk_open(&walk, dlq, "edit");
        if (status != DLQ_OK)
                return status;
        mending.message = dlq_walk_find(&walk, &mending.tag);
        if (mending.message && !edit.body.data)
                edit.body = dlq_readable_body(dlq, mending.message);
        status = mending.message ? DLQ_OK : DLQ_NOT_FOUND;
        if (status == DLQ_OK && !edit.body.data) {
                dlq_walk_hold(&walk, mending.tag);
                status = dlq_fail(dlq, DLQ_ERROR, "its body cannot be unpacked: give a new one");
        }
        if (status == DLQ_OK)
                status = dlq_fresh_send(&mending, &edit);
        int closed = dlq_walk_close(&walk);
        work->operation.done = status == DLQ_OK;
        work->operation.new_id = mending.fresh ? mending.fresh : "";
        return status == DLQ_OK ? closed : status;
}

/* ---- restore ---- */

/* The letter that was dropped first; absent: no more. It is taken away once it is back. */
static int restore_next(struct work *work, const char *key, bool *more)
{
        struct dlq *dlq = &work->dlq;
        struct arena arena;
        arena_init(&arena);
        const struct redis_value *line = redis_sync_call(dlq->query.redis, &arena, "LINDEX", key, "0", NULL);
        int status = line->kind == REDIS_FAILED ? dlq_fail(dlq, DLQ_ERROR, "Redis did not answer") : DLQ_OK;
        *more = line->kind == REDIS_TEXT;
        if (*more) {
                const char *problem = dlq_restore_line(dlq, line->text, NULL);
                if (problem && problem[0])
                        dlq_fail(dlq, DLQ_ERROR, "%s", problem);
                status = problem ? DLQ_ERROR : DLQ_OK;
        }
        if (*more && status == DLQ_OK)
                redis_sync_call(dlq->query.redis, &arena, "LPOP", key, NULL);
        arena_fini(&arena);
        return status;
}

int work_restore(struct work *work)
{
        const char *key = dropped_key(work, work->source);
        int status = DLQ_OK;
        bool more = true;
        while (status == DLQ_OK && more && !atomic_load(&work->stop)) {
                status = restore_next(work, key, &more);
                work->operation.done += status == DLQ_OK && more;
                atomic_store(&work->done, work->operation.done);
        }
        return status;
}
