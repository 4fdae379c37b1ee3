#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Sorted sets by which people find jobs: by state and by subject. Best effort. Jobs that start and end
 * between two looks are not listed as running, which keeps the cost near zero under load. */

/* Jobs with a subject of one loop turn that are kept. */
#define SUBJECTS_MAX 1024

struct subject_note {
        char id[ENVELOPE_ID_MAX + 1];
        char subject[ENVELOPE_SUBJECT_MAX + 1];
};

struct recent {
        struct subject_note subjects[SUBJECTS_MAX];
        size_t subject_count;
        char completed[RECORD_JOBS_MAX][ENVELOPE_ID_MAX + 1]; /* the newest since the last look, in a ring */
        size_t completed_count, completed_next;
        int64_t looked_ms; /* CLOCK_BOOTTIME */
};

void recent_open(struct engine *engine)
{
        engine->recent = memory_zeroed(1, sizeof(*engine->recent));
}

void recent_close(struct engine *engine)
{
        free(engine->recent);
        engine->recent = NULL;
}

void recent_subject(struct engine *engine, struct slice id, struct slice subject)
{
        struct recent *recent = engine->recent;
        if (id.len == 0 || subject.len == 0 || recent->subject_count == SUBJECTS_MAX)
                return;
        struct subject_note *note = &recent->subjects[recent->subject_count++];
        snprintf(note->id, sizeof(note->id), "%.*s", SLICE_PRINT(id));
        snprintf(note->subject, sizeof(note->subject), "%.*s", SLICE_PRINT(subject));
}

void recent_completed(struct engine *engine, struct slice id)
{
        struct recent *recent = engine->recent;
        char *place = recent->completed[recent->completed_next];
        size_t len = id.len < ENVELOPE_ID_MAX ? id.len : ENVELOPE_ID_MAX;
        memcpy(place, id.data, len);
        place[len] = '\0';
        recent->completed_next = (recent->completed_next + 1) % RECORD_JOBS_MAX;
        if (recent->completed_count < RECORD_JOBS_MAX)
                recent->completed_count++;
}

/* Adds `ids` to leveret:jobs:<state>; the first two of the arguments and every other one are left for this.
 */
static void recent_add_state(struct engine *engine, const char *state, struct slice *arguments, size_t count,
                             struct slice now)
{
        struct buffer key = {0};
        char last[16];
        if (count == 0)
                return;
        record_key_add(&key, engine->config->redis.prefix, KEY_JOBS, slice_of(state));
        arguments[0] = SLICE_LITERAL("ZADD");
        arguments[1] = (struct slice){.data = key.data, .len = key.len};
        for (size_t i = 0; i < count; i++)
                arguments[2 + 2 * i] = now;
        redis_store_command(engine->store, arguments, 2 + 2 * count, NULL, NULL);
        snprintf(last, sizeof(last), "%d", -RECORD_JOBS_MAX - 1);
        struct slice trim[] = {SLICE_LITERAL("ZREMRANGEBYRANK"), arguments[1], SLICE_LITERAL("0"),
                               slice_of(last)};
        redis_store_command(engine->store, trim, 4, NULL, NULL);
        buffer_fini(&key);
}

/* What began since the last look and has not ended. */
static size_t list_running(const struct engine *engine, struct slice *arguments)
{
        size_t count = 0;
        const struct delivery *delivery;
        TAILQ_FOREACH_REVERSE(delivery, &engine->inflight.all, delivery_list, all)
        {
                if (delivery->started_ms >= engine->recent->looked_ms && delivery->job.recorded &&
                    count < RECORD_JOBS_MAX)
                        arguments[3 + 2 * count++] = slice_of(delivery->envelope.id);
        }
        return count;
}

static size_t list_completed(const struct engine *engine, struct slice *arguments)
{
        const struct recent *recent = engine->recent;
        for (size_t i = 0; i < recent->completed_count; i++)
                arguments[3 + 2 * i] = slice_of(recent->completed[i]);
        return recent->completed_count;
}

void recent_look(struct engine *engine)
{
        struct recent *recent = engine->recent;
        struct slice arguments[2 + 2 * RECORD_JOBS_MAX];
        char now[24];
        if (!redis_store_is_up(engine->store))
                return;
        snprintf(now, sizeof(now), "%" PRId64, clock_wall_ms());
        recent_add_state(engine, "running", arguments, list_running(engine, arguments), slice_of(now));
        recent_add_state(engine, "completed", arguments, list_completed(engine, arguments), slice_of(now));
        recent->completed_count = recent->completed_next = 0;
        recent->looked_ms = clock_boot_ms();
}

static void add_subject(struct engine *engine, const struct subject_note *note, struct slice now)
{
        struct buffer key = {0};
        char keep[24], last[16];
        const struct config *config = engine->config;
        record_key_add(&key, config->redis.prefix, KEY_SUBJECT, slice_of(note->subject));
        snprintf(last, sizeof(last), "%d", -RECORD_SUBJECT_MAX - 1);
        snprintf(keep, sizeof(keep), "%" PRId64, config->claim.keep_ms);
        struct slice name = {.data = key.data, .len = key.len};
        struct slice add[] = {SLICE_LITERAL("ZADD"), name, now, slice_of(note->id)};
        struct slice expire[] = {SLICE_LITERAL("PEXPIRE"), name, slice_of(keep)};
        struct slice trim[] = {SLICE_LITERAL("ZREMRANGEBYRANK"), name, SLICE_LITERAL("0"), slice_of(last)};
        redis_store_command(engine->store, add, 4, NULL, NULL);
        redis_store_command(engine->store, expire, 3, NULL, NULL);
        redis_store_command(engine->store, trim, 4, NULL, NULL);
        buffer_fini(&key);
}

void recent_turn(struct engine *engine)
{
        struct recent *recent = engine->recent;
        char now[24];
        if (recent->subject_count == 0)
                return;
        snprintf(now, sizeof(now), "%" PRId64, clock_wall_ms());
        for (size_t i = 0; i < recent->subject_count; i++)
                add_subject(engine, &recent->subjects[i], slice_of(now));
        recent->subject_count = 0;
}
