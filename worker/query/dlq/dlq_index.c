#include "core/broker/topology.h"
#include "core/job/reason.h"
#include "core/record/keys.h"
#include "core/record/letter.h"
#include "io/machine/clock.h"
#include "query/dlq/dlq.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_dead_ids(const void *a, const void *b)
{
        const struct letter_entry *const *left = a, *const *right = b;
        return strcmp((*left)->dead_id, (*right)->dead_id);
}

int dlq_index_load(struct dlq *dlq)
{
        struct arena *arena = dlq->query.arena;
        struct letters letters;
        const char *error = letters_load(&dlq->query, dlq->queue, &letters);
        if (error)
                return dlq_fail(dlq, DLQ_ERROR, "Redis: %s", error);
        dlq->entries = letters.entries;
        dlq->count = letters.count;
        dlq->by_dead_id = arena_alloc(arena, dlq->count * sizeof(struct letter_entry *));
        for (size_t i = 0; i < dlq->count; i++)
                dlq->by_dead_id[i] = &dlq->entries[i];
        if (dlq->count > 0)
                qsort(dlq->by_dead_id, dlq->count, sizeof(struct letter_entry *), compare_dead_ids);
        return DLQ_OK;
}

struct letter_entry *dlq_index_find(const struct dlq *dlq, const char *dead_id)
{
        struct letter_entry key = {.dead_id = dead_id}, *wanted = &key;
        struct letter_entry **found = dlq->count == 0
                                              ? NULL
                                              : bsearch(&wanted, dlq->by_dead_id, dlq->count,
                                                        sizeof(struct letter_entry *), compare_dead_ids);
        return found ? *found : NULL;
}

const struct letter_entry *dlq_index_meet(struct dlq *dlq, const char *dead_id)
{
        struct letter_entry *entry = dlq_index_find(dlq, dead_id);
        if (entry && ++entry->met <= entry->copies)
                dlq->met += entry->wanted;
        return entry;
}

void dlq_index_pass(struct dlq *dlq, const struct letter_entry *entry)
{
        if (entry && entry->wanted)
                dlq->met--;
}

bool dlq_index_is_chosen(const struct dlq *dlq, const struct letter_entry *entry)
{
        return dlq->wanted == 0 || (entry && entry->wanted && entry->met <= entry->copies);
}

bool dlq_has_filter(const struct dlq *dlq)
{
        return dlq->type || dlq->reason || dlq->search || dlq->subject || dlq->since_ms;
}

/* Every death of that id, or the one death. */
static bool choose_id(struct dlq *dlq, const char *word)
{
        struct letter_entry *death = dlq_index_find(dlq, word);
        bool known = death != NULL;
        if (death)
                death->wanted = true;
        for (size_t i = 0; i < dlq->count && !death; i++)
                if (strcmp(dlq->entries[i].id, word) == 0)
                        known = dlq->entries[i].wanted = true;
        if (!known)
                dlq_fail(dlq, DLQ_NOT_FOUND,
                         "%s: no dead letter of %s has this id or dead id; if the broker made it: leveret "
                         "dlq sync %s",
                         word, dlq->queue, dlq->queue);
        return known;
}

int dlq_index_choose(struct dlq *dlq)
{
        if (dlq->reason && reason_parse(dlq->reason) == REASON_NONE && strcmp(dlq->reason, "unrouted") != 0)
                return dlq_fail(dlq, DLQ_NOT_FOUND,
                                "--reason %s: there is no such reason; see leveret dlq groups %s",
                                dlq->reason, dlq->queue);
        for (size_t i = 0; i < dlq->id_count; i++)
                if (!choose_id(dlq, dlq->ids[i]))
                        return DLQ_NOT_FOUND;
        const struct letter_filter filter = {dlq->type, dlq->reason, dlq->subject, dlq->search,
                                             dlq->since_ms};
        dlq->wanted = 0;
        dlq->wanted_messages = 0;
        for (size_t i = 0; i < dlq->count; i++) {
                struct letter_entry *entry = &dlq->entries[i];
                entry->wanted =
                        (dlq->id_count == 0 || entry->wanted) && letter_passes(&dlq->query, entry, &filter);
                dlq->wanted += entry->wanted;
                dlq->wanted_messages += entry->wanted ? entry->copies : 0;
        }
        if (dlq->wanted == 0 && (dlq_has_filter(dlq) || dlq->id_count > 0))
                return dlq_fail(dlq, DLQ_NOT_FOUND, "no dead letter of %s matches (the index holds %zu)",
                                dlq->queue, dlq->count);
        return DLQ_OK;
}

int64_t dlq_index_goal(const struct dlq *dlq)
{
        bool limited = dlq->limit_count > 0 && dlq->limit_count < dlq->wanted_messages;
        return limited ? dlq->limit_count : dlq->wanted_messages;
}

void dlq_index_add(struct dlq *dlq, struct arena *arena, const struct letter *letter,
                   const struct message *message, int64_t failed_ms)
{
        const char *prefix = dlq->query.config->redis.prefix;
        struct own_headers own;
        struct envelope envelope;
        own_headers_read_dead(message, &own);
        envelope_read(arena, message, dlq_config_queue(dlq), dlq->query.config->max_body, &envelope);
        bool by_worker = !letter->broker_made && own.worker.data;
        struct letter_record record = {
                .id = slice_of(letter->id),
                .type = slice_of(letter->type),
                .queue = slice_of(dlq->queue),
                .reason = slice_of(letter->reason),
                .error = slice_of(letter->error),
                .failed_ms = failed_ms,
                .first_seen_ms = letter->first_seen_ms >= 0 ? letter->first_seen_ms : 0,
                .attempt = own.generation.attempt,
                .deferrals = own.generation.deferrals,
                .redrives = letter->redrives,
                .worker = by_worker ? own.worker : SLICE_LITERAL("broker"),
        };
        letter_record_message(&record, message, &envelope, &own);
        struct slice set[LETTER_WORDS];
        letter_record_set(arena, prefix, letter->dead_id, &record, set);
        struct slice add[] = {
                SLICE_LITERAL("ZADD"),
                slice_of(record_key(arena, prefix, KEY_DEAD, dlq->queue)),
                slice_of(arena_printf(arena, "%" PRId64, failed_ms)),
                slice_of(letter->dead_id),
        };
        redis_sync_queue(dlq->query.redis, set, LETTER_WORDS);
        redis_sync_queue(dlq->query.redis, add, sizeof(add) / sizeof(*add));
}

void dlq_index_remove(struct dlq *dlq, const char *const *dead_ids, size_t count)
{
        if (count == 0)
                return;
        struct arena arena;
        arena_init(&arena);
        const char *prefix = dlq->query.config->redis.prefix;
        struct slice *remove = arena_alloc(&arena, (count + 2) * sizeof(*remove));
        remove[0] = SLICE_LITERAL("ZREM");
        remove[1] = slice_of(record_key(&arena, prefix, KEY_DEAD, dlq->queue));
        for (size_t i = 0; i < count; i++)
                remove[i + 2] = slice_of(dead_ids[i]);
        redis_sync_run(dlq->query.redis, &arena, remove, count + 2);
        for (size_t i = 0; i < count; i++) { /* each has a slot of its own */
                const struct slice forget[] = {SLICE_LITERAL("DEL"),
                                               slice_of(record_key(&arena, prefix, KEY_LETTER, dead_ids[i]))};
                redis_sync_queue(dlq->query.redis, forget, 2);
        }
        redis_sync_flush(dlq->query.redis);
        arena_fini(&arena);
}

int64_t dlq_count_late(const struct dlq *dlq)
{
        int64_t count = 0, now_ms = clock_wall_ms();
        for (size_t i = 0; i < dlq->count && !dlq->expired; i++) {
                const struct letter_entry *entry = &dlq->entries[i];
                bool late = entry->deadline_ms > 0 && entry->deadline_ms < now_ms;
                count += late && (dlq->wanted == 0 || entry->wanted) ? entry->copies : 0;
        }
        return count;
}
