#ifndef LEVERET_CLI_DLQ_H
#define LEVERET_CLI_DLQ_H

#include "cli/cli.h"
#include "core/codec/json.h"
#include "core/message/copy.h"
#include "core/message/dead_id.h"
#include "core/message/envelope.h"
#include "core/message/message.h"
#include "io/broker/amqp_pull.h"
#include "query/letters.h"

/* What the commands on dead letters share. They run on a thread with the stack that decoding hostile headers
 * needs. */

struct dlq {
        struct cli *cli;
        struct redis_sync *redis;
        const char *queue;  /* names the index: a work queue or leveret.unrouted */
        const char *source; /* the dead-letter queue at the broker */
        const char *target; /* the work queue to which is redriven; NULL: not known */

        /* What was asked for; NULL if not given. */
        const char *type, *reason, *search, *subject, *since, *all, *rate, *dry_run, *edit, *to, *backup;
        const char *limit, *full, *newest, *expired, *wait, *set, *filter;
        int64_t since_ms; /* wall clock; 0: not asked for */
        int64_t wait_ms;
        int64_t limit_count; /* 0: no limit */
        const char **ids;
        size_t id_count;

        struct letter_entry *entries; /* oldest first */
        struct letter_entry **by_dead_id;
        size_t count, capacity;
        size_t wanted;
        int64_t wanted_messages; /* of those entries */
        int64_t met;             /* of those messages */
};

/* What a list calls it: its id, or in quotes what came in place of a usable one. */
const char *dlq_entry_name(struct cli *cli, const struct letter_entry *entry);

/* The work queue of that name; "<queue>.dlq" is taken for "<queue>". NULL if it is not configured. */
const char *dlq_work_queue(struct cli *cli, const char *word);

struct letter;

/* The work queue that the dead letters are of, for its mapping; NULL: leveret.unrouted. */
const struct config_queue *dlq_config_queue(const struct dlq *dlq);

/* ---- dlq_index.c: the index in Redis ---- */

/* Reads all of it. CLI_OK, or an exit status after printing the error. */
int dlq_index_load(struct dlq *dlq);
struct letter_entry *dlq_index_find(const struct dlq *dlq, const char *dead_id);
/* Records that the message of this death was read from the queue. Returns its entry, or NULL. */
const struct letter_entry *dlq_index_meet(struct dlq *dlq, const char *dead_id);
/* Was the message just read selected? `entry` may be NULL. */
bool dlq_index_is_chosen(const struct dlq *dlq, const struct letter_entry *entry);
/* Marks what ids and filters select. CLI_NOT_FOUND, after printing why, if an id is unknown or nothing
 * matches. */
int dlq_index_choose(struct dlq *dlq);
/* How many messages of those that are chosen are to be met: all, or as --limit says the first ones in the
 * queue. */
int64_t dlq_index_goal(const struct dlq *dlq);
bool dlq_has_filter(const struct dlq *dlq);
/* The message that was just met stays where it is after all: --limit counts another one in its place. */
void dlq_index_pass(struct dlq *dlq, const struct letter_entry *entry);
/* Says on stderr that there is no such queue, or that queue and index differ, and who works on it; if the
 * broker can be asked. */
void dlq_index_hint(struct dlq *dlq);
/* Adds the entry of a message, as a worker does when it dead-letters one; sent with the next
 * redis_sync_flush. */
void dlq_index_add(struct dlq *dlq, struct arena *arena, const struct letter *letter,
                   const struct message *message, int64_t failed_ms);
/* Forgets deaths. */
void dlq_index_remove(struct dlq *dlq, const char *const *dead_ids, size_t count);

/* ---- dlq_letter.c: one message of a dead-letter queue ---- */

struct letter {
        char dead_id[DEAD_ID_SIZE];
        const char *id;   /* or NULL */
        const char *type; /* or NULL */
        const char *reason, *error;
        const char *queue;                /* names the index */
        int64_t failed_ms, first_seen_ms; /* -1: unknown */
        uint32_t redrives;
        bool broker_made;                 /* the broker moved it, not leveret */
        const struct letter_entry *entry; /* NULL: not in the index */
};
/* Texts lie in the arena or the message. */
void letter_read(struct arena *arena, const struct dlq *dlq, const struct message *message,
                 struct letter *letter);
/* Adds the whole message as one JSON object. */
void letter_json(struct buffer *out, const struct letter *letter, const struct message *message);
/* Adds a header's value as JSON. */
void header_json(struct buffer *out, const struct header *header);
/* The other way: what JSON does not know, such as the width of a number, is lost; a `deadline` in seconds is
 * a timestamp again. `depth` is 0; deeper than HEADER_DEPTH_MAX, and numbers beyond 64 bits, give false. All
 * memory is in the arena. */
bool header_read(struct arena *arena, const char *name, json_t *value, struct header *header, int depth);

/* ---- dlq_lock.c: one operator at a time ---- */

struct dlq_lock {
        struct dlq *dlq;
        const char *key, *owner;
        int64_t renewed_ms;
};
/* CLI_OK, or CLI_REFUSED after printing the owner. */
int dlq_lock_take(struct dlq_lock *lock, struct dlq *dlq, const char *verb);
/* Renews it if that is due. False: it was lost, the work must stop. */
bool dlq_lock_keep(struct dlq_lock *lock);
void dlq_lock_give(struct dlq_lock *lock);
/* Who works on the queue now, safe for a terminal; NULL: nobody. */
const char *dlq_lock_owner(struct dlq *dlq);

/* ---- dlq_walk.c: messages of the queue one after the other; what is not acked goes back in order ---- */

struct dlq_walk {
        struct dlq *dlq;
        struct dlq_lock lock;
        struct amqp_pull *pull;
        struct amqp_error error;
        int64_t ready; /* how many there were at the start */
        int64_t bound; /* no more are looked at: those, or as --limit says if nothing was chosen */
        int64_t looked;
        uint32_t others; /* consumers at the start: what they hold is not seen */
        uint64_t *held;  /* tags to be given back */
        size_t held_count, held_capacity;
        bool failed;  /* the connection or the lock is lost */
        bool starved; /* none came for DLQ_PATIENCE_MS though more were counted */
};
/* How many are ready. CLI_OK; or, after printing the error, CLI_NOT_FOUND if there is no such queue. */
int dlq_count(struct dlq *dlq, int64_t *count);
/* Takes the lock, counts, connects. CLI_OK, or an exit status after printing the error. */
int dlq_walk_open(struct dlq_walk *walk, struct dlq *dlq, const char *verb);
/* What a busy broker is waited for before a message counts as not there; Ctrl-C ends the wait. */
#define DLQ_PATIENCE_MS 15000
/* The next message; its arena belongs to the caller, who frees it by arena_free. PULL_NOTHING also at the
 * bound or after Ctrl-C. */
enum pull_result dlq_walk_next(struct dlq_walk *walk, int64_t timeout_ms, struct arena **arena,
                               struct message **message, uint64_t *tag);
/* All chosen ones were met, the bound is reached, Ctrl-C was pressed, or it failed. */
bool dlq_walk_is_over(const struct dlq_walk *walk);
/* The message is to go back. */
void dlq_walk_hold(struct dlq_walk *walk, uint64_t tag);
bool dlq_walk_ack(struct dlq_walk *walk, uint64_t tag);
/* Gives back what is held, in order, and the lock. CLI_OK, or CLI_ERROR after printing
 * the cause. */
int dlq_walk_close(struct dlq_walk *walk);

/* From now on Ctrl-C only ends the work in order. */
void dlq_catch_interrupt(void);
/* Was Ctrl-C pressed? */
bool dlq_interrupted(void);

/* ---- dlq_wait.c: what became of those that were redriven ---- */

struct dlq_waiting {
        char id[ENVELOPE_ID_MAX + 1];
        uint32_t redrives; /* of the life that is waited for */
};
struct dlq_wait {
        struct dlq_waiting *jobs; /* that have not ended */
        size_t count, capacity;
        int64_t completed, died;
};
/* One more job; without an id there is no record to look at. */
void dlq_wait_add(struct dlq_wait *wait, const char *id, uint32_t redrives);
/* Waits until all have ended, `wait_ms` have passed, or Ctrl-C; says how many ended how on stderr. */
void dlq_wait_run(struct dlq *dlq, struct dlq_wait *wait, int64_t wait_ms);
void dlq_wait_free(struct dlq_wait *wait);

/* ---- dlq_fresh.c, dlq_edit_text.c: messages that an operator has mended ---- */

/* The first id `<id>:e<n>` that no job has had; NULL after printing the error. */
const char *dlq_fresh_id(struct dlq *dlq, const struct letter_entry *entry);
/* Publishes the mended copy of the message as it stands in the queue now; acks and forgets the original, and
 * prints the new id. edit->id NULL: dlq_fresh_id. If not CLI_OK, the cause is printed and the message is
 * held.
 */
int dlq_fresh_send(struct dlq_walk *walk, const struct letter_entry *entry, const struct message *message,
                   uint64_t tag, const struct copy_edit *edit);
/* Has the message's own deadline passed, and was --expired not given? */
bool dlq_is_late(struct dlq *dlq, struct arena *arena, const struct message *message);
/* The body as people and programs can change it, unpacked. Absent if it cannot be had. */
struct slice dlq_readable_body(struct dlq *dlq, const struct message *message);
/* The text for the editor: id, type and the publisher's headers, an empty line, the body. In the arena. */
struct slice dlq_edit_write(struct arena *arena, const struct message *message, const char *id,
                            struct slice body);
/* Takes such a text apart; one that does not begin with such lines is a body alone. NULL, or what is wrong
 * with it. */
const char *dlq_edit_read(struct arena *arena, const struct message *message, struct slice text,
                          struct copy_edit *edit);

/* ---- dlq_filter.c ---- */

/* Runs the program of --filter (by the shell) with the body on its standard input; what it writes is the
 * answer. NULL, or what went wrong: it fails, takes over 10 s (then it is killed), or writes over max_body.
 */
const char *dlq_filter_run(struct dlq *dlq, struct slice body, struct slice *answer);

/* ---- dlq_dry_run.c ---- */

/* Says what the verb would do, from the index or, if nothing was chosen, from the queue's depth. Touches
 * nothing. */
int dlq_dry_run(struct dlq *dlq, const char *verb);

/* ---- the verbs ---- */
#define DLQ_CHOOSE "name ids, --reason, --type, --subject, --search, --since, or --all"
int dlq_list(struct dlq *dlq);
int dlq_groups(struct dlq *dlq);
int dlq_show(struct dlq *dlq);
int dlq_redrive(struct dlq *dlq);
int dlq_edit(struct dlq *dlq);
int dlq_mend(struct dlq *dlq);
int dlq_restore(struct dlq *dlq);
int dlq_drop(struct dlq *dlq);
int dlq_purge(struct dlq *dlq);
int dlq_export(struct dlq *dlq);
int dlq_sync(struct dlq *dlq);

/* Publishes one copy, confirmed; the arena is taken over. "" in `error` (160 bytes) if it is there. */
void dlq_publish(struct dlq *dlq, struct arena *arena, struct message *copy, char *error);
/* Adds a line to the job's timeline with the next redis_sync_flush. `note`: the inside of a JSON object. */
void dlq_note(struct dlq *dlq, const char *id, const char *note);

/* What a record says that is dead by this very death. Another message with the same id, such as an
 * `id_conflict` or one that was never routed, has another. */
struct dlq_death {
        char dead_id[DEAD_ID_SIZE], id[ENVELOPE_ID_MAX + 1]; /* id "" if no job can have it */
        char fingerprint[SHA256_HEX_SIZE], reason[32];
        uint32_t redrives;
};
void dlq_death_read(struct arena *arena, const struct dlq *dlq, const struct message *message,
                    const struct letter *letter, struct dlq_death *death);
/* dlq_note at once; the record becomes `dropped` if this death made it `dead`. */
void dlq_note_dropped(struct dlq *dlq, const struct dlq_death *death, const char *note);
/* "user@host" for audit lines and the lock. */
const char *dlq_operator(struct arena *arena);

#endif
