#include "core/outbox/outbox_sql.h"
#include "io/postgres/postgres.h"
#include "relay/relay.h"

#include <stdio.h>
#include <string.h>

enum { PROBE_CONNECT_MS = 10000, PROBE_NOTIFY_MS = 1000 };

static bool may_all(const struct postgres_rows *rows, char *text)
{
        static const char *const privileges[] = {"SELECT", "UPDATE", "DELETE"};
        for (size_t i = 0; i < 3; i++) {
                if (slice_is(postgres_value(rows, 0, i), "t"))
                        continue;
                snprintf(text, RELAY_ERROR_MAX,
                         "the user may not %s: grant SELECT, UPDATE, DELETE on the table", privileges[i]);
                return false;
        }
        return true;
}

static bool ask_quietly(struct postgres *postgres, const char *sql, char *error)
{
        struct postgres_rows *rows = postgres_ask(postgres, sql, NULL, 0, error);
        postgres_rows_free(rows);
        return rows != NULL;
}

/* Does a notification come through? A pooler may keep it. */
static bool is_told(struct arena *arena, struct postgres *postgres, const char *table)
{
        char error[POSTGRES_ERROR_MAX];
        return ask_quietly(postgres, outbox_sql_listen(arena, table), error) &&
               ask_quietly(postgres, outbox_sql_notify(arena, table), error) &&
               postgres_wait(postgres, PROBE_NOTIFY_MS, error) == POSTGRES_TOLD;
}

static bool probe(struct arena *arena, struct postgres *postgres, const struct config *config, char *text)
{
        char error[POSTGRES_ERROR_MAX];
        struct postgres_rows *rows =
                postgres_ask(postgres, outbox_sql_probe(arena, config->relay.table), NULL, 0, error);
        if (!rows) {
                snprintf(text, RELAY_ERROR_MAX,
                         "%.300s; `leveret relay init` prints the SQL that makes the table", error);
                return false;
        }
        bool may = may_all(rows, text);
        postgres_rows_free(rows);
        if (may)
                snprintf(text, RELAY_ERROR_MAX, "%s; table %s is in place%s",
                         postgres_describe(arena, postgres), config->relay.table,
                         is_told(arena, postgres, config->relay.table)
                                 ? ""
                                 : "; no notification comes through (a pooler?): rows are found by polling");
        return may;
}

bool relay_probe(const struct config *config, char *text)
{
        struct arena arena;
        char error[POSTGRES_ERROR_MAX];
        struct postgres *postgres = postgres_open(config->relay.url, -1, PROBE_CONNECT_MS, error);
        if (!postgres) {
                snprintf(text, RELAY_ERROR_MAX, "%.*s", RELAY_ERROR_MAX - 1, error);
                return false;
        }
        arena_init(&arena);
        bool ok = probe(&arena, postgres, config, text);
        arena_fini(&arena);
        postgres_close(postgres);
        return ok;
}
