#ifndef LEVERET_CORE_OUTBOX_ROW_H
#define LEVERET_CORE_OUTBOX_ROW_H

#include "core/memory/arena.h"
#include "core/message/message.h"

#include <stdbool.h>
#include <stdint.h>

/* A row of the outbox table, and the message that it becomes. */

enum {
        OUTBOX_HEADERS_MAX = 64,
        OUTBOX_ERROR_MAX = 512, /* bytes of the column error, with a NUL */
};

/* How far ahead a message may be due: 400 days. */
#define OUTBOX_AHEAD_MAX_MS (INT64_C(400) * 24 * 3600 * 1000)

/* As the table has it; what is NULL there is absent. Texts are borrowed. */
struct outbox_row {
        int64_t seq; /* the table's own number of the row */
        struct slice id, type, subject;
        struct slice headers; /* JSON */
        struct slice data;    /* JSON; absent also if it is larger than asked for */
        int64_t data_len;     /* bytes of it; 0: NULL */
        struct slice
                deliver_at; /* milliseconds since 1970, or what PostgreSQL writes for no date: infinity */
        int64_t created_ms; /* since 1970 */
};

struct outbox_rules {
        int64_t max_body; /* bytes */
        int64_t now_ms;   /* since 1970 */
};

/*
 * The message: to leveret.in with the type as routing key, persistent, of the time at which the row was
 * written, all of it in `arena`. NULL if the row is none: then `error` says all that is wrong, each with its
 * column, on one line.
 */
struct message *outbox_row_message(struct arena *arena, const struct outbox_row *row,
                                   const struct outbox_rules *rules, char error[OUTBOX_ERROR_MAX]);

/* What the broker said of a message. */
enum outbox_answer {
        OUTBOX_CONFIRMED,
        OUTBOX_RETURNED,    /* nothing is bound for it */
        OUTBOX_UNENCODABLE, /* too large for a frame */
        OUTBOX_REFUSED,     /* nack: a queue is full or failing */
        OUTBOX_UNANSWERED,  /* the connection was lost, or the broker blocks: it may be there or not */
};

/* What becomes of the row. */
enum outbox_fate {
        OUTBOX_GONE,  /* it is in the broker: deleted, or marked */
        OUTBOX_ASIDE, /* it can never go: its error is written into it */
        OUTBOX_STAYS, /* it is tried again, with the same id */
};
enum outbox_fate outbox_fate_of(enum outbox_answer answer);

#endif
