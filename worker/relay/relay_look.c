#include "core/memory/memory.h"
#include "core/outbox/outbox_sql.h"
#include "io/machine/clock.h"
#include "io/postgres/postgres.h"
#include "relay/relay.h"

#include <stdlib.h>

enum { LOOK_CONNECT_MS = 1000, LOOK_AGAIN_MS = 5000 };

struct relay_look {
        const struct config *config;
        struct postgres *postgres; /* NULL: none */
        int64_t again_ms;          /* not before */
};

struct relay_look *relay_look_open(const struct config *config)
{
        struct relay_look *look = memory_zeroed(1, sizeof(*look));
        look->config = config;
        return look;
}

void relay_look_close(struct relay_look *look)
{
        if (look)
                postgres_close(look->postgres);
        free(look);
}

static bool is_connected(struct relay_look *look)
{
        char error[POSTGRES_ERROR_MAX];
        if (!look->postgres && clock_boot_ms() >= look->again_ms) {
                look->postgres = postgres_open(look->config->relay.url, -1, LOOK_CONNECT_MS, error);
                look->again_ms = clock_boot_ms() + LOOK_AGAIN_MS;
        }
        return look->postgres;
}

void relay_look_ask(struct relay_look *look, struct outbox_numbers *numbers)
{
        char error[POSTGRES_ERROR_MAX];
        struct arena arena;
        numbers->waiting = numbers->oldest_ms = numbers->aside = -1;
        if (!is_connected(look))
                return;
        arena_init(&arena);
        struct postgres_rows *rows = postgres_ask(
                look->postgres, outbox_sql_depth(&arena, look->config->relay.table), NULL, 0, error);
        if (rows) {
                numbers->waiting = postgres_integer(rows, 0, OUTBOX_WAITING, -1);
                numbers->oldest_ms = postgres_integer(rows, 0, OUTBOX_OLDEST, -1);
                numbers->aside = postgres_integer(rows, 0, OUTBOX_STANDING, -1);
        } else {
                postgres_close(look->postgres);
                look->postgres = NULL;
        }
        postgres_rows_free(rows);
        arena_fini(&arena);
}
