#include "world.h"

#include <stdio.h>
#include <string.h>

/*
 * What others are told of changes, judged as it arrives. A change has come when its record says so or the
 * copy of its decision is at the broker; then the exchange has to have it once at least, whoever dies
 * meanwhile, unless the engine says that it lets it go.
 */

static struct change *change_find(uint8_t id, enum job_change change, struct job_generation generation)
{
        for (uint32_t i = 0; i < world.change_count; i++) {
                struct change *known = &world.changes[i];
                if (known->id == id && known->change == change &&
                    job_generation_compare(known->generation, generation) == 0)
                        return known;
        }
        return NULL;
}

static bool is_told_of(enum job_change change)
{
        return due_changes(&world.config) >> change & 1;
}

void events_changed(uint8_t id, uint8_t content, enum job_change change, struct job_generation generation)
{
        struct change *known = change_find(id, change, generation);
        if (known)
                known->unmade = false;
        if (!is_told_of(change) || known)
                return;
        if (world.change_count == CHANGES_MAX) {
                world_fail("livelock", "more than %d changes", CHANGES_MAX);
                return;
        }
        world.changes[world.change_count++] =
                (struct change){.id = id, .content = content, .change = change, .generation = generation};
}

void events_recorded(uint8_t id)
{
        const struct store_record *record = &world.store.records[id];
        for (uint8_t i = 0; i < record->due.count; i++)
                events_changed(id, (uint8_t)record->fingerprint, record->due.list[i].change,
                               record->due.list[i].generation);
}

static enum job_change change_of(const char *word)
{
        for (int i = 0; i < JOB_CHANGE_COUNT; i++)
                if (strcmp(word, job_change_word((enum job_change)i)) == 0)
                        return (enum job_change)i;
        world_fail("events", "somebody is told of %s", word);
        return CHANGE_COMPLETED;
}

/* Its id says of which: "j0/1700000000000/retrying/0.1.0". */
void events_told(const struct message *message)
{
        unsigned id = 0;
        struct job_generation generation = {0};
        char text[80], word[16] = "";
        snprintf(text, sizeof text, "%.*s", SLICE_PRINT(message->properties.message_id));
        int got = sscanf(text, "j%u/%*[0-9]/%15[a-z]/%u.%u.%u", &id, word, &generation.redrives,
                         &generation.attempt, &generation.deferrals);
        struct change *change =
                got == 5 && id < IDS_MAX ? change_find((uint8_t)id, change_of(word), generation) : NULL;
        NOTE("others are told: %s", text);
        if (!change) {
                world_fail("events", "others are told %s, and it is not so", text);
                return;
        }
        world.tally->told++;
        world.tally->told_again += change->told;
        change->told = true;
}

void events_let_go(struct slice id)
{
        if (world.config.events.hold_ms > FAULTS_UNTIL_MS)
                world_fail("events", "an event is let go, and it was not held for long");
        world.tally->let_go++;
        for (uint32_t i = 0; i < world.change_count; i++)
                if (id.len == 2 && world.changes[i].id == id.data[1] - '0')
                        world.changes[i].let_go = true;
}

/* I10: at least once, unless its record or its message was lost. */
void events_check_rest(void)
{
        for (uint32_t i = 0; i < world.change_count; i++) {
                const struct change *change = &world.changes[i];
                uint8_t id = change->id;
                bool lost = world.tainted[id] || world.purged[id] || world.dropped[id][change->content];
                if (!change->told && !change->let_go && !change->unmade && !lost)
                        world_fail("I10", "nobody was told that id %u is %s as %u.%u.%u", id,
                                   job_change_word(change->change), change->generation.redrives,
                                   change->generation.attempt, change->generation.deferrals);
        }
}
