#include "cli/dlq/dlq.h"
#include "core/codec/gzip.h"
#include "core/message/copy.h"
#include "core/plan/plan.h"
#include "core/plan/registry.h"
#include "core/record/keys.h"
#include "handler.h"
#include "io/machine/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One body in the operator's editor, checked against its type, sent under its new id; then the original is
 * dropped. */

extern char **environ;

static struct dlq_entry *the_only_one(struct dlq *dlq)
{
        for (size_t i = 0; dlq->wanted == 1 && i < dlq->count; i++)
                if (dlq->entries[i].wanted)
                        return &dlq->entries[i];
        return NULL;
}

/* Walks to the one message. It is held; the walk stays open. */
static struct message *find(struct dlq_walk *walk, uint64_t *tag)
{
        struct arena *arena;
        struct message *message, *copy = NULL;
        while (!copy && dlq_walk_next(walk, DLQ_PATIENCE_MS, &arena, &message, tag) == PULL_MESSAGE) {
                struct letter letter;
                letter_read(arena, walk->dlq, message, &letter);
                if (letter.entry && letter.entry->wanted)
                        copy = message_copy(&walk->dlq->cli->arena, message);
                else
                        dlq_walk_hold(walk, *tag);
                arena_free(arena);
        }
        if (!copy && !walk->failed)
                cli_fail(walk->dlq->cli, CLI_NOT_FOUND,
                         "the message is not in %s; leveret dlq sync %s cleans up", walk->dlq->source,
                         walk->dlq->queue);
        return copy;
}

/* The text as people can edit it. Absent if it cannot be had. */
static struct slice readable_body(struct dlq *dlq, const struct message *message)
{
        struct envelope envelope;
        if (!message->properties.content_encoding.data ||
            slice_is(message->properties.content_encoding, "identity") ||
            slice_is(message->properties.content_encoding, "utf-8"))
                return message->body;
        envelope_read(&dlq->cli->arena, message, dlq->cli->config->max_body, &envelope);
        if (slice_is(message->properties.content_type, "application/cloudevents+json"))
                return (struct slice){0};
        return envelope.payload;
}

static bool write_all(int fd, struct slice text)
{
        while (text.len > 0) {
                ssize_t done = write(fd, text.data, text.len);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return false;
                text.data += done;
                text.len -= (size_t)done;
        }
        return true;
}

static bool run_editor(char *file)
{
        char shell[] = "sh", flag[] = "-c", script[] = "exec ${VISUAL:-${EDITOR:-vi}} \"$0\"";
        char *words[] = {shell, flag, script, file, NULL};
        pid_t pid;
        int status;
        if (posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ) != 0)
                return false;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return false;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Lets the operator edit `text` in a file that only they can read. */
static int edit_text(struct dlq *dlq, struct slice text, char *file, struct slice *edited)
{
        const char *directory = getenv("TMPDIR");
        snprintf(file, 300, "%.200s/leveret-edit-XXXXXX", directory ? directory : "/tmp");
        int fd = mkstemp(file);
        bool ok = fd >= 0 && write_all(fd, text);
        if (fd >= 0)
                close(fd);
        if (!ok)
                return cli_fail(dlq->cli, CLI_ERROR, "%s: %s", file, strerror(errno));
        if (!run_editor(file))
                return cli_fail(dlq->cli, CLI_ERROR,
                                "the editor failed; nothing was sent, your text is in %s", file);
        const char *argument = arena_printf(&dlq->cli->arena, "@%s", file);
        return cli_data(dlq->cli, argument, (size_t)dlq->cli->config->max_body, edited) ? CLI_OK : CLI_ERROR;
}

/* Would a worker take the copy? */
static int check_copy(struct dlq *dlq, const struct message *copy)
{
        struct arena *arena = &dlq->cli->arena;
        struct envelope envelope;
        envelope_read(arena, copy, dlq->cli->config->max_body, &envelope);
        const struct handler *handler =
                envelope.type ? handler_find(handlers, slice_of(envelope.type)) : NULL;
        struct plan *plan;
        if (envelope.type && !handler)
                envelope_refuse(arena, &envelope, REASON_UNKNOWN_TYPE,
                                "type: no handler for it; see leveret type list");
        envelope.faults.arena = arena;
        enum reason reason = envelope.reason;
        if (handler && envelope.payload.data &&
            plan_build_text(handler, envelope.payload, &plan, &envelope.faults) != PLAN_OK)
                reason = reason == REASON_NONE ? REASON_BAD_PAYLOAD : reason;
        if (reason == REASON_NONE)
                return CLI_OK;
        return cli_fail_faults(dlq->cli, reason_word(reason), &envelope.faults, "; nothing was sent");
}

/* Has a job with this id been seen, or an edited copy of it been sent? */
static bool id_is_used(struct dlq *dlq, const char *id)
{
        struct arena *arena = &dlq->cli->arena;
        const char *prefix = dlq->cli->config->redis.prefix;
        const char *job = record_key(arena, prefix, KEY_JOB, id);
        const char *timeline = record_key(arena, prefix, KEY_EVENTS, id);
        const struct redis_value *exist = redis_sync_call(dlq->redis, arena, "EXISTS", job, timeline, NULL);
        return exist->kind == REDIS_INTEGER && exist->integer > 0;
}

/* The edited copy under the first id `<id>:e<n>` that nobody has used. NULL if none can be made; told. */
static struct message *make_copy(struct dlq *dlq, struct arena *arena, const char *id,
                                 const struct message *message, struct slice body)
{
        const char *next;
        while ((next = copy_edited_id(arena, id)) && id_is_used(dlq, next))
                id = next;
        struct message *copy =
                next ? copy_redrive_edited(arena, message, dlq->target, clock_wall_ms(), id, body) : NULL;
        if (!next)
                cli_fail(dlq->cli, CLI_ERROR,
                         "with :e1 its id would have more than %d characters; nothing was sent",
                         ENVELOPE_ID_MAX);
        else if (!copy)
                cli_fail(dlq->cli, CLI_ERROR,
                         "no copy with another body can be made of it; nothing was sent");
        return copy;
}

static void note_edited(struct dlq *dlq, const struct message *original, const char *fresh)
{
        struct arena *arena = &dlq->cli->arena;
        struct letter letter;
        struct dlq_death death;
        letter_read(arena, dlq, original, &letter);
        dlq_death_read(arena, dlq, original, &letter, &death);
        dlq_note_dropped(dlq, &death, arena_printf(arena, "\"event\":\"edited\",\"new_id\":\"%s\"", fresh));
}

/* Its id is used from now on, though no worker has seen it yet. */
static void note_copy(struct dlq *dlq, const char *id, const char *dead_id)
{
        dlq_note(dlq, id, arena_printf(&dlq->cli->arena, "\"event\":\"edited\",\"dead_id\":\"%s\"", dead_id));
        redis_sync_flush(dlq->redis);
}

/* Publishes the edited copy of the message as it stands in the queue now; acks and forgets the original. */
static int send_edited(struct dlq *dlq, struct dlq_walk *walk, const struct dlq_entry *entry,
                       const struct message *message, uint64_t tag, struct slice body)
{
        char error[160];
        struct arena *arena = arena_new();
        const char *id = entry->id[0] ? entry->id : entry->dead_id;
        struct message *copy = make_copy(dlq, arena, id, message, body);
        if (!copy) {
                arena_free(arena);
                dlq_walk_hold(walk, tag);
                return CLI_ERROR;
        }
        const char *fresh = arena_copy(&dlq->cli->arena, copy->properties.message_id.data,
                                       copy->properties.message_id.len);
        int status = check_copy(dlq, copy);
        if (status == CLI_OK) {
                note_copy(dlq, fresh, entry->dead_id);
                dlq_publish(dlq, arena, copy, error);
                if (error[0])
                        status = cli_fail(dlq->cli, CLI_ERROR, "%s; nothing was changed",
                                          cli_safe(dlq->cli, slice_of(error)));
        } else {
                arena_free(arena);
        }
        if (status != CLI_OK) {
                dlq_walk_hold(walk, tag);
                return status;
        }
        if (!dlq_walk_ack(walk, tag))
                return CLI_ERROR;
        dlq_index_remove(dlq, (const char *[]){entry->dead_id}, 1);
        note_edited(dlq, message, fresh);
        cli_print(dlq->cli->output == CLI_JSON
                          ? slice_of(arena_printf(&dlq->cli->arena, "{\"id\":\"%s\"}", fresh))
                          : slice_of(fresh));
        return CLI_OK;
}

/* The queue is not held while the editor is open: the message is taken, given back, and taken again. */
static int take_body(struct dlq *dlq, struct slice *body)
{
        struct dlq_walk walk;
        uint64_t tag;
        int status = dlq_walk_open(&walk, dlq, "edit");
        if (status != CLI_OK)
                return status;
        struct message *message = find(&walk, &tag);
        if (message)
                dlq_walk_hold(&walk, tag);
        status = dlq_walk_close(&walk);
        if (!message)
                return status == CLI_OK ? CLI_NOT_FOUND : status;
        *body = readable_body(dlq, message);
        if (status == CLI_OK && !body->data)
                status = cli_fail(dlq->cli, CLI_ERROR, "the body cannot be unpacked for an editor");
        return status;
}

static int send_body(struct dlq *dlq, const struct dlq_entry *entry, struct slice body)
{
        struct dlq_walk walk;
        uint64_t tag;
        int status = dlq_walk_open(&walk, dlq, "edit");
        if (status != CLI_OK)
                return status;
        struct message *message = find(&walk, &tag);
        status = message ? send_edited(dlq, &walk, entry, message, tag, body) : CLI_NOT_FOUND;
        int closed = dlq_walk_close(&walk);
        return status != CLI_OK ? status : closed;
}

int dlq_edit(struct dlq *dlq)
{
        const struct dlq_entry *entry = the_only_one(dlq);
        char file[300];
        struct slice body, edited;
        if (!entry)
                return cli_usage(dlq->cli, "--edit takes exactly one dead letter");
        int status = take_body(dlq, &body);
        if (status == CLI_OK)
                status = edit_text(dlq, body, file, &edited);
        if (status != CLI_OK)
                return status;
        if (slice_equal(body, edited)) {
                unlink(file);
                fprintf(stderr, "unchanged; nothing was sent\n");
                return CLI_OK;
        }
        status = send_body(dlq, entry, edited);
        if (status == CLI_OK)
                unlink(file);
        else
                fprintf(stderr, "your text is kept in %s\n", file);
        return status;
}
