#include "cli/dlq.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Makes the index agree with the queue: deaths that the broker made itself get an entry, entries without a
 * message go. */

#define HEAD_MAX 1024
#define FLUSH_AT 500

static const char *number(struct arena *arena, int64_t value)
{
        return arena_printf(arena, "%" PRId64, value);
}

static void index_letter(struct dlq *dlq, struct arena *arena, const struct letter *letter,
                         const struct message *message)
{
        const char *prefix = dlq->cli->config->redis.prefix;
        int64_t failed_ms = letter->failed_ms >= 0 ? letter->failed_ms : clock_wall_ms();
        int64_t seen_ms = letter->first_seen_ms >= 0 ? letter->first_seen_ms : 0;
        size_t head = message->body.len < HEAD_MAX ? message->body.len : HEAD_MAX;
        struct slice set[] = {
                SLICE_LITERAL("HSET"),
                slice_of(arena_printf(arena, "%s:deadletter:{%s}", prefix, letter->dead_id)),
                SLICE_LITERAL("id"),
                slice_of(letter->id ? letter->id : ""),
                SLICE_LITERAL("type"),
                slice_of(letter->type ? letter->type : ""),
                SLICE_LITERAL("queue"),
                slice_of(dlq->queue),
                SLICE_LITERAL("reason"),
                slice_of(letter->reason),
                SLICE_LITERAL("error"),
                slice_of(letter->error ? letter->error : ""),
                SLICE_LITERAL("failed_ms"),
                slice_of(number(arena, failed_ms)),
                SLICE_LITERAL("first_seen_ms"),
                slice_of(number(arena, seen_ms)),
                SLICE_LITERAL("redrives"),
                slice_of(number(arena, letter->redrives)),
                SLICE_LITERAL("size"),
                slice_of(number(arena, (int64_t)message->body_size)),
                SLICE_LITERAL("worker"),
                SLICE_LITERAL("broker"),
                SLICE_LITERAL("head"),
                {.data = message->body.data ? message->body.data : "", .len = head},
        };
        struct slice add[] = {
                SLICE_LITERAL("ZADD"),
                slice_of(arena_printf(arena, "%s:dead:%s", prefix, dlq->queue)),
                slice_of(number(arena, failed_ms)),
                slice_of(letter->dead_id),
        };
        redis_sync_queue(dlq->redis, set, CLI_COUNT(set));
        redis_sync_queue(dlq->redis, add, CLI_COUNT(add));
}

static int64_t remove_unmet(struct dlq *dlq)
{
        const char *ids[200];
        size_t count = 0;
        int64_t removed = 0;
        for (size_t i = 0; i < dlq->count; i++) {
                if (!dlq->entries[i].found)
                        ids[count++] = dlq->entries[i].dead_id;
                if (count == CLI_COUNT(ids) || i + 1 == dlq->count) {
                        dlq_index_remove(dlq, ids, count);
                        removed += (int64_t)count;
                        count = 0;
                }
        }
        return removed;
}

int dlq_sync(struct dlq *dlq)
{
        struct dlq_walk walk;
        struct arena *arena;
        struct message *message;
        uint64_t tag;
        if (dlq->id_count > 0 || dlq_has_filter(dlq))
                return cli_usage(dlq->cli, "sync takes a queue and nothing else");
        int status = dlq_walk_open(&walk, dlq, "sync");
        if (status != CLI_OK)
                return status;
        int64_t added = 0, removed = 0;
        while (dlq_walk_next(&walk, DLQ_PATIENCE_MS, &arena, &message, &tag) == PULL_MESSAGE) {
                struct letter letter;
                letter_read(arena, dlq, message, &letter);
                dlq_walk_hold(&walk, tag);
                if (!dlq_index_meet(dlq, letter.dead_id)) {
                        index_letter(dlq, arena, &letter, message);
                        if (++added % FLUSH_AT == 0)
                                redis_sync_flush(dlq->redis);
                }
                message_free(arena);
        }
        redis_sync_flush(dlq->redis);
        /* Only if all were looked at is an entry that was not met surely without a message. */
        if (!walk.failed && walk.looked >= walk.bound)
                removed = remove_unmet(dlq);
        status = dlq_walk_close(&walk);
        if (dlq->cli->output == CLI_JSON)
                cli_print(slice_of(arena_printf(&dlq->cli->arena,
                                                "{\"queue\":\"%s\",\"looked\":%" PRId64 ",\"added\":%" PRId64
                                                ",\"removed\":%" PRId64 "}",
                                                dlq->source, walk.looked, added, removed)));
        else
                printf("%" PRId64 " looked at, %" PRId64 " added to the index, %" PRId64 " removed from it\n",
                       walk.looked, added, removed);
        return dlq_interrupted() ? CLI_ERROR : status;
}
