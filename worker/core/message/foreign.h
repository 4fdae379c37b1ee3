#ifndef LEVERET_CORE_FOREIGN_H
#define LEVERET_CORE_FOREIGN_H

#include "core/job/reason.h"
#include "core/memory/arena.h"
#include "core/message/message.h"
#include "core/settings/config.h"

/*
 * The messages of others, who cannot be asked to change: where their id, type and data stand, by the mapping
 * of the queue. A source is the name of a property (message_id, correlation_id, type, app_id, routing_key,
 * ..), `header:NAME`, a JSON pointer into the body, `=TEXT`, or, of an id, `content`. Of several the first
 * that is there counts.
 */

enum { FOREIGN_FAULTS_MAX = 8, FOREIGN_PREFIX_MAX = 100 };

struct foreign_fault {
        enum reason reason;
        const char *text; /* for its author, with the place */
};

/* All memory is the arena's or the message's. */
struct foreign {
        const char *id;        /* with the queue's prefix; NULL: of the content, or not there */
        bool id_of_content;    /* foreign_content_id makes it */
        const char *source_id; /* as it came, if that is no id of leveret: too long, or of other letters */
        const char *type;      /* NULL: not there, or no type */
        struct slice payload;  /* JSON text; absent if there is none */
        struct slice compared; /* what the fingerprint is of, if that is not the payload */
        bool has_deadline;
        int64_t deadline_ms; /* since 1970 */
        struct foreign_fault faults[FOREIGN_FAULTS_MAX];
        size_t fault_count;
};

/* Is this a source that a mapping may name? `of_id`: of an id. */
bool foreign_source_valid(const char *source, bool of_id);

/* Reads a message by the mapping of its queue. `body` is the unpacked body; absent (data is NULL) if it could
 * not be had, which the caller has told. */
void foreign_read(struct arena *arena, const struct config_queue *queue, const struct message *message,
                  struct slice body, struct foreign *foreign);

/* The id of a message by its content, of which `hex` is the SHA-256; in the arena. */
const char *foreign_content_id(struct arena *arena, const struct config_queue *queue, const char *hex);

#endif
