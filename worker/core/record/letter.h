#ifndef LEVERET_CORE_RECORD_LETTER_H
#define LEVERET_CORE_RECORD_LETTER_H

#include "core/memory/arena.h"
#include "core/message/envelope.h"
#include "core/message/own_headers.h"

#include <stdint.h>

/* The hash KEY_LETTER: what the index knows of one dead letter. Texts are borrowed; an absent one is written
 * as "". */
struct letter_record {
        struct slice id, type, reason, error;
        int64_t failed_ms, first_seen_ms; /* wall clock; first_seen_ms 0: unknown */
        int64_t attempt, redrives;
        int64_t size;   /* bytes of the body */
        int64_t copies; /* so many messages cannot be told apart; 0 or absent: 1 */
        struct slice subject;
        struct slice app_id, routing_key; /* of the publisher; the key is that of the first publishing */
        struct slice message_id;          /* as it came, if it is no usable id */
        int64_t deadline_ms;              /* wall clock; 0: none */
        /* From here on what a list does not need. */
        int64_t deferrals;
        struct slice queue, correlation_id, content_type, content_encoding, reply_to, exchange;
        struct slice worker; /* "broker": it moved the message itself */
        struct slice body;   /* of which the first RECORD_HEAD_MAX bytes are kept, in the field head */
};

enum { LETTER_LISTED = 15, LETTER_FIELDS = 24 };
/* HSET, the key, and each field with its value but `copies`, which only `dlq sync` knows. */
enum { LETTER_WORDS = 2 + 2 * (LETTER_FIELDS - 1) };

/* Fills all that the message itself says, from subject and app_id to body; borrowed. `own` is what its own
 * headers say; without a routing key there, it is as published. */
void letter_record_message(struct letter_record *letter, const struct message *message,
                           const struct envelope *envelope, const struct own_headers *own);

/* The name of a field in the hash; the first LETTER_LISTED are those that lists show. */
const char *letter_field(int index);
/* The command that writes the record; texts lie in the arena or are borrowed from `letter`. */
void letter_record_set(struct arena *arena, const char *prefix, const char *dead_id,
                       const struct letter_record *letter, struct slice words[LETTER_WORDS]);
/* Fills the listed fields; values[i] is that of letter_field(i), absent if the hash has none. A number that
 * is none is 0. Texts are borrowed. */
void letter_record_read(struct letter_record *letter, const struct slice values[LETTER_LISTED]);

#endif
