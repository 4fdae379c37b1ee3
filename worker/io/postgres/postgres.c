#include "io/postgres/postgres.h"

#include "core/memory/memory.h"
#include "core/text/plain_text.h"
#include "core/text/shorten.h"
#include "core/text/word.h"
#include "io/machine/clock.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
        ASK_MS = 90000,   /* longer than the server lets a statement run */
        CANCEL_MS = 2000, /* for the server to give up what was interrupted */
};

struct postgres {
        PGconn *connection;
        int interrupt;
        bool heeds; /* the interrupt */
        bool told;
};

/* ---- errors ---- */

/* libpq's texts are lines, some of which begin with a tab; one space stands for what is between words. */
static void say(char *error, const char *text)
{
        struct arena arena;
        arena_init(&arena);
        char *line = arena_strdup(&arena, text), *end = line;
        for (const char *at = line; *at; at++) {
                bool blank = strchr(" \t\r\n", *at) != NULL;
                if (!blank || (end > line && end[-1] != ' '))
                        *end++ = blank ? ' ' : *at;
        }
        if (end > line && end[-1] == ' ')
                end--;
        size_t len = (size_t)(end - line);
        text_shorten(error, POSTGRES_ERROR_MAX,
                     plain_text(&arena, (struct slice){.data = line, .len = len}, len));
        arena_fini(&arena);
}

const char *postgres_url_fault(struct arena *arena, const char *url)
{
        char *cause = NULL;
        PQconninfoOption *options = PQconninfoParse(url, &cause);
        PQconninfoFree(options);
        if (options)
                return strstr(url, "password=") && strchr(url, '?') &&
                                       strstr(url, "password=") > strchr(url, '?')
                               ? "holds a password in its query, where it would be shown: write it before "
                                 "the @"
                               : NULL;
        PQfreemem(cause); /* it may quote the password */
        return arena_strdup(
                arena, "is not a URL like postgresql://user:password@host:5432/database?sslmode=require; "
                       "in a password write %40 for @, %2F for /, %3A for :, %23 for #, %25 for %");
}

/* ---- waiting ---- */

enum wait_end { WAIT_READY, WAIT_TIME, WAIT_INTERRUPTED };

static enum wait_end wait_socket(const struct postgres *postgres, short events, int64_t until_ms)
{
        struct pollfd fds[2] = {{.fd = PQsocket(postgres->connection), .events = events},
                                {.fd = postgres->heeds ? postgres->interrupt : -1, .events = POLLIN}};
        for (;;) {
                int64_t left_ms = until_ms - clock_boot_ms();
                if (left_ms <= 0)
                        left_ms = 0;
                int count = poll(fds, 2, (int)(left_ms < INT32_MAX ? left_ms : INT32_MAX));
                if (count > 0 && fds[1].revents)
                        return WAIT_INTERRUPTED;
                if (count > 0)
                        return WAIT_READY;
                if (left_ms == 0)
                        return WAIT_TIME;
        }
}

/* ---- the connection ---- */

static PGconn *postgres_begin(const char *url)
{
        static const char *const names[] = {
                "target_session_attrs",      "connect_timeout",
                "keepalives_idle",           "keepalives_interval",
                "keepalives_count",          "tcp_user_timeout",
                "fallback_application_name", "dbname", /* the URL, which may say otherwise */
                "client_encoding",           NULL};
        const char *const values[] = {"read-write", "10",      "10", "3",    "3",
                                      "20000",      "leveret", url,  "UTF8", NULL};
        return PQconnectStartParams(names, values, /* expand_dbname = */ 1);
}

static bool connect_finish(const struct postgres *postgres, int64_t timeout_ms, char *error)
{
        int64_t until_ms = clock_boot_ms() + timeout_ms;
        PGconn *connection = postgres->connection;
        PostgresPollingStatusType status = PGRES_POLLING_WRITING;
        if (PQstatus(connection) == CONNECTION_BAD) {
                say(error, PQerrorMessage(connection));
                return false;
        }
        while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
                short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
                enum wait_end end = wait_socket(postgres, events, until_ms);
                if (end != WAIT_READY) {
                        say(error, end == WAIT_TIME ? "not connected in time" : "interrupted");
                        return false;
                }
                status = PQconnectPoll(connection);
        }
        if (status == PGRES_POLLING_FAILED)
                say(error, PQerrorMessage(connection));
        return status == PGRES_POLLING_OK;
}

static void ignore_notice(void *context, const char *text)
{
        (void)context;
        (void)text;
}

struct postgres *postgres_open(const char *url, int interrupt, int64_t timeout_ms, char *error)
{
        struct postgres *postgres = memory_zeroed(1, sizeof(*postgres));
        postgres->interrupt = interrupt;
        postgres->heeds = true;
        postgres->connection = postgres_begin(url);
        if (!postgres->connection)
                memory_out();
        PQsetNoticeProcessor(postgres->connection, ignore_notice, NULL);
        PQsetErrorVerbosity(postgres->connection, PQERRORS_TERSE); /* not the statement */
        if (!connect_finish(postgres, timeout_ms, error)) {
                postgres_close(postgres);
                return NULL;
        }
        return postgres;
}

void postgres_close(struct postgres *postgres)
{
        if (!postgres)
                return;
        PQfinish(postgres->connection);
        free(postgres);
}

void postgres_interruptible(struct postgres *postgres, bool may)
{
        postgres->heeds = may;
}

const char *postgres_describe(struct arena *arena, struct postgres *postgres)
{
        const char *version = PQparameterStatus(postgres->connection, "server_version");
        const char *tls =
                PQsslInUse(postgres->connection) ? PQsslAttribute(postgres->connection, "protocol") : NULL;
        return arena_printf(arena, "PostgreSQL %.40s, %s", text_or(version, "of unknown version"),
                            text_or(tls, "not encrypted"));
}

/* ---- statements ---- */

static struct postgres_rows *rows_of(PGresult *result)
{
        return (struct postgres_rows *)result;
}

static const PGresult *result_of(const struct postgres_rows *rows)
{
        return (const PGresult *)rows;
}

static void postgres_cancel(const struct postgres *postgres)
{
        char ignored[256];
        PGcancel *handle = PQgetCancel(postgres->connection);
        if (handle)
                PQcancel(handle, ignored, sizeof(ignored));
        PQfreeCancel(handle);
}

/* False: it took too long, or the connection is gone. */
static bool wait_answer(struct postgres *postgres, char *error)
{
        int64_t until_ms = clock_boot_ms() + ASK_MS;
        while (PQisBusy(postgres->connection)) {
                short events = (short)(POLLIN | (PQflush(postgres->connection) == 1 ? POLLOUT : 0));
                enum wait_end end = wait_socket(postgres, events, until_ms);
                if (end == WAIT_TIME) {
                        say(error, "no answer in time");
                        return false;
                }
                if (end == WAIT_INTERRUPTED) {
                        postgres_cancel(postgres);
                        postgres->heeds = false;
                        until_ms = clock_boot_ms() + CANCEL_MS;
                        continue;
                }
                if (!PQconsumeInput(postgres->connection)) {
                        say(error, PQerrorMessage(postgres->connection));
                        return false;
                }
        }
        return true;
}

static bool is_good(const PGresult *result)
{
        ExecStatusType status = PQresultStatus(result);
        return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The last result of all; NULL with the first error. */
static PGresult *results_take(struct postgres *postgres, char *error)
{
        PGresult *last = NULL, *next;
        bool failed = false;
        for (;;) {
                if (!wait_answer(postgres, error)) {
                        PQclear(last);
                        return NULL;
                }
                next = PQgetResult(postgres->connection);
                if (!next)
                        break;
                PQclear(last);
                last = next;
                if (!failed && !is_good(next)) {
                        failed = true;
                        say(error, PQresultErrorMessage(next));
                }
        }
        if (!failed)
                return last;
        PQclear(last);
        return NULL;
}

struct postgres_rows *postgres_ask(struct postgres *postgres, const char *sql, const char *const *parameters,
                                   size_t parameter_count, char *error)
{
        int sent = parameter_count ? PQsendQueryParams(postgres->connection, sql, (int)parameter_count, NULL,
                                                       parameters, NULL, NULL, /* resultFormat = */ 0)
                                   : PQsendQuery(postgres->connection, sql);
        if (!sent) {
                say(error, PQerrorMessage(postgres->connection));
                return NULL;
        }
        return rows_of(results_take(postgres, error));
}

size_t postgres_row_count(const struct postgres_rows *rows)
{
        return (size_t)PQntuples(result_of(rows));
}

size_t postgres_rows_touched(const struct postgres_rows *rows)
{
        return strtoul(PQcmdTuples((PGresult *)(uintptr_t)rows), NULL, 10);
}

struct slice postgres_value(const struct postgres_rows *rows, size_t row, size_t column)
{
        const PGresult *result = result_of(rows);
        if (PQgetisnull(result, (int)row, (int)column))
                return (struct slice){0};
        return (struct slice){.data = PQgetvalue(result, (int)row, (int)column),
                              .len = (size_t)PQgetlength(result, (int)row, (int)column)};
}

int64_t postgres_integer(const struct postgres_rows *rows, size_t row, size_t column, int64_t otherwise)
{
        char *end;
        struct slice text = postgres_value(rows, row, column);
        if (!text.data)
                return otherwise;
        int64_t value = strtoll(text.data, &end, 10); /* libpq ends values with a NUL */
        return end == text.data || *end ? otherwise : value;
}

void postgres_rows_free(struct postgres_rows *rows)
{
        PQclear((PGresult *)rows);
}

/* ---- notifications ---- */

static bool take_notifications(struct postgres *postgres)
{
        PGnotify *notify;
        while ((notify = PQnotifies(postgres->connection))) {
                postgres->told = true;
                PQfreemem(notify);
        }
        bool told = postgres->told;
        postgres->told = false;
        return told;
}

enum postgres_waited postgres_wait(struct postgres *postgres, int64_t timeout_ms, char *error)
{
        int64_t until_ms = clock_boot_ms() + timeout_ms;
        for (;;) {
                if (take_notifications(postgres))
                        return POSTGRES_TOLD;
                enum wait_end end = wait_socket(postgres, POLLIN, until_ms);
                if (end != WAIT_READY)
                        return end == WAIT_TIME ? POSTGRES_TIME : POSTGRES_INTERRUPTED;
                if (!PQconsumeInput(postgres->connection)) {
                        say(error, PQerrorMessage(postgres->connection));
                        return POSTGRES_LOST;
                }
        }
}
