#include "core/message/dead_id.h"
#include "core/record/keys.h"
#include "io/amqp/amqp_publisher.h"
#include "io/machine/clock.h"
#include "query/dlq/dlq.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CONFIRM_TIMEOUT_MS 10000

/* KEYS: job, timeline, plan. ARGV: entry, keep ms, then what the record of a death that is dropped says:
 * redrives, fingerprint, reason; or ''. A record of a later life or of another message is left alone, and so
 * is the timeline that stays with it. */
static const char note_script[] =
        "redis.call('RPUSH', KEYS[2], ARGV[1]) redis.call('LTRIM', KEYS[2], -100, -1) "
        "local r = redis.call('HMGET', KEYS[1], 'state', 'redrives', 'fingerprint', 'reason') "
        "local drop = r[1] == 'dead' and (r[2] or '0') == ARGV[3] and r[3] == ARGV[4] and r[4] == ARGV[5] "
        "if r[1] and not drop and redis.call('PTTL', KEYS[2]) < 0 then return 0 end "
        "redis.call('PEXPIRE', KEYS[2], ARGV[2]) "
        "if not drop then return 0 end "
        "redis.call('HSET', KEYS[1], 'state', 'dropped') redis.call('DEL', KEYS[3]) "
        "redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1";

/* The script, its keys and arguments. */
enum { NOTE_REDRIVES = 8, NOTE_FINGERPRINT, NOTE_REASON, NOTE_WORDS };

/* NOTE_WORDS of them. `death` may be NULL: the record stays as it is. */
static const struct slice *note_words(struct dlq *dlq, struct arena *arena, const char *id, const char *note,
                                      const struct dlq_death *death)
{
        const struct config *config = dlq->query.config;
        struct buffer by = {0};
        buffer_add_json_string(&by, slice_of(dlq->who));
        const char *entry =
                arena_printf(arena, "{\"ts\":%" PRId64 ",\"worker\":%s,%s}", clock_wall_ms(), by.data, note);
        buffer_fini(&by);
        const char *texts[NOTE_WORDS] = {
                "EVAL",
                note_script,
                "3",
                record_key(arena, config->redis.prefix, KEY_JOB, id),
                record_key(arena, config->redis.prefix, KEY_EVENTS, id),
                record_key(arena, config->redis.prefix, KEY_PLAN, id),
                entry,
                arena_printf(arena, "%" PRId64, config->claim.keep_ms),
                [NOTE_REDRIVES] = "",
                "",
                "", /* of no death */
        };
        if (death) {
                texts[NOTE_REDRIVES] = arena_printf(arena, "%" PRIu32, death->redrives);
                texts[NOTE_FINGERPRINT] = death->fingerprint;
                texts[NOTE_REASON] = death->reason;
        }
        struct slice *words = arena_alloc(arena, NOTE_WORDS * sizeof(*words));
        for (int i = 0; i < NOTE_WORDS; i++)
                words[i] = slice_of(texts[i]);
        return words;
}

void dlq_note(struct dlq *dlq, const char *id, const char *note)
{
        struct arena arena;
        arena_init(&arena);
        redis_sync_queue(dlq->query.redis, note_words(dlq, &arena, id, note, NULL), NOTE_WORDS);
        arena_fini(&arena);
}

void dlq_death_read(struct arena *arena, const struct dlq *dlq, const struct message *message,
                    const struct letter *letter, struct dlq_death *death)
{
        struct envelope envelope;
        envelope_read(arena, message, dlq_config_queue(dlq), dlq->query.config->max_body, &envelope);
        *death = (struct dlq_death){.redrives = letter->redrives};
        snprintf(death->dead_id, sizeof(death->dead_id), "%s", letter->dead_id);
        snprintf(death->id, sizeof(death->id), "%s", envelope.id ? envelope.id : "");
        snprintf(death->fingerprint, sizeof(death->fingerprint), "%s", envelope.fingerprint);
        snprintf(death->reason, sizeof(death->reason), "%s", letter->reason);
}

void dlq_note_dropped(struct dlq *dlq, const struct dlq_death *death, const char *note)
{
        if (!death->id[0])
                return;
        struct arena arena;
        arena_init(&arena);
        const struct slice *words = note_words(dlq, &arena, death->id, note, death);
        const struct redis_value *dropped = redis_sync_run(dlq->query.redis, &arena, words, NOTE_WORDS);
        if (dropped->kind == REDIS_INTEGER && dropped->integer == 1)
                redis_sync_call(dlq->query.redis, &arena, "ZREM",
                                record_key(&arena, dlq->query.config->redis.prefix, KEY_JOBS, "dead"),
                                death->id, NULL);
        arena_fini(&arena);
}

struct confirmation {
        bool done;
        char *error;
};

static void dlq_note_on_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct confirmation *confirmation = context;
        confirmation->done = true;
        if (outcome != PUBLISH_CONFIRMED)
                snprintf(confirmation->error, 160, "%s: %s", publish_outcome_word(outcome),
                         error ? error : "");
}

void dlq_publish(struct dlq *dlq, struct arena *arena, struct message *copy, char *error)
{
        uv_loop_t loop;
        if (uv_loop_init(&loop) != 0)
                abort();
        struct confirmation confirmation = {.error = error};
        error[0] = '\0';
        struct amqp_publisher *publisher = amqp_publisher_open(&loop, dlq->query.config, CONFIRM_TIMEOUT_MS);
        amqp_publisher_publish(publisher, arena, copy, dlq_note_on_published, &confirmation);
        while (!confirmation.done)
                uv_run(&loop, UV_RUN_ONCE);
        amqp_publisher_close(publisher, 1000);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
}
