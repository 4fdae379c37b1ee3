#include "io/clock.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Sorted sets by which people find jobs: by state and by subject. Best effort, written once a loop turn with
 * one command for each set, so that they cost next to nothing under load. */

/* What leveret:jobs:running and :completed keep. */
#define LATEST_KEPT 1000
/* Entries of one turn that are kept; under load the newest of a set are all that it would hold anyway. */
#define NOTES_MAX 1024

struct note {
        const char *state; /* a literal */
        char id[ENVELOPE_ID_MAX + 1];
        char subject[ENVELOPE_SUBJECT_MAX + 1];
};

struct recent {
        struct note notes[NOTES_MAX];
        size_t count;
};

void recent_open(struct engine *engine)
{
        engine->recent = calloc(1, sizeof(*engine->recent));
        if (!engine->recent)
                abort();
}

void recent_close(struct engine *engine)
{
        free(engine->recent);
        engine->recent = NULL;
}

void recent_note(struct engine *engine, const char *state, struct slice id, struct slice subject)
{
        struct recent *recent = engine->recent;
        if (id.len == 0 || recent->count == NOTES_MAX)
                return;
        struct note *note = &recent->notes[recent->count++];
        note->state = state;
        snprintf(note->id, sizeof(note->id), "%.*s", SLICE_PRINT(id));
        snprintf(note->subject, sizeof(note->subject), "%.*s", SLICE_PRINT(subject));
}

static void add_state(struct engine *engine, const char *state, struct slice now)
{
        struct slice arguments[2 + 2 * NOTES_MAX];
        char key[300];
        size_t count = 2;
        int len = snprintf(key, sizeof(key), "%s:jobs:%s", engine->config->redis.prefix, state);
        arguments[0] = SLICE_LITERAL("ZADD");
        arguments[1] = (struct slice){.data = key, .len = (size_t)len};
        for (size_t i = 0; i < engine->recent->count; i++) {
                if (strcmp(engine->recent->notes[i].state, state) != 0)
                        continue;
                arguments[count++] = now;
                arguments[count++] = slice_of(engine->recent->notes[i].id);
        }
        if (count == 2)
                return;
        redis_store_command(engine->store, arguments, count, NULL, NULL);
        char last[16];
        snprintf(last, sizeof(last), "%d", -LATEST_KEPT - 1);
        struct slice trim[] = {SLICE_LITERAL("ZREMRANGEBYRANK"), arguments[1], SLICE_LITERAL("0"),
                               slice_of(last)};
        redis_store_command(engine->store, trim, 4, NULL, NULL);
}

static void add_subject(struct engine *engine, const struct note *note, struct slice now)
{
        char key[600], keep[24];
        const struct config *config = engine->config;
        int len = snprintf(key, sizeof(key), "%s:subject:%s", config->redis.prefix, note->subject);
        snprintf(keep, sizeof(keep), "%" PRId64, config->claim.keep_ms);
        struct slice name = {.data = key, .len = (size_t)len};
        struct slice add[] = {SLICE_LITERAL("ZADD"), name, now, slice_of(note->id)};
        struct slice expire[] = {SLICE_LITERAL("PEXPIRE"), name, slice_of(keep)};
        struct slice trim[] = {SLICE_LITERAL("ZREMRANGEBYRANK"), name, SLICE_LITERAL("0"),
                               SLICE_LITERAL("-10001")};
        redis_store_command(engine->store, add, 4, NULL, NULL);
        redis_store_command(engine->store, expire, 3, NULL, NULL);
        redis_store_command(engine->store, trim, 4, NULL, NULL);
}

void recent_flush(struct engine *engine)
{
        struct recent *recent = engine->recent;
        if (recent->count == 0)
                return;
        char now[24];
        snprintf(now, sizeof(now), "%" PRId64, clock_wall_ms());
        static const char *const states[] = {"running", "completed"};
        for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
                add_state(engine, states[i], slice_of(now));
        for (size_t i = 0; i < recent->count; i++)
                if (recent->notes[i].subject[0])
                        add_subject(engine, &recent->notes[i], slice_of(now));
        recent->count = 0;
}
