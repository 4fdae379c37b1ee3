#include "core/record/due.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The change of this name; JOB_CHANGE_COUNT: there is none. */
static int change_of(struct slice word)
{
        int change = 0;
        while (change < JOB_CHANGE_COUNT && !slice_is(word, job_change_word((enum job_change)change)))
                change++;
        return change;
}

static bool parse_one(struct slice text, struct due_event *due)
{
        char rest[64];
        const char *colon = memchr(text.data, ':', text.len);
        struct job_generation *generation = &due->generation;
        int end = -1;
        if (!colon)
                return false;
        struct slice word = {text.data, (size_t)(colon - text.data)};
        size_t len = text.len - word.len;
        if (len >= sizeof(rest) || change_of(word) == JOB_CHANGE_COUNT)
                return false;
        memcpy(rest, colon, len);
        rest[len] = '\0';
        due->change = (enum job_change)change_of(word);
        int got = sscanf(rest, ":%" SCNu32 ".%" SCNu32 ".%" SCNu32 ":%" SCNd64 "%n", &generation->redrives,
                         &generation->attempt, &generation->deferrals, &due->at_ms, &end);
        return got == 4 && end == (int)len;
}

static bool due_is_known(const struct due_event *list, size_t count, const struct due_event *due)
{
        for (size_t i = 0; i < count; i++)
                if (list[i].change == due->change &&
                    job_generation_compare(list[i].generation, due->generation) == 0)
                        return true;
        return false;
}

size_t due_parse(struct slice text, struct due_event list[DUE_MAX])
{
        size_t count = 0;
        while (text.len > 0 && count < DUE_MAX) {
                const char *space = memchr(text.data, ' ', text.len);
                size_t len = space ? (size_t)(space - text.data) : text.len;
                struct due_event due;
                if (parse_one((struct slice){text.data, len}, &due) && !due_is_known(list, count, &due))
                        list[count++] = due;
                size_t gone = space ? len + 1 : len;
                text = (struct slice){text.data + gone, text.len - gone};
        }
        return count;
}

uint32_t due_changes(const struct config *config)
{
        uint32_t changes = 0;
        for (size_t i = 0; config->events.exchange && i < config->events.states.count; i++) {
                int change = change_of(slice_of(config->events.states.list[i]));
                if (change < JOB_CHANGE_COUNT)
                        changes |= 1U << change;
        }
        return changes;
}

bool due_word_is(const char *word)
{
        return change_of(slice_of(word)) < JOB_CHANGE_COUNT;
}
