#ifndef LEVERET_CORE_ENVELOPE_H
#define LEVERET_CORE_ENVELOPE_H

#include "core/codec/sha256.h"
#include "core/codec/traceparent.h"
#include "core/job/protocol.h"
#include "core/job/reason.h"
#include "core/memory/arena.h"
#include "core/message/message.h"
#include "core/settings/config.h"
#include "core/text/faults.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        ENVELOPE_ID_MAX = 200,
        ENVELOPE_TEXT_MAX = 255,   /* correlation_id and source are cut there */
        ENVELOPE_SUBJECT_MAX = 256 /* a longer one is ignored: cut, it would be another entity */
};

/*
 * What is known of a message before its payload is looked at. Texts are NUL-terminated and lie in the arena
 * or in the message; the payload is borrowed from the message if it was not packed.
 */
struct envelope {
        enum reason reason;   /* REASON_NONE, or why the message is dead: the first fault in the order of the
                                 fields */
        struct faults faults; /* all that is wrong, each on one line: the place and what was expected */
        const char *error;    /* NULL, or as many of them as fit into ERROR_TEXT_MAX bytes, on one line */

        const char *id; /* NULL if there is no usable one, whatever the reason: then the job has no record */
        const char *type; /* well-formed, known or not; NULL if missing or malformed */
        const char
                *source_id; /* of a message of others whose id is none of leveret's: as it came; else NULL */
        const char *correlation_id, *source, *subject; /* NULL if not said; no control characters */
        char traceparent[TRACEPARENT_SIZE];            /* "" if not said or invalid */
        const char *tracestate; /* what goes on beside it; NULL if not said, or either is invalid */
        bool has_timestamp, has_deadline;
        int64_t timestamp_s;   /* since 1970, within the years 1970 to 9999 */
        int64_t deadline_ms;   /* since 1970 */
        int64_t deliver_at_ms; /* since 1970: not to be done before; 0: not said */

        bool outside; /* did not come by leveret.return: from a publisher, or moved by somebody's tool */
        /* of leveret's own headers, zero on a message from outside */
        struct job_generation generation;
        int64_t first_seen_ms; /* since 1970; -1: now */
        /* Of the death that it was redriven from, or NULL. It is read also from outside, because it proves
         * something only together with the record, which knows the dead id of its latest letter. */
        const char *dead_id;

        struct slice payload;              /* JSON text, unpacked; absent if it cannot be had */
        char fingerprint[SHA256_HEX_SIZE]; /* of type, NUL, payload; of the body as it came if there is no
                                              payload. Of a payload that was taken out of another text each
                                              number counts as its double */

        const char
                *ignored; /* NULL, or a property that was left out because it is malformed: for a log line */
};

/*
 * Reads the envelope of a message that was delivered from a work queue. `max_body` bounds the body and the
 * unpacked payload. Everything is filled in that can be, also if a reason is set: a message with a good id
 * and a broken body still gets its record. That the type has a handler is the caller's to check
 * (envelope_refuse).
 *
 * A message is dead for the first of: id, type, headers that cannot be copied, content type, encoding, size,
 * deadline and deliver-at, packing, CloudEvents rules; all of them are told. A structured CloudEvent has its
 * id and type in the body: if that cannot be read, the properties serve for both, and the reason is the
 * body's.
 *
 * `queue` with a mapping (config_queue_is_mapped) has messages of others: core/message/foreign.h reads id,
 * type and payload. Otherwise it is not looked at and may be NULL.
 */
void envelope_read(struct arena *arena, const struct message *message, const struct config_queue *queue,
                   int64_t max_body, struct envelope *envelope);

/* ---- envelope_faults.c ---- */

/* Is this a usable id: 1 to 200 of A-Z a-z 0-9 . _ : / - ? */
bool envelope_id_valid(struct slice id);
/* How many bytes at its start an id may have. */
size_t envelope_id_run(struct slice text);

/* Adds a fault; the reason of the first one stays. */
void envelope_refuse(struct arena *arena, struct envelope *envelope, enum reason reason, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));

/* ---- envelope_times.c ---- */

/* Is it to be done further ahead than anything may be? `now_ms` is milliseconds since 1970. */
bool envelope_too_far(const struct envelope *envelope, int64_t now_ms);
/* Since when it could be done: its timestamp, or its deliver-at if that is later; 0 if neither is said, or
 * only a timestamp that cannot be true. `seen_ms` is when the message was first seen; all are milliseconds
 * since 1970. */
int64_t envelope_since_ms(const struct envelope *envelope, int64_t seen_ms);

/* Can a message that was first seen then be of this time? Not, if its publisher has sent zero, the end of all
 * days or another unit. Both are milliseconds since 1970. */
bool envelope_time_plausible(int64_t time_ms, int64_t seen_ms);

/* Has its deadline passed? Always false without one. `now_ms` is milliseconds since 1970. */
bool envelope_expired(const struct envelope *envelope, int64_t now_ms);

#endif
