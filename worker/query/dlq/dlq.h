#ifndef LEVERET_QUERY_DLQ_H
#define LEVERET_QUERY_DLQ_H

#include "core/codec/json.h"
#include "core/message/copy.h"
#include "core/message/dead_id.h"
#include "core/message/envelope.h"
#include "core/message/message.h"
#include "core/types/type_set.h"
#include "io/broker/amqp_pull.h"
#include "query/letters.h"

#include <pthread.h>

/* Work on the dead letters of a queue, for commands and for HTTP. It runs on a thread with the stack that
 * decoding hostile headers needs: dlq_run_on_big_stack. */

/* What the functions here return; an error was told by then. */
enum { DLQ_OK = 0, DLQ_ERROR = 1, DLQ_NOT_FOUND = 3, DLQ_REFUSED = 4 };

struct dlq {
        struct query query;
        const struct type_set *types;
        const char *queue;  /* names the index: a work queue or leveret.unrouted */
        const char *source; /* the dead-letter queue at the broker */
        const char *target; /* the work queue to which is redriven; NULL: not known */
        const char *who;    /* works on it, as lock and timelines name them */

        /* Which letters; NULL or 0: all. */
        const char *type, *reason, *search, *subject;
        int64_t since_ms;    /* wall clock */
        int64_t limit_count; /* the first so many */
        const char *const *ids;
        size_t id_count;
        bool all;     /* that are in the queue, whatever the index says */
        bool expired; /* those whose deadline has passed, too */

        struct letter_entry *entries; /* oldest first */
        struct letter_entry **by_dead_id;
        size_t count, capacity;
        size_t wanted;
        int64_t wanted_messages; /* of those entries */
        int64_t met;             /* of those messages */

        /* Of who asked. What went wrong; the text is raw, as is what came from outside in it. */
        void (*told)(struct dlq *dlq, int status, const char *text);
        /* No question follows: the work begins. NULL: nobody wants to know. */
        void (*begins)(struct dlq *dlq);
        /* Is it to end? What was begun is finished. */
        bool (*stopped)(struct dlq *dlq);
        void (*moved)(struct dlq *dlq, int64_t done, int64_t total);
        void *context;
};

/* Tells what went wrong; returns the status. */
__attribute__((format(printf, 3, 4))) int dlq_fail(struct dlq *dlq, int status, const char *format, ...);
bool dlq_is_stopped(struct dlq *dlq);
/* Begins it on such a thread, which the caller joins. False: there is none. */
bool dlq_thread_begin(pthread_t *thread, void *(*run)(void *context), void *context);
/* Runs it on such a thread, to its end. False: there is no such thread. */
bool dlq_run_on_big_stack(void (*run)(void *context), void *context);

/* Fills queue, source and target from a name: a work queue or its dead-letter queue, or leveret.unrouted.
 * False: none of the configuration. */
bool dlq_name(struct dlq *dlq, const char *word);
/* The work queue of that name; "<queue>.dlq" is taken for "<queue>". NULL if it is not configured. */
const char *dlq_work_queue(const struct query *query, const char *word);

struct letter;

/* The work queue that the dead letters are of, for its mapping; NULL: leveret.unrouted. */
const struct config_queue *dlq_config_queue(const struct dlq *dlq);

/* ---- dlq_index.c: the index in Redis ---- */

/* Reads all of it. */
int dlq_index_load(struct dlq *dlq);
struct letter_entry *dlq_index_find(const struct dlq *dlq, const char *dead_id);
/* Records that the message of this death was read from the queue. Returns its entry, or NULL. */
const struct letter_entry *dlq_index_meet(struct dlq *dlq, const char *dead_id);
/* Was the message just read selected? `entry` may be NULL. */
bool dlq_index_is_chosen(const struct dlq *dlq, const struct letter_entry *entry);
/* Marks what ids and filters select. DLQ_NOT_FOUND if an id is unknown or nothing matches. */
int dlq_index_choose(struct dlq *dlq);
/* How many messages of those that are chosen are to be met: all, or as --limit says the first ones in the
 * queue. */
int64_t dlq_index_goal(const struct dlq *dlq);
bool dlq_has_filter(const struct dlq *dlq);
/* The message that was just met stays where it is after all: --limit counts another one in its place. */
void dlq_index_pass(struct dlq *dlq, const struct letter_entry *entry);
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
/* DLQ_REFUSED: another works on it. */
int dlq_lock_take(struct dlq_lock *lock, struct dlq *dlq, const char *verb);
/* Renews it if that is due. False: it was lost, the work must stop. */
bool dlq_lock_keep(struct dlq_lock *lock);
void dlq_lock_give(struct dlq_lock *lock);
/* Who works on the queue now; NULL: nobody. */
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
/* How many are ready. DLQ_NOT_FOUND: there is no such queue. */
int dlq_count(struct dlq *dlq, int64_t *count);
/* Takes the lock, counts, connects. */
int dlq_walk_open(struct dlq_walk *walk, struct dlq *dlq, const char *verb);
/* What a busy broker is waited for before a message counts as not there; being stopped ends the wait. */
#define DLQ_PATIENCE_MS 15000
/* The next message; it and its arena belong to the caller, who frees them by arena_free. PULL_NOTHING also at
 * the bound or when it is stopped. */
enum pull_result dlq_walk_next(struct dlq_walk *walk, int64_t timeout_ms, struct amqp_delivery *taken);
/* All chosen ones were met, the bound is reached, it was stopped, or it failed. */
bool dlq_walk_is_over(const struct dlq_walk *walk);
/* The message is to go back. */
void dlq_walk_hold(struct dlq_walk *walk, uint64_t tag);
bool dlq_walk_ack(struct dlq_walk *walk, uint64_t tag);
/* Gives back what is held, in order, and the lock. */
int dlq_walk_close(struct dlq_walk *walk);

/* ---- dlq_fresh.c: messages that an operator has mended ---- */

/* The first id `<id>:e<n>` that no job has had; NULL after telling why there is none. */
const char *dlq_fresh_id(struct dlq *dlq, const struct letter_entry *entry);
/* Publishes the mended copy of the message as it stands in the queue now; acks and forgets the original. The
 * new id in `fresh`. edit->id NULL: dlq_fresh_id. If not DLQ_OK, the message is held. */
struct dlq_mending {
        struct dlq_walk *walk;
        const struct letter_entry *entry;
        const struct message *message;
        uint64_t tag;
        const char *fresh;
};
int dlq_fresh_send(struct dlq_mending *mending, const struct copy_edit *edit);
/* Has the message's own deadline passed, and is it to be left alone then? */
bool dlq_is_late(struct dlq *dlq, struct arena *arena, const struct message *message);
/* The body as people and programs can change it, unpacked. Absent if it cannot be had. */
struct slice dlq_readable_body(struct dlq *dlq, const struct message *message);
/* Walks to the one letter that is wanted, whose walk stays open; it is neither held nor acked. A copy in the
 * query's arena, or NULL after telling why. */
struct message *dlq_walk_find(struct dlq_walk *walk, uint64_t *tag);

/* ---- dlq_redrive.c ---- */

struct dlq_redriven {
        int64_t moved, total, unusable;
        int64_t late;    /* left alone: their deadline has passed */
        int64_t left;    /* in the queue */
        char error[160]; /* of the first copy that was not confirmed, which ended the work; or "" */
        /* Asked for: messages a second (0: no limit), and who wants to know of each one that went. */
        double rate;
        void (*settled)(struct dlq *dlq, const char *id, uint32_t redrives);
};
/* Is there a work queue for the copies? */
int dlq_check_target(struct dlq *dlq);
/* Moves what is wanted, or all. How far it came is in `redriven`, whatever it returns. */
int dlq_redrive_run(struct dlq *dlq, struct dlq_redriven *redriven);
/* Messages among the chosen ones that a redrive would leave alone, as far as the index knows deadlines. */
int64_t dlq_count_late(const struct dlq *dlq);

/* ---- dlq_drop.c ---- */

/* Where what is dropped is kept. */
struct dlq_backup {
        /* Before the first letter; not called if there is none. False, once told: nothing is dropped. */
        bool (*open)(struct dlq_backup *backup, struct dlq *dlq);
        /* Lines of JSON, as dlq_restore_line takes them. False, once told: they stay in the queue, and the
         * work ends. */
        bool (*keep)(struct dlq_backup *backup, struct dlq *dlq, struct slice lines);
        void *context;
        /* How far it came. */
        int64_t dropped, total;
        bool failed;
};
int dlq_drop_run(struct dlq *dlq, const char *verb, struct dlq_backup *backup);

/* ---- dlq_restore.c ---- */

/* Brings a letter back that was dropped, to `queue` or to the one that its line names. NULL, or what is wrong
 * with the line; "" once that was told. */
const char *dlq_restore_line(struct dlq *dlq, struct slice line, const char *queue);

/* ---- dlq_note.c ---- */

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
/* The name of this machine. */
const char *dlq_host(struct arena *arena);

#endif
