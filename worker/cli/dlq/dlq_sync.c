#include "cli/dlq/dlq_command.h"
#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes the index agree with the queue: deaths that the broker caused itself get an entry, entries without a
 * message go. Messages that no worker dead-lettered share one entry, which counts them, if their id, content
 * and reason are the same. */

#define FLUSH_AT 500

struct sync {
        struct dlq *dlq;
        struct dlq_walk walk;
        char (*met)[DEAD_ID_SIZE]; /* of each message */
        size_t met_count, met_capacity;
        int64_t added, removed, identical;
        size_t queued;
        int64_t began_ms;
        bool redis_failed;
};

static void flush(struct sync *sync)
{
        sync->redis_failed |= !redis_sync_flush(sync->dlq->query.redis);
        sync->queued = 0;
}

static void index_letter(struct sync *sync, struct arena *arena, const struct letter *letter,
                         const struct message *message)
{
        /* If nobody knows when it died, at least the order of the queue is kept. */
        int64_t failed_ms = letter->failed_ms >= 0 ? letter->failed_ms
                                                   : sync->began_ms - (sync->walk.bound - sync->walk.looked);
        dlq_index_add(sync->dlq, arena, letter, message, failed_ms);
}

static void sync_consider(struct sync *sync, struct arena *arena, const struct message *message)
{
        struct letter letter;
        letter_read(arena, sync->dlq, message, &letter);
        if (!dlq_index_meet(sync->dlq, letter.dead_id)) {
                index_letter(sync, arena, &letter, message);
                if (++sync->queued == FLUSH_AT)
                        flush(sync);
        }
        if (sync->met_count == sync->met_capacity) {
                sync->met_capacity = sync->met_capacity ? sync->met_capacity * 2 : 256;
                sync->met = memory_resized(sync->met, sync->met_capacity * sizeof(*sync->met));
        }
        memcpy(sync->met[sync->met_count++], letter.dead_id, DEAD_ID_SIZE);
}

static void note_copies(struct sync *sync, const char *dead_id, size_t copies)
{
        struct cli *cli = command_of(sync->dlq)->cli;
        struct slice set[] = {
                SLICE_LITERAL("HSET"),
                slice_of(record_key(&cli->arena, cli->config->redis.prefix, KEY_LETTER, dead_id)),
                SLICE_LITERAL("copies"),
                slice_of(arena_printf(&cli->arena, "%zu", copies)),
        };
        redis_sync_queue(sync->dlq->query.redis, set, CLI_COUNT(set));
        if (++sync->queued == FLUSH_AT)
                flush(sync);
}

static int compare_listed_ids(const void *a, const void *b)
{
        return memcmp(a, b, DEAD_ID_SIZE);
}

static void count_copies(struct sync *sync, bool all_met)
{
        if (sync->met_count > 0)
                qsort(sync->met, sync->met_count, sizeof(*sync->met), compare_listed_ids);
        for (size_t at = 0, end; at < sync->met_count; at = end) {
                const char *dead_id = sync->met[at];
                const struct letter_entry *entry = dlq_index_find(sync->dlq, dead_id);
                for (end = at + 1; end < sync->met_count && strcmp(sync->met[end], dead_id) == 0;)
                        end++;
                sync->added += !entry;
                sync->identical += (int64_t)(end - at - 1);
                if (all_met && (entry ? (size_t)entry->copies : 1) != end - at)
                        note_copies(sync, dead_id, end - at);
        }
        flush(sync);
}

static void remove_unmet(struct sync *sync)
{
        struct dlq *dlq = sync->dlq;
        const char *ids[200];
        size_t count = 0;
        for (size_t i = 0; i < dlq->count; i++) {
                if (dlq->entries[i].met == 0)
                        ids[count++] = dlq->entries[i].dead_id;
                if (count == CLI_COUNT(ids) || i + 1 == dlq->count) {
                        dlq_index_remove(dlq, ids, count);
                        sync->removed += (int64_t)count;
                        count = 0;
                }
        }
}

static void print(const struct sync *sync)
{
        struct buffer out = {0};
        if (command_of(sync->dlq)->cli->output == CLI_JSON) {
                buffer_add_text(&out, "{\"queue\":");
                buffer_add_json_string(&out, slice_of(sync->dlq->source));
                buffer_printf(&out,
                              ",\"looked\":%" PRId64 ",\"added\":%" PRId64 ",\"removed\":%" PRId64
                              ",\"identical\":%" PRId64 "}",
                              sync->walk.looked, sync->added, sync->removed, sync->identical);
        } else {
                buffer_printf(&out,
                              "%" PRId64 " looked at, %" PRId64 " added to the index, %" PRId64
                              " removed from it",
                              sync->walk.looked, sync->added, sync->removed);
                if (sync->identical > 0)
                        buffer_printf(&out, "; %" PRId64 " are identical to another one", sync->identical);
        }
        cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static int dlq_sync_work(struct sync *sync)
{
        struct dlq *dlq = sync->dlq;
        struct dlq_walk *walk = &sync->walk;
        struct amqp_delivery taken;
        int status = dlq_walk_open(walk, dlq, "sync");
        if (status != CLI_OK)
                return status;
        while (dlq_walk_next(walk, DLQ_PATIENCE_MS, &taken) == PULL_MESSAGE) {
                sync_consider(sync, taken.arena, taken.message);
                dlq_walk_hold(walk, taken.tag);
                arena_free(taken.arena);
        }
        flush(sync);
        /* Only if all were looked at is an entry that was not met surely without a message. */
        bool all_met = !walk->failed && walk->looked >= walk->bound && walk->others == 0;
        count_copies(sync, all_met);
        if (all_met)
                remove_unmet(sync);
        status = dlq_walk_close(walk);
        print(sync);
        if (walk->others > 0)
                status = cli_fail(command_of(dlq)->cli, CLI_ERROR,
                                  "%s has other consumers (%" PRIu32
                                  "): what they hold cannot be seen, so nothing was removed from the index",
                                  dlq->source, walk->others);
        if (sync->redis_failed)
                status = cli_fail(command_of(dlq)->cli, CLI_ERROR, "Redis did not take all of it");
        return dlq_interrupted() ? CLI_ERROR : status;
}

int dlq_sync(struct dlq *dlq)
{
        struct sync sync = {.dlq = dlq, .began_ms = clock_wall_ms()};
        if (dlq->id_count > 0)
                return cli_usage(command_of(dlq)->cli, "sync takes a queue and nothing else");
        int status = dlq_sync_work(&sync);
        free(sync.met);
        return status;
}
