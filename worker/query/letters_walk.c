#include "query/letters_walk.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Letters a request: of few fields each, or with the heads of their bodies. */
enum { PART = 1000, PART_WITH_HEADS = 100 };

const char *letters_cursor(struct arena *arena, const struct letter_entry *entry)
{
        return arena_printf(arena, "%" PRId64 ":%s", entry->failed_ms, entry->dead_id);
}

static const struct redis_value *count_before(const struct query *query, const char *set, int64_t ms)
{
        return redis_sync_call(query->redis, query->arena, "ZCOUNT", set, "-inf",
                               arena_printf(query->arena, "(%" PRId64, ms), NULL);
}

/* How many stand before the place where the walk begins: behind the letter that the cursor names; should it
 * be gone, before what died at the same time. */
static const struct redis_value *rank_of(const struct query *query, const struct letters_walk *walk,
                                         const char *set)
{
        char *id;
        int64_t ms = strtoll(walk->cursor, &id, 10);
        const struct redis_value *rank =
                redis_sync_call(query->redis, query->arena, "ZRANK", set, id + (*id == ':'), NULL);
        if (rank->kind != REDIS_INTEGER)
                return rank->kind == REDIS_NIL ? count_before(query, set, ms) : rank;
        struct redis_value *next = arena_alloc(query->arena, sizeof(*next));
        *next = (struct redis_value){.kind = REDIS_INTEGER, .integer = rank->integer + 1};
        return next;
}

/* NULL, or what Redis said. */
static const char *find_begin(const struct query *query, const struct letters_walk *walk, size_t *from)
{
        const char *set = record_key(query->arena, query->config->redis.prefix, KEY_DEAD, walk->queue);
        *from = 0;
        const struct redis_value *ranks[2] = {NULL};
        if (walk->cursor)
                ranks[0] = rank_of(query, walk, set);
        if (walk->filter->since_ms > 0)
                ranks[1] = count_before(query, set, walk->filter->since_ms);
        for (int i = 0; i < 2; i++) {
                if (ranks[i] && ranks[i]->kind != REDIS_INTEGER)
                        return query_text(query, ranks[i]->text);
                if (ranks[i] && (size_t)ranks[i]->integer > *from)
                        *from = (size_t)ranks[i]->integer;
        }
        return NULL;
}

static bool filters_much(const struct letter_filter *filter)
{
        return filter->type || filter->reason || filter->subject || filter->search;
}

static size_t part_size(const struct letters_walk *walk)
{
        if (!filters_much(walk->filter) && walk->at_once < PART)
                return walk->at_once;
        return walk->filter->search ? PART_WITH_HEADS : PART;
}

/* False: the walk ends before the letter at `*done`. */
static bool take_part(const struct query *query, const struct letters_walk *walk,
                      const struct letters *letters, size_t *done)
{
        for (*done = 0; *done < letters->count; (*done)++) {
                const struct letter_entry *entry = &letters->entries[*done];
                if (letter_passes(query, entry, walk->filter) && !walk->take(walk->context, entry))
                        return false;
        }
        return true;
}

const char *letters_walk(const struct query *query, const struct letters_walk *walk,
                         struct letters_walked *walked)
{
        struct arena arena;
        struct query part_query = *query;
        struct letters_part part = {.count = part_size(walk), .heads = walk->filter->search != NULL};
        *walked = (struct letters_walked){0};
        const char *error = find_begin(query, walk, &part.from);
        bool going = !error;
        arena_init(&arena);
        part_query.arena = &arena;
        while (going) {
                struct letters letters = {0};
                size_t done = 0;
                error = letters_read(&part_query, walk->queue, &part, &letters);
                going = !error && take_part(&part_query, walk, &letters, &done);
                walked->over = going && letters.count < part.count;
                if (done > 0)
                        walked->cursor = letters_cursor(query->arena, &letters.entries[done - 1]);
                part.from += letters.count;
                going = going && !walked->over && clock_boot_ms() < walk->until_ms;
                if (error)
                        error = query_text(query, slice_of(error));
                arena_reset(&arena);
        }
        arena_fini(&arena);
        return error;
}
