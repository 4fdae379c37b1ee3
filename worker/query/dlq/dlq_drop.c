#include "core/memory/memory.h"
#include "query/dlq/dlq.h"

#include <stdio.h>
#include <stdlib.h>

/* Takes dead letters away for good: a portion goes into the backup, is acked, then forgotten. */

/* Messages, and bytes of their lines above which no more come into it. */
enum { PORTION = 200, PORTION_BYTES = 16 << 20 };

struct dropped {
        uint64_t tag;
        struct dlq_death death;
};

struct drop {
        struct dlq *dlq;
        struct dlq_walk walk;
        struct dlq_backup *backup;
        struct buffer lines;
        struct dropped portion[PORTION];
        size_t portion_count;
};

static void dlq_drop_forget(struct drop *drop, const struct dropped *dropped, size_t count)
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
        struct slice lines = {.data = drop->lines.data, .len = drop->lines.len};
        if (!drop->backup->keep(drop->backup, drop->dlq, lines)) {
                drop->backup->failed = true;
                for (size_t i = 0; i < count; i++)
                        dlq_walk_hold(&drop->walk, drop->portion[i].tag);
                return;
        }
        buffer_recycle(&drop->lines, PORTION_BYTES);
        while (acked < count && dlq_walk_ack(&drop->walk, drop->portion[acked].tag))
                acked++;
        dlq_drop_forget(drop, drop->portion, acked);
        drop->backup->dropped += (int64_t)acked;
        if (drop->dlq->moved)
                drop->dlq->moved(drop->dlq, drop->backup->dropped, drop->backup->total);
}

static void drop_consider(struct drop *drop, const struct amqp_delivery *taken)
{
        struct letter letter;
        letter_read(taken->arena, drop->dlq, taken->message, &letter);
        const struct letter_entry *entry = dlq_index_meet(drop->dlq, letter.dead_id);
        if (!dlq_index_is_chosen(drop->dlq, entry)) {
                dlq_walk_hold(&drop->walk, taken->tag);
                arena_free(taken->arena);
                return;
        }
        struct dropped *dropped = &drop->portion[drop->portion_count++];
        dropped->tag = taken->tag;
        dlq_death_read(taken->arena, drop->dlq, taken->message, &letter, &dropped->death);
        letter_json(&drop->lines, &letter, taken->message);
        buffer_add_char(&drop->lines, '\n');
        arena_free(taken->arena);
        if (drop->portion_count == PORTION || drop->lines.len >= PORTION_BYTES)
                finish_portion(drop);
}

static int work(struct drop *drop, const char *verb)
{
        struct amqp_delivery taken;
        struct dlq_backup *backup = drop->backup;
        int status = dlq_walk_open(&drop->walk, drop->dlq, verb);
        if (status != DLQ_OK)
                return status;
        backup->total = drop->dlq->wanted > 0 ? dlq_index_goal(drop->dlq) : drop->walk.bound;
        backup->failed = drop->walk.bound > 0 && !backup->open(backup, drop->dlq);
        while (!backup->failed && dlq_walk_next(&drop->walk, DLQ_PATIENCE_MS, &taken) == PULL_MESSAGE)
                drop_consider(drop, &taken);
        finish_portion(drop);
        return dlq_walk_close(&drop->walk);
}

int dlq_drop_run(struct dlq *dlq, const char *verb, struct dlq_backup *backup)
{
        struct drop *drop = memory_zeroed(1, sizeof(*drop));
        drop->dlq = dlq;
        drop->backup = backup;
        int status = work(drop, verb);
        buffer_fini(&drop->lines);
        free(drop);
        return status;
}
