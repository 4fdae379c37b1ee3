/* Any message: its envelope is sound, and so is every copy of it. */

#include "fuzz.h"
#include "message_input.h"

#include "core/codec/rfc3339.h"
#include "core/codec/tracestate.h"
#include "core/message/copy.h"
#include "core/message/envelope.h"
#include "core/message/own_headers.h"
#include "core/plan/registry.h"
#include "core/text/plain_text.h"

enum { MAX_BODY = 4096 };

static const struct config_queue queue = {
        .name = "work", .tiers = {"5s"}, .tiers_ms = {5000}, .tier_count = 1};

static void check_text(const char *text, size_t max)
{
        CHECK(!text || plain_text_is(slice_of(text), max));
}

static void check_envelope(const struct envelope *envelope)
{
        static const char id_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-";
        CHECK((envelope->reason == REASON_NONE) == (envelope->error == NULL));
        check_text(envelope->error, ERROR_TEXT_MAX);
        if (envelope->id) {
                size_t len = strlen(envelope->id);
                CHECK(len >= 1 && len <= ENVELOPE_ID_MAX && strspn(envelope->id, id_chars) == len);
        }
        CHECK(!envelope->type || handler_type_valid(slice_of(envelope->type)));
        CHECK(envelope->reason != REASON_NONE || (envelope->id && envelope->type && envelope->payload.data));
        CHECK(strlen(envelope->fingerprint) == 64);
        CHECK(strlen(envelope->traceparent) == 0 || strlen(envelope->traceparent) == 55);
        CHECK(!envelope->tracestate ||
              (envelope->traceparent[0] && tracestate_valid(slice_of(envelope->tracestate))));
        check_text(envelope->correlation_id, ENVELOPE_TEXT_MAX);
        check_text(envelope->source, ENVELOPE_TEXT_MAX);
        check_text(envelope->subject, ENVELOPE_SUBJECT_MAX);
        check_text(envelope->dead_id, ENVELOPE_TEXT_MAX);
        CHECK(!envelope->has_timestamp ||
              (envelope->timestamp_s >= 0 && envelope->timestamp_s <= RFC3339_MAX_MS / 1000));
        CHECK(envelope->first_seen_ms >= -1 && envelope->first_seen_ms <= RFC3339_MAX_MS);
        CHECK(envelope->generation.attempt <= INT32_MAX && envelope->generation.redrives <= INT32_MAX);
}

static void check_clean(const struct message *copy)
{
        static const char *const harmful[] = {"x-death", "x-delivery-count", "x-acquired-count", "CC", "BCC"};
        for (size_t i = 0; i < sizeof(harmful) / sizeof(*harmful); i++)
                CHECK(!message_header(copy, harmful[i]));
        CHECK(!copy->properties.expiration.data && !copy->properties.user_id.data);
        CHECK(copy->properties.has_delivery_mode && copy->properties.delivery_mode == 2);
        CHECK(copy->properties.header_count <= HEADER_COUNT_MAX && copy->body.len == copy->body_size);
        size_t attempts = 0;
        for (size_t i = 0; i < copy->properties.header_count; i++)
                attempts += slice_is(copy->properties.headers[i].name, OWN_HEADER_ATTEMPT);
        CHECK(attempts == 1);
}

/* What comes back of a copy is the same job. */
static void check_returned(struct arena *arena, const struct envelope *before, const struct message *copy,
                           struct job_generation generation)
{
        struct message hop = *copy;
        struct envelope after;
        hop.exchange = (struct slice)SLICE_LITERAL("leveret.return");
        envelope_read(arena, &hop, NULL, MAX_BODY, &after);
        check_envelope(&after);
        CHECK(strcmp(before->fingerprint, after.fingerprint) == 0);
        CHECK((before->id == NULL) == (after.id == NULL) &&
              (!before->id || strcmp(before->id, after.id) == 0));
        CHECK(job_generation_compare(after.generation, generation) == 0);
        CHECK(after.first_seen_ms >= 0);
}

static void check_copies(struct arena *arena, const struct message *message, const struct envelope *envelope)
{
        struct copy_facts facts = {
                .queue = "work",
                .worker = "w",
                .generation = envelope->generation,
                .first_seen_ms = 1,
                .failed_at_ms = 2,
                .reason = REASON_REJECTED,
                .error = envelope->error,
                .dead_id = "d",
        };
        struct message *retry = copy_retry(arena, message, &facts, &queue, 0);
        struct message *dead = copy_dead(arena, message, &facts);
        CHECK((retry != NULL) == copy_possible(message) && (dead != NULL) == copy_possible(message));
        if (!retry || !dead)
                return;
        check_clean(retry);
        check_clean(dead);
        check_returned(arena, envelope, retry, envelope->generation);
        struct message *redriven = copy_redrive(arena, dead, "work", RFC3339_MAX_MS);
        if (!redriven)
                return;
        check_clean(redriven);
        CHECK(!message_header(redriven, OWN_HEADER_REASON) && !message_header(redriven, "deadline"));
        if (envelope->generation.redrives < INT32_MAX)
                check_returned(arena, envelope, redriven,
                               (struct job_generation){.redrives = envelope->generation.redrives + 1});
}

static void check_edit(struct arena *arena, const struct message *message, const struct envelope *envelope)
{
        struct envelope after;
        if (!envelope->id)
                return;
        struct message *edited = NULL;
        const char *next = copy_edited_id(arena, envelope->id);
        if (next)
                edited = copy_redrive_edited(arena, message, "work", 3,
                                             &(struct copy_edit){.id = next, .body = message->body});
        if (!edited)
                return;
        check_clean(edited);
        envelope_read(arena, edited, NULL, MAX_BODY, &after);
        CHECK(after.reason == REASON_TOO_LARGE || (after.id && strcmp(after.id, envelope->id) != 0));
}

/* Messages of others, by the preset that the first byte chooses. */
static void check_mapped(struct arena *arena, const struct message *message, uint8_t choice)
{
        struct config_queue mapped = {.name = "shop"};
        struct envelope envelope;
        mapped.message.preset = (enum foreign_preset)(1 + choice % FOREIGN_EASYNETQ);
        envelope_read(arena, message, &mapped, MAX_BODY, &envelope);
        check_envelope(&envelope);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct arena arena;
        struct envelope envelope;
        arena_init(&arena);
        struct message *message =
                message_input(&arena, (struct slice){.data = (const char *)data, .len = size});
        envelope_read(&arena, message, NULL, MAX_BODY, &envelope);
        check_envelope(&envelope);
        check_copies(&arena, message, &envelope);
        check_edit(&arena, message, &envelope);
        copy_redrive(&arena, message, "work", 3);
        check_mapped(&arena, message, size ? data[size - 1] : 0);
        arena_fini(&arena);
        return 0;
}
