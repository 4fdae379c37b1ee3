#include "query/letters_tally.h"
#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CURSOR_SIZE = 160 };

struct letters_tally {
        struct arena arena; /* of the texts of the groups */
        struct letter_group groups[LETTERS_GROUPS_MAX], shown[LETTERS_GROUPS_MAX];
        size_t count;             /* of groups, sorted by what they are of */
        bool overflown;           /* a letter found no place */
        char cursor[CURSOR_SIZE]; /* of the last letter that was counted; "": none was */
        int64_t before;           /* so many letters stood before it and with it; -1: it is gone */
};

struct letters_tally *letters_tally_open(void)
{
        struct letters_tally *tally = memory_zeroed(1, sizeof(*tally));
        arena_init(&tally->arena);
        return tally;
}

void letters_tally_close(struct letters_tally *tally)
{
        arena_fini(&tally->arena);
        free(tally);
}

static void begin_anew(struct letters_tally *tally)
{
        arena_reset(&tally->arena);
        tally->count = 0;
        tally->overflown = false;
        tally->cursor[0] = '\0';
        tally->before = 0;
}

/* The place of the group, or where it would stand. */
static size_t tally_place_of(const struct letters_tally *tally, const struct letter_group *group)
{
        size_t low = 0, high = tally->count;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (letter_group_compare(&tally->groups[middle], group) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void keep_texts(struct arena *arena, struct letter_group *group)
{
        group->type = arena_strdup(arena, group->type);
        group->reason = arena_strdup(arena, group->reason);
        group->shape = arena_strdup(arena, group->shape);
        group->key = arena_strdup(arena, group->key);
        group->app = arena_strdup(arena, group->app);
        group->example = arena_strdup(arena, group->example);
}

/* Dead ids are so many letters long, always; the example changes with each later letter. */
static void keep_example(struct letters_tally *tally, struct letter_group *group, const char *example)
{
        if (strlen(group->example) == strlen(example))
                memcpy((char *)(uintptr_t)group->example, example, strlen(example));
        else
                group->example = arena_strdup(&tally->arena, example);
}

struct counting {
        struct letters_tally *tally;
        struct query query; /* whose arena is for one letter */
};

static void join(struct letters_tally *tally, struct letter_group *group, const struct letter_group *one)
{
        const char *kept = group->example;
        letter_group_join(group, one);
        const char *example = group->example;
        group->example = kept;
        if (example != kept)
                keep_example(tally, group, example);
}

static bool count_one(void *context, const struct letter_entry *entry)
{
        struct counting *counting = context;
        struct letters_tally *tally = counting->tally;
        const struct letter_group one = letter_group_of(&counting->query, entry);
        size_t at = tally_place_of(tally, &one);
        struct letter_group *group = &tally->groups[at];
        if (at < tally->count && letter_group_compare(group, &one) == 0) {
                join(tally, group, &one);
        } else if (tally->count < LETTERS_GROUPS_MAX) {
                memmove(group + 1, group, (tally->count - at) * sizeof(*group));
                *group = one;
                keep_texts(&tally->arena, group);
                tally->count++;
        } else {
                tally->overflown = true;
        }
        arena_reset(counting->query.arena);
        return true;
}

/* Is all that was counted there still, and nothing else among it? Else it is counted anew. */
static bool still_holds(const struct letters_tally *tally, const struct query *query, const char *set)
{
        const char *id = strchr(tally->cursor, ':');
        if (!id)
                return tally->count == 0 && !tally->overflown;
        const struct redis_value *rank =
                redis_sync_call(query->redis, query->arena, "ZRANK", set, id + 1, NULL);
        return rank->kind == REDIS_INTEGER && rank->integer + 1 == tally->before;
}

static const char *count_on(struct letters_tally *tally, const struct query *query,
                            const struct letters_walk *walk, bool *over)
{
        struct letters_walked walked;
        const char *set = record_key(query->arena, query->config->redis.prefix, KEY_DEAD, walk->queue);
        const char *error = letters_walk(query, walk, &walked);
        *over = walked.over;
        if (!walked.cursor)
                return error;
        const struct redis_value *rank = redis_sync_call(query->redis, query->arena, "ZRANK", set,
                                                         strchr(walked.cursor, ':') + 1, NULL);
        snprintf(tally->cursor, sizeof(tally->cursor), "%s",
                 strlen(walked.cursor) < CURSOR_SIZE ? walked.cursor : "");
        tally->before = rank->kind == REDIS_INTEGER ? rank->integer + 1 : -1;
        return error;
}

const char *letters_tally_count(struct letters_tally *tally, const struct query *query, const char *queue,
                                const struct letter_filter *filter, struct letters_counted *counted)
{
        bool over = false;
        const char *set = record_key(query->arena, query->config->redis.prefix, KEY_DEAD, queue);
        struct arena scratch;
        struct counting counting = {tally, {.config = query->config, .arena = &scratch}};
        const struct redis_value *letters = redis_sync_call(query->redis, query->arena, "ZCARD", set, NULL);
        if (letters->kind != REDIS_INTEGER)
                return query_text(query, letters->text);
        if (!still_holds(tally, query, set))
                begin_anew(tally);
        const struct letters_walk walk = {.queue = queue,
                                          .filter = filter,
                                          .cursor = tally->cursor[0] ? tally->cursor : NULL,
                                          .at_once = LETTERS_GROUPS_MAX,
                                          .until_ms = clock_boot_ms() + LETTERS_WALK_MS,
                                          .take = count_one,
                                          .context = &counting};
        arena_init(&scratch);
        const char *error = count_on(tally, query, &walk, &over);
        arena_fini(&scratch);
        memcpy(tally->shown, tally->groups, tally->count * sizeof(*tally->groups));
        if (tally->count > 0)
                qsort(tally->shown, tally->count, sizeof(*tally->shown), letter_group_compare_count);
        *counted = (struct letters_counted){.groups = tally->shown,
                                            .count = tally->count,
                                            .letters = letters->integer,
                                            .complete = over && !tally->overflown};
        return error;
}
