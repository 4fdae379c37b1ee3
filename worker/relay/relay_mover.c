#include "core/job/backoff.h"
#include "core/outbox/outbox_sql.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "relay/relay_state.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>

enum {
        CONNECT_MS = 30000, /* for all hosts of the URL */
        RECONNECT_BASE_MS = 200,
        RECONNECT_CAP_MS = 5000,
        PUBLISHER_LOOK_MS = 50, /* while the broker cannot be published to */
        DEPTH_MS = 2000,
        DEPTH_SHARE = 20, /* counting takes at most this part of the time */
        PURGE_MS = 5000,
};

struct mover {
        struct relay *relay;
        const char *table;
        struct postgres *postgres;
        struct outbox_pace pace;
        bool told; /* of new rows */
        int64_t depth_at_ms, purge_at_ms;
        struct arena arena;             /* of one turn */
        char error[POSTGRES_ERROR_MAX]; /* why the connection is given up */
};

static bool is_stopping(struct relay *relay)
{
        uv_mutex_lock(&relay->mutex);
        bool stopping = relay->stopping;
        uv_mutex_unlock(&relay->mutex);
        return stopping;
}

/* ---- what the pages say ---- */

static void tell_up(const struct mover *mover)
{
        struct relay *relay = mover->relay;
        struct arena arena;
        arena_init(&arena);
        uv_mutex_lock(&relay->mutex);
        relay->numbers.postgres_up = true;
        relay->postgres_trouble[0] = '\0';
        uv_mutex_unlock(&relay->mutex);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "postgres_up",
                                                       .msg = postgres_describe(&arena, mover->postgres)});
        arena_fini(&arena);
}

static void tell_down(struct mover *mover)
{
        struct relay *relay = mover->relay;
        uv_mutex_lock(&relay->mutex);
        relay->numbers.postgres_losses += relay->numbers.postgres_up;
        relay->numbers.postgres_up = false;
        relay->numbers.waiting = relay->numbers.aside = relay->numbers.oldest_ms = -1;
        snprintf(relay->postgres_trouble, sizeof(relay->postgres_trouble), "%s", mover->error);
        uv_mutex_unlock(&relay->mutex);
        bool missing = strstr(mover->error, "does not exist") && strstr(mover->error, "relation");
        log_event(LOG_LEVEL_WARN,
                  &(struct log_fields){.event = "postgres_down",
                                       .error = mover->error,
                                       .msg = missing ? "make the table with `leveret relay init`"
                                                      : "tried again until it can be used"});
}

static bool count_rows(struct mover *mover)
{
        struct relay *relay = mover->relay;
        int64_t began_ms = clock_boot_ms();
        struct postgres_rows *rows = postgres_ask(
                mover->postgres, outbox_sql_depth(&mover->arena, mover->table), NULL, 0, mover->error);
        if (!rows)
                return false;
        uv_mutex_lock(&relay->mutex);
        relay->numbers.waiting = postgres_integer(rows, 0, OUTBOX_WAITING, -1);
        relay->numbers.oldest_ms = postgres_integer(rows, 0, OUTBOX_OLDEST, -1);
        relay->numbers.aside = postgres_integer(rows, 0, OUTBOX_STANDING, -1);
        uv_mutex_unlock(&relay->mutex);
        postgres_rows_free(rows);
        int64_t now_ms = clock_boot_ms(), rest_ms = (now_ms - began_ms) * DEPTH_SHARE;
        mover->depth_at_ms = now_ms + (rest_ms > DEPTH_MS ? rest_ms : DEPTH_MS);
        return true;
}

static bool purge(struct mover *mover)
{
        int64_t keep_ms = mover->relay->config->relay.keep_ms;
        struct postgres_rows *rows =
                postgres_ask(mover->postgres, outbox_sql_purge(&mover->arena, mover->table, keep_ms), NULL, 0,
                             mover->error);
        if (!rows)
                return false;
        bool full = postgres_rows_touched(rows) == OUTBOX_PURGE_ROWS;
        postgres_rows_free(rows);
        mover->purge_at_ms = clock_boot_ms() + (full ? 0 : PURGE_MS);
        return true;
}

/* ---- rows ---- */

static void batch_numbers(const struct relay_batch *batch, size_t *refused, size_t *unanswered)
{
        *refused = *unanswered = 0;
        for (size_t i = 0; i < batch->count; i++) {
                *refused += batch->items[i].answer == OUTBOX_REFUSED;
                *unanswered += batch->items[i].answer == OUTBOX_UNANSWERED;
        }
}

/* Once rows are held they go their way: they are not given back because the process is told to end. */
static bool rows_move(struct mover *mover, const struct postgres_rows *rows)
{
        struct relay_batch batch;
        size_t refused, unanswered;
        postgres_interruptible(mover->postgres, false);
        relay_batch_read(mover->relay, &batch, rows);
        CRASHPOINT("relay_fetched");
        relay_batch_await(mover->relay, &batch);
        CRASHPOINT("relay_confirmed");
        bool ok = relay_batch_settle(mover->relay, &batch, mover->postgres, mover->error);
        batch_numbers(&batch, &refused, &unanswered);
        outbox_pace_ended(&mover->pace, clock_boot_ms(), refused, unanswered);
        relay_batch_fini(&batch);
        postgres_interruptible(mover->postgres, true);
        return ok;
}

static bool end_empty(struct mover *mover)
{
        struct postgres_rows *rows = postgres_ask(mover->postgres, "COMMIT", NULL, 0, mover->error);
        postgres_rows_free(rows);
        return rows != NULL;
}

static bool relay_mover_look(struct mover *mover)
{
        int64_t began_ms = clock_boot_ms();
        mover->told = false;
        struct outbox_look look = outbox_pace_look(&mover->pace, began_ms);
        struct postgres_rows *rows = postgres_ask(
                mover->postgres,
                outbox_sql_fetch(&mover->arena, mover->table, &look, mover->relay->config->max_body), NULL, 0,
                mover->error);
        if (!rows)
                return false;
        size_t count = postgres_row_count(rows);
        int64_t held = count ? postgres_integer(rows, 0, OUTBOX_HELD, 0) : 0;
        int64_t last_seq = count ? postgres_integer(rows, count - 1, OUTBOX_SEQ, 0) : 0;
        int64_t now_ms = clock_boot_ms();
        outbox_pace_found(&mover->pace, now_ms, now_ms - began_ms, last_seq,
                          held == look.limit || held > (int64_t)count);
        bool ok = count ? rows_move(mover, rows) : end_empty(mover);
        postgres_rows_free(rows);
        return ok;
}

/* ---- turns ---- */

static bool can_publish(const struct relay *relay)
{
        return amqp_publisher_is_up(relay->publisher) && !amqp_publisher_is_blocked(relay->publisher);
}

static int64_t earlier(int64_t one_ms, int64_t other_ms)
{
        return one_ms < other_ms ? one_ms : other_ms;
}

/* False: the connection is to be given up. */
static bool rest(struct mover *mover)
{
        bool can = can_publish(mover->relay);
        int64_t now_ms = clock_boot_ms();
        int64_t until_ms = can ? mover->pace.look_at_ms : now_ms + PUBLISHER_LOOK_MS;
        until_ms = earlier(until_ms, mover->depth_at_ms);
        if (mover->relay->config->relay.keep_ms > 0)
                until_ms = earlier(until_ms, mover->purge_at_ms);
        enum postgres_waited waited = postgres_wait(mover->postgres, until_ms - now_ms, mover->error);
        mover->told |= waited == POSTGRES_TOLD;
        return waited != POSTGRES_LOST;
}

static bool turn(struct mover *mover)
{
        int64_t now_ms = clock_boot_ms();
        if (now_ms >= mover->depth_at_ms && !count_rows(mover))
                return false;
        if (mover->relay->config->relay.keep_ms > 0 && now_ms >= mover->purge_at_ms && !purge(mover))
                return false;
        if (can_publish(mover->relay) && outbox_pace_due(&mover->pace, now_ms, mover->told))
                return relay_mover_look(mover);
        return rest(mover);
}

static bool listen_begin(struct mover *mover)
{
        struct postgres_rows *rows = postgres_ask(
                mover->postgres, outbox_sql_listen(&mover->arena, mover->table), NULL, 0, mover->error);
        postgres_rows_free(rows);
        return rows != NULL && count_rows(mover);
}

/* True: rows could be asked for. */
static bool connection_serve(struct mover *mover)
{
        bool ok = listen_begin(mover), served = ok;
        if (ok)
                tell_up(mover);
        outbox_pace_init(&mover->pace, mover->relay->config->relay.batch,
                         mover->relay->config->relay.poll_ms);
        mover->purge_at_ms = clock_boot_ms();
        while (ok && !is_stopping(mover->relay)) {
                ok = turn(mover);
                arena_reset(&mover->arena);
        }
        return served;
}

static void wait_interruptibly(const struct relay *relay, int64_t ms)
{
        struct pollfd interrupt = {.fd = relay->interrupt, .events = POLLIN};
        poll(&interrupt, 1, (int)ms);
}

void relay_mover_run(void *context)
{
        struct relay *relay = context;
        struct mover mover = {.relay = relay, .table = relay->config->relay.table};
        struct backoff backoff = {.base_ms = RECONNECT_BASE_MS, .cap_ms = RECONNECT_CAP_MS};
        pthread_setname_np(pthread_self(), "leveret-mover");
        arena_init(&mover.arena);
        while (!is_stopping(relay)) {
                mover.postgres =
                        postgres_open(relay->config->relay.url, relay->interrupt, CONNECT_MS, mover.error);
                if (mover.postgres && connection_serve(&mover))
                        backoff_reset(&backoff);
                postgres_close(mover.postgres); /* what is not committed is everybody's again */
                if (is_stopping(relay))
                        break;
                tell_down(&mover);
                wait_interruptibly(relay,
                                   backoff_next_ms(&backoff, uv_hrtime() * UINT64_C(0x9e3779b97f4a7c15)));
        }
        arena_fini(&mover.arena);
        uv_mutex_lock(&relay->mutex);
        relay->mover_ended = true;
        uv_async_send(&relay->posted);
        uv_mutex_unlock(&relay->mutex);
}
