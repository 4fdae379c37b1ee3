#include "core/plan/plan.h"
#include "core/plan/registry.h"
#include "core/record/keys.h"
#include "handler.h"
#include "io/machine/clock.h"
#include "query/dlq/dlq.h"

#include <stdio.h>
#include <string.h>

/* A message that was mended, sent as a job of its own: checked against its type, published under its new id;
 * then the original is dropped. */

/* Would a worker take the copy? */
static int check_copy(struct dlq *dlq, const struct message *copy)
{
        struct arena *arena = dlq->query.arena;
        struct envelope envelope;
        envelope_read(arena, copy, dlq_config_queue(dlq), dlq->query.config->max_body, &envelope);
        const struct handler *handler =
                envelope.type ? type_set_find(dlq->types, slice_of(envelope.type)) : NULL;
        struct plan *plan;
        if (envelope.type && !handler)
                envelope_refuse(arena, &envelope, REASON_UNKNOWN_TYPE,
                                "type: no handler for it; see leveret type list");
        envelope.faults.arena = arena;
        enum reason reason = envelope.reason;
        enum plan_outcome outcome =
                handler && envelope.payload.data
                        ? plan_build_text(handler, envelope.payload, &plan, &envelope.faults)
                        : PLAN_OK;
        if (outcome != PLAN_OK && outcome != PLAN_PLANNERS)
                reason = reason == REASON_NONE ? REASON_BAD_PAYLOAD : reason;
        if (reason == REASON_NONE)
                return DLQ_OK;
        for (const struct fault *fault = envelope.faults.first; fault; fault = fault->next)
                dlq_fail(dlq, DLQ_ERROR, "%s: %s%s", reason_word(reason), fault->text,
                         fault->next ? "" : "; nothing was sent");
        return DLQ_ERROR;
}

/* Has a job with this id been seen, or an edited copy of it been sent? */
static bool id_is_used(struct dlq *dlq, const char *id)
{
        struct arena *arena = dlq->query.arena;
        const char *prefix = dlq->query.config->redis.prefix;
        const char *job = record_key(arena, prefix, KEY_JOB, id);
        const char *timeline = record_key(arena, prefix, KEY_EVENTS, id);
        const struct redis_value *exist =
                redis_sync_call(dlq->query.redis, arena, "EXISTS", job, timeline, NULL);
        return exist->kind == REDIS_INTEGER && exist->integer > 0;
}

/* A mail past its deadline may be worse than none, whatever its letter died of. The message says it itself:
 * the index of older versions does not. */
bool dlq_is_late(struct dlq *dlq, struct arena *arena, const struct message *message)
{
        struct envelope envelope;
        if (dlq->expired || !message_header(message, "deadline"))
                return false;
        envelope_read(arena, message, dlq_config_queue(dlq), dlq->query.config->max_body, &envelope);
        return envelope_expired(&envelope, clock_wall_ms());
}

/* Does the edit itself say something of the deadline? */
static bool settles_deadline(const struct copy_edit *edit)
{
        for (size_t i = 0; i < edit->dropped_count; i++)
                if (strcmp(edit->dropped[i], "deadline") == 0)
                        return true;
        for (size_t i = 0; i < edit->set_count; i++)
                if (slice_is(edit->set[i].name, "deadline"))
                        return true;
        return false;
}

const char *dlq_fresh_id(struct dlq *dlq, const struct letter_entry *entry)
{
        const char *id = entry->id[0] ? entry->id : entry->dead_id, *next;
        while ((next = copy_edited_id(dlq->query.arena, id)) && id_is_used(dlq, next))
                id = next;
        if (!next)
                dlq_fail(dlq, DLQ_ERROR,
                         "with :e1 its id would have more than %d characters; nothing was sent",
                         ENVELOPE_ID_MAX);
        return next;
}

/* The edited copy; without an id of the operator's under the first `<id>:e<n>` that nobody has used. NULL if
 * none can be made; told. */
static struct message *make_copy(struct dlq *dlq, struct arena *arena, const struct letter_entry *entry,
                                 const struct message *message, const struct copy_edit *edit)
{
        struct copy_edit named = *edit;
        if (!named.id && !(named.id = dlq_fresh_id(dlq, entry)))
                return NULL;
        if (edit->id && (!envelope_id_valid(slice_of(edit->id)) || id_is_used(dlq, edit->id))) {
                dlq_fail(dlq, DLQ_ERROR,
                         "id: expected one that no job has had, of 1 to %d of A-Z a-z 0-9 . _ : / -; nothing "
                         "was sent",
                         ENVELOPE_ID_MAX);
                return NULL;
        }
        struct message *copy = copy_redrive_edited(arena, message, dlq->target, clock_wall_ms(), &named);
        if (!copy)
                dlq_fail(dlq, DLQ_ERROR, "no copy with another body can be made of it; nothing was sent");
        return copy;
}

static void note_edited(struct dlq *dlq, const struct message *original, const char *fresh)
{
        struct arena *arena = dlq->query.arena;
        struct letter letter;
        struct dlq_death death;
        letter_read(arena, dlq, original, &letter);
        dlq_death_read(arena, dlq, original, &letter, &death);
        dlq_note_dropped(dlq, &death, arena_printf(arena, "\"event\":\"edited\",\"new_id\":\"%s\"", fresh));
}

/* Its id is used from now on, though no worker has seen it yet. */
static void note_copy(struct dlq *dlq, const char *id, const char *dead_id)
{
        dlq_note(dlq, id, arena_printf(dlq->query.arena, "\"event\":\"edited\",\"dead_id\":\"%s\"", dead_id));
        redis_sync_flush(dlq->query.redis);
}

int dlq_fresh_send(struct dlq_mending *mending, const struct copy_edit *edit)
{
        struct dlq_walk *walk = mending->walk;
        const struct letter_entry *entry = mending->entry;
        const struct message *message = mending->message;
        uint64_t tag = mending->tag;
        struct dlq *dlq = walk->dlq;
        char error[160];
        if (dlq_is_late(dlq, dlq->query.arena, message) && !settles_deadline(edit)) {
                dlq_walk_hold(walk, tag);
                return dlq_fail(dlq, DLQ_ERROR,
                                "%s: its deadline has passed; --expired sends it all the same, --edit can "
                                "change it",
                                entry->dead_id);
        }
        struct arena *arena = arena_new();
        struct message *copy = make_copy(dlq, arena, entry, message, edit);
        if (!copy) {
                arena_free(arena);
                dlq_walk_hold(walk, tag);
                return DLQ_ERROR;
        }
        const char *fresh = arena_copy(dlq->query.arena, copy->properties.message_id.data,
                                       copy->properties.message_id.len);
        int status = check_copy(dlq, copy);
        if (status == DLQ_OK) {
                note_copy(dlq, fresh, entry->dead_id);
                dlq_publish(dlq, arena, copy, error);
                if (error[0])
                        status = dlq_fail(dlq, DLQ_ERROR, "%s; nothing was changed", error);
        } else {
                arena_free(arena);
        }
        if (status != DLQ_OK) {
                dlq_walk_hold(walk, tag);
                return status;
        }
        if (!dlq_walk_ack(walk, tag))
                return DLQ_ERROR;
        dlq_index_remove(dlq, (const char *[]){entry->dead_id}, 1);
        note_edited(dlq, message, fresh);
        mending->fresh = fresh;
        return DLQ_OK;
}

struct slice dlq_readable_body(struct dlq *dlq, const struct message *message)
{
        struct envelope envelope;
        if (!message->properties.content_encoding.data ||
            slice_is(message->properties.content_encoding, "identity") ||
            slice_is(message->properties.content_encoding, "utf-8"))
                return message->body;
        envelope_read(dlq->query.arena, message, dlq_config_queue(dlq), dlq->query.config->max_body,
                      &envelope);
        if (slice_is(message->properties.content_type, "application/cloudevents+json"))
                return (struct slice){0};
        return envelope.payload;
}
