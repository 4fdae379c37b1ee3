#ifndef LEVERET_CORE_COPY_H
#define LEVERET_CORE_COPY_H

#include "core/job/protocol.h"
#include "core/job/reason.h"
#include "core/message/message.h"
#include "core/settings/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The copies of a message that leveret publishes. A copy keeps the body and all properties and headers of the
 * original, also nested ones, but for what would do harm when published again: the broker's own bookkeeping
 * (x-death, x-first-death-*, x-last-death-*, x-delivery-count, x-acquired-count), `CC` and `BCC` (would send
 * it to other queues), `expiration`, `user_id`, and all x-leveret-* headers, which are written anew. It is
 * always persistent.
 *
 * x-leveret-exchange, -routing-key and -first-seen tell where and when the message was seen first; no later
 * hop changes them.
 */

/* Can a copy be made: the headers and the whole body are there, and the copy's headers will be taken apart
 * again? If not, the broker has to move the original. */
bool copy_possible(const struct message *message);

/* What a copy says of the job. Borrowed for the call. */
struct copy_facts {
        const char *queue, *worker;
        const char *id; /* of a message of others, which does not say it itself; else NULL */
        struct job_generation generation; /* of the copy: job_decision_generation */
        int64_t first_seen_ms;            /* since 1970; counts if the original does not say */
        int64_t failed_at_ms;             /* since 1970; -1: nothing failed (a deferral, a drain) */
        enum reason reason;               /* dead letters only */
        const char *error;                /* or NULL; cut to ERROR_TEXT_MAX and made one line */
        const char *dead_id;              /* dead letters only */
};

/* Do both say the same attempt, deferrals and redrives? */
bool copy_same_generation(const struct message *copy, const struct message *other);

/* To the delay tier number `tier` of the queue: a retry, a deferral, or the same generation again. In the
 * arena, as all copies; NULL if none can be made. */
struct message *copy_retry(struct arena *arena, const struct message *original,
                           const struct copy_facts *facts, const struct config_queue *queue, size_t tier);

/* To the ladder until then (CLOCK_BOOTTIME): a message for later, or the same generation again after longer
 * than any tier. The way onto the ladder is chosen when it leaves, so that no wait before makes it late. */
struct message *copy_later(struct arena *arena, const struct message *original,
                           const struct copy_facts *facts, int64_t until_ms);

/* To the dead-letter exchange. */
struct message *copy_dead(struct arena *arena, const struct message *original,
                          const struct copy_facts *facts);

/*
 * From a dead-letter queue (or leveret.unrouted) back to the work queue `queue`: one redrive more, attempt
 * and deferrals 0, without what was said of the death but its id, and without a deadline that has passed or
 * cannot be read. First-seen is kept; if nothing says it, it is the timestamp if that is plausible, or
 * `now_ms`.
 */
struct message *copy_redrive(struct arena *arena, const struct message *dead, const char *queue,
                             int64_t now_ms);

/* `<id>:e<n>`, n one more than in an id that ends so already; NULL if it would be too long. */
const char *copy_edited_id(struct arena *arena, const char *id);

/* What an operator has changed. Texts are borrowed by the copy. */
struct copy_edit {
        const char *id;       /* the new one, usable: the content is another, so the job is */
        struct slice body;    /* never packed */
        const char *type;     /* NULL: as it was */
        const char **dropped; /* names of headers that are gone */
        size_t dropped_count;
        const struct header *set; /* headers that are new or say something else */
        size_t set_count;
};

/*
 * The same as an operator has edited it. A CloudEvent gets the new id where its id stands: in binary mode the
 * header, in structured mode the body, which is the whole event. NULL also if the body is not such an event.
 */
struct message *copy_redrive_edited(struct arena *arena, const struct message *dead, const char *queue,
                                    int64_t now_ms, const struct copy_edit *edit);

#endif
