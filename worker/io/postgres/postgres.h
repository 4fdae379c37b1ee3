#ifndef LEVERET_IO_POSTGRES_H
#define LEVERET_IO_POSTGRES_H

#include "core/memory/arena.h"
#include "core/memory/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One connection to PostgreSQL, by libpq, for one thread that waits for each answer. What libpq knows, its
 * URLs know: several hosts, TLS (sslmode, sslrootcert), service and password files, the PG.. variables.
 * Unless the URL says otherwise: the host that takes writes, 10 s to connect, and a peer that is gone is
 * noticed within 20 s.
 */
struct postgres;

enum { POSTGRES_ERROR_MAX = 512 };

/* What is wrong with the text of a URL; NULL if nothing is. In the arena. It holds no secret. */
const char *postgres_url_fault(struct arena *arena, const char *url);

/* Connects, in at most `timeout_ms` but for the look-up of a name. `interrupt` is a descriptor that ends
 * every wait once it can be read, for good; -1: none. NULL with the cause in `error` (POSTGRES_ERROR_MAX, one
 * line). */
struct postgres *postgres_open(const char *url, int interrupt, int64_t timeout_ms, char *error);
void postgres_close(struct postgres *postgres);
/* May what comes next be interrupted? At first it may. */
void postgres_interruptible(struct postgres *postgres, bool may);

/* The rows of the last statement, text by text. */
struct postgres_rows;

/*
 * Runs statements (several only without parameters, separated by semicolons) and waits for the last answer,
 * 90 s at most. NULL with the cause in `error`: then the connection is to be closed. Interrupted, it asks the
 * server to give up, and the answer is an error, unless that came first. The caller frees the rows.
 */
struct postgres_rows *postgres_ask(struct postgres *postgres, const char *sql, const char *const *parameters,
                                   size_t parameter_count, char *error);
size_t postgres_row_count(const struct postgres_rows *rows);
/* Rows that were inserted, changed or deleted. */
size_t postgres_rows_touched(const struct postgres_rows *rows);
/* Absent: NULL. Borrowed from the rows. */
struct slice postgres_value(const struct postgres_rows *rows, size_t row, size_t column);
/* A value that is an integer; NULL and what is none: `otherwise`. */
int64_t postgres_integer(const struct postgres_rows *rows, size_t row, size_t column, int64_t otherwise);
void postgres_rows_free(struct postgres_rows *rows);

enum postgres_waited {
        POSTGRES_TOLD, /* a notification came, perhaps earlier */
        POSTGRES_TIME,
        POSTGRES_INTERRUPTED,
        POSTGRES_LOST, /* with the cause in `error` */
};
/* Waits for a notification. */
enum postgres_waited postgres_wait(struct postgres *postgres, int64_t timeout_ms, char *error);

/* "PostgreSQL 15.4, TLSv1.3". In the arena. */
const char *postgres_describe(struct arena *arena, struct postgres *postgres);

#endif
