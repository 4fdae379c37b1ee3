#ifndef LEVERET_CORE_OUTBOX_SQL_H
#define LEVERET_CORE_OUTBOX_SQL_H

#include "core/memory/arena.h"
#include "core/outbox/outbox_pace.h"
#include "core/text/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Every statement of the relay, for PostgreSQL 13 to 17. Nothing of a session is relied on but LISTEN, so
 * that a pooler may stand in between: what is set is set for one transaction.
 *
 * A row waits while both `error` and `sent_at` are NULL.
 */

enum {
        OUTBOX_TABLE_MAX = 48,       /* bytes of relay.table: names of 63 bytes are made of it */
        OUTBOX_COUNT_MAX = 100000,   /* rows are counted up to this */
        OUTBOX_PURGE_ROWS = 5000,    /* deleted at once after relay.keep */
        OUTBOX_BATCH_BYTES = 8 << 20 /* of data and headers in a batch, or one row */
};

/* Is it a name that PostgreSQL takes without quotes: table or schema.table, of a-z, 0-9 and _? */
bool outbox_table_valid(const char *table);
/* "public"."leveret_outbox", in the arena. */
const char *outbox_table_quoted(struct arena *arena, const char *table);

/* Adds the SQL that makes the table, its indexes and the trigger, and that may be run again. */
void outbox_sql_init(struct buffer *out, const char *table);

const char *outbox_sql_listen(struct arena *arena, const char *table);
/* For a test of what comes through: a notification to the relays. */
const char *outbox_sql_notify(struct arena *arena, const char *table);

/* The columns of what outbox_sql_fetch returns. */
enum outbox_column {
        OUTBOX_SEQ,
        OUTBOX_ID,
        OUTBOX_TYPE,
        OUTBOX_SUBJECT,
        OUTBOX_HEADERS, /* cut beyond what a frame holds */
        OUTBOX_DATA,    /* NULL too if it is over max_body */
        OUTBOX_DATA_LEN,
        OUTBOX_DELIVER_AT,
        OUTBOX_CREATED,
        OUTBOX_HELD, /* rows that are locked, returned or not: the rest is over OUTBOX_BATCH_BYTES */
        OUTBOX_COLUMNS
};
/* Begins a transaction that holds the rows which no other relay holds. */
const char *outbox_sql_fetch(struct arena *arena, const char *table, const struct outbox_look *look,
                             int64_t max_body);

/* Takes the rows `seqs`, "1,2,3", away, or marks them where they are kept. */
const char *outbox_sql_gone(struct arena *arena, const char *table, const char *seqs, bool keep);
/* $1: the error, $2: the seq of the row. */
const char *outbox_sql_aside(struct arena *arena, const char *table);

/* Deletes marked rows that are older. */
const char *outbox_sql_purge(struct arena *arena, const char *table, int64_t keep_ms);

/* One row: how many wait, the age of the first in milliseconds or NULL, how many stand aside. */
enum outbox_depth_column { OUTBOX_WAITING, OUTBOX_OLDEST, OUTBOX_STANDING, OUTBOX_DEPTH_COLUMNS };
const char *outbox_sql_depth(struct arena *arena, const char *table);

/* Fails unless all columns are there; one row: may this user read, update and delete, each t or f? */
const char *outbox_sql_probe(struct arena *arena, const char *table);

#endif
