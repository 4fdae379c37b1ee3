#include "query/publication.h"
#include "core/broker/topology.h"
#include "core/message/envelope.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

/* A random UUID (RFC 9562 section 5.4). */
const char *publication_id(struct arena *arena)
{
        unsigned char b[16];
        if (getrandom(b, sizeof(b), 0) != sizeof(b))
                abort();
        b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
        b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
        return arena_printf(arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                            b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                            b[13], b[14], b[15]);
}

struct publication publication_copy(struct arena *arena, const struct publication *publication)
{
        return (struct publication){.type = arena_strdup(arena, publication->type),
                                    .id = arena_strdup(arena, publication->id),
                                    .key = arena_strdup(arena, publication->key),
                                    .subject = arena_strdup(arena, publication->subject),
                                    .traceparent = arena_strdup(arena, publication->traceparent),
                                    .tracestate = arena_strdup(arena, publication->tracestate),
                                    .deadline = arena_strdup(arena, publication->deadline),
                                    .app_id = arena_strdup(arena, publication->app_id),
                                    .deliver_at = arena_strdup(arena, publication->deliver_at),
                                    .data = arena_slice(arena, publication->data)};
}

struct message *publication_message(struct arena *arena, const struct publication *publication)
{
        struct message *message = arena_alloc(arena, sizeof(*message));
        *message = (struct message){
                .exchange = SLICE_LITERAL(EXCHANGE_IN),
                .routing_key = arena_slice(arena, slice_of(publication->key)),
                .body = arena_slice(arena, publication->data),
                .body_size = publication->data.len,
                .properties = {.content_type = SLICE_LITERAL("application/json"),
                               .message_id = arena_slice(arena, slice_of(publication->id)),
                               .type = arena_slice(arena, slice_of(publication->type)),
                               .app_id = arena_slice(arena, slice_of(publication->app_id ? publication->app_id
                                                                                         : "leveret-cli")),
                               .has_delivery_mode = true,
                               .delivery_mode = 2,
                               .has_timestamp = true,
                               .timestamp = (uint64_t)(clock_wall_ms() / 1000)}};
        message_set_text(arena, message, "subject", publication->subject);
        message_set_text(arena, message, "deadline", publication->deadline);
        message_set_text(arena, message, "deliver-at", publication->deliver_at);
        message_set_text(arena, message, "traceparent", publication->traceparent);
        message_set_text(arena, message, "tracestate", publication->tracestate);
        return message;
}

const char *publication_fingerprint(struct arena *arena, const struct config *config,
                                    const struct publication *publication)
{
        struct envelope envelope;
        envelope_read(arena, publication_message(arena, publication), NULL, config->max_body, &envelope);
        return arena_strdup(arena, envelope.fingerprint);
}

enum publication_known publication_look(const struct query *query, const struct publication *publication,
                                        const char *publisher)
{
        const char *key = record_key(query->arena, query->config->redis.prefix, KEY_JOB, publication->id);
        const struct redis_value *known = redis_sync_call(query->redis, query->arena, "HMGET", key, "state",
                                                          "fingerprint", "publisher", NULL);
        if (known->kind != REDIS_LIST || known->count != 3)
                return PUBLICATION_UNKNOWN;
        struct slice state = known->items[0].text, fingerprint = known->items[1].text,
                     by = known->items[2].text;
        if (state.len == 0 || slice_is(state, "dropped"))
                return PUBLICATION_NEW;
        if (by.len > 0 && !slice_is(by, publisher))
                return PUBLICATION_FOREIGN;
        bool same = slice_is(fingerprint, publication_fingerprint(query->arena, query->config, publication));
        return fingerprint.len == 0 || same ? PUBLICATION_DUPLICATE : PUBLICATION_OTHER;
}

/* KEYS: job. ARGV: type, created_ms, subject, fingerprint, keep ms, publisher. */
static const char record_script[] =
        "local s = redis.call('HGET', KEYS[1], 'state') "
        "if s == 'dropped' then redis.call('DEL', KEYS[1]) s = false end "
        "if not s then redis.call('HSET', KEYS[1], 'state', 'queued', 'type', ARGV[1], 'created_ms', "
        "ARGV[2], "
        "'subject', ARGV[3], 'fingerprint', ARGV[4]) redis.call('PEXPIRE', KEYS[1], ARGV[5]) end "
        "redis.call('HSETNX', KEYS[1], 'publisher', ARGV[6]) return 1";

enum { RECORD_WORDS = 10 };

static void record_words(const struct query *query, const struct publication *publication,
                         const char *publisher, struct slice words[RECORD_WORDS])
{
        struct arena *arena = query->arena;
        const char *const texts[RECORD_WORDS] = {
                "EVAL",
                record_script,
                "1",
                record_key(arena, query->config->redis.prefix, KEY_JOB, publication->id),
                publication->type,
                arena_printf(arena, "%" PRId64, clock_wall_ms()),
                publication->subject ? publication->subject : "",
                publication_fingerprint(arena, query->config, publication),
                arena_printf(arena, "%" PRId64, query->config->claim.keep_ms),
                publisher};
        for (size_t i = 0; i < RECORD_WORDS; i++)
                words[i] = slice_of(texts[i]);
}

bool publication_record(const struct query *query, const struct publication *publication,
                        const char *publisher)
{
        struct slice words[RECORD_WORDS];
        record_words(query, publication, publisher, words);
        return redis_sync_run(query->redis, query->arena, words, RECORD_WORDS)->kind == REDIS_INTEGER;
}

void publication_record_later(const struct query *query, const struct publication *publication,
                              const char *publisher)
{
        struct slice words[RECORD_WORDS];
        record_words(query, publication, publisher, words);
        redis_sync_queue(query->redis, words, RECORD_WORDS);
}
