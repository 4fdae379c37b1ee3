#include "core/outbox/outbox_sql.h"
#include "core/text/plain_text.h"
#include "core/text/shorten.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "relay/relay_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- rows to messages ---- */

static void read_row(struct outbox_row *row, const struct postgres_rows *rows, size_t at)
{
        *row = (struct outbox_row){.seq = postgres_integer(rows, at, OUTBOX_SEQ, 0),
                                   .id = postgres_value(rows, at, OUTBOX_ID),
                                   .type = postgres_value(rows, at, OUTBOX_TYPE),
                                   .subject = postgres_value(rows, at, OUTBOX_SUBJECT),
                                   .headers = postgres_value(rows, at, OUTBOX_HEADERS),
                                   .data = postgres_value(rows, at, OUTBOX_DATA),
                                   .data_len = postgres_integer(rows, at, OUTBOX_DATA_LEN, 0),
                                   .deliver_at = postgres_value(rows, at, OUTBOX_DELIVER_AT),
                                   .created_ms = postgres_integer(rows, at, OUTBOX_CREATED, -1)};
}

void relay_batch_read(struct relay *relay, struct relay_batch *batch, const struct postgres_rows *rows)
{
        enum { SHOWN_ID_MAX = 200 };
        const struct outbox_rules rules = {.max_body = relay->config->max_body, .now_ms = clock_wall_ms()};
        *batch = (struct relay_batch){.relay = relay, .count = postgres_row_count(rows)};
        arena_init(&batch->arena);
        batch->items = arena_alloc(&batch->arena, batch->count * sizeof(*batch->items));
        for (size_t i = 0; i < batch->count; i++) {
                struct relay_item *item = &batch->items[i];
                struct outbox_row row;
                read_row(&row, rows, i);
                item->batch = batch;
                item->seq = row.seq;
                item->created_ms = row.created_ms;
                item->id = plain_text(&batch->arena, row.id, SHOWN_ID_MAX);
                item->arena = arena_new();
                item->answer = OUTBOX_UNENCODABLE;
                item->message = outbox_row_message(item->arena, &row, &rules, item->error);
                batch->left += item->message != NULL;
        }
}

void relay_batch_fini(struct relay_batch *batch)
{
        for (size_t i = 0; i < batch->count; i++)
                if (!batch->items[i].message)
                        arena_free(batch->items[i].arena);
        arena_fini(&batch->arena);
}

/* ---- messages to the broker, on the loop's thread ---- */

static enum outbox_answer answer_of(enum publish_outcome outcome)
{
        switch (outcome) {
        case PUBLISH_CONFIRMED:
                return OUTBOX_CONFIRMED;
        case PUBLISH_RETURNED:
                return OUTBOX_RETURNED;
        case PUBLISH_NACKED:
                return OUTBOX_REFUSED;
        case PUBLISH_UNKNOWN:
        case PUBLISH_UNSENT:
                return OUTBOX_UNANSWERED;
        case PUBLISH_UNENCODABLE:
                return OUTBOX_UNENCODABLE;
        }
        abort();
}

static void batch_end(struct relay_batch *batch)
{
        struct relay *relay = batch->relay;
        uv_mutex_lock(&relay->mutex);
        batch->done = true;
        uv_cond_broadcast(&relay->settled);
        uv_mutex_unlock(&relay->mutex);
}

static void relay_batch_on_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct relay_item *item = context;
        struct relay_batch *batch = item->batch;
        struct relay *relay = batch->relay;
        item->answer = answer_of(outcome);
        text_shorten(item->error, sizeof(item->error), error ? error : "");
        if (item->answer == OUTBOX_CONFIRMED && item->created_ms >= 0) {
                double delay_s = (double)(clock_wall_ms() - item->created_ms) / 1000;
                uv_mutex_lock(&relay->mutex);
                histogram_add(&relay->numbers.delay, &metrics_wait_buckets, delay_s);
                uv_mutex_unlock(&relay->mutex);
        }
        if (--batch->left == 0)
                batch_end(batch);
}

void relay_batch_publish(struct relay *relay)
{
        uv_mutex_lock(&relay->mutex);
        struct relay_batch *batch = relay->batch;
        relay->batch = NULL;
        uv_mutex_unlock(&relay->mutex);
        if (!batch)
                return;
        if (batch->left == 0) {
                batch_end(batch);
                return;
        }
        /* The last answer ends the batch, and may come before this loop does. */
        struct relay_item *items = batch->items;
        for (size_t i = 0, count = batch->count; i < count; i++)
                if (items[i].message)
                        amqp_publisher_publish(relay->publisher, items[i].arena, items[i].message,
                                               relay_batch_on_published, &items[i]);
}

void relay_batch_await(struct relay *relay, struct relay_batch *batch)
{
        uv_mutex_lock(&relay->mutex);
        relay->batch = batch;
        uv_async_send(&relay->posted);
        while (!batch->done) /* every publish ends, each within the publisher's time-out */
                uv_cond_wait(&relay->settled, &relay->mutex);
        uv_mutex_unlock(&relay->mutex);
}

/* ---- what became of them, into the table ---- */

/* The rows that are gone; "" if there are none. */
static const char *gone_seqs(const struct relay_batch *batch, struct buffer *seqs)
{
        for (size_t i = 0; i < batch->count; i++)
                if (outbox_fate_of(batch->items[i].answer) == OUTBOX_GONE)
                        buffer_printf(seqs, "%s%" PRId64, seqs->len ? "," : "", batch->items[i].seq);
        return seqs->len ? seqs->data : "";
}

static bool relay_batch_ask(struct postgres *postgres, const char *sql, char *error)
{
        struct postgres_rows *rows = postgres_ask(postgres, sql, NULL, 0, error);
        postgres_rows_free(rows);
        return rows != NULL;
}

static bool set_aside(const struct relay *relay, const struct relay_item *item, struct postgres *postgres,
                      struct arena *arena, char *error)
{
        const char *parameters[] = {plain_text(arena, slice_of(item->error), sizeof(item->error)),
                                    arena_printf(arena, "%" PRId64, item->seq)};
        struct postgres_rows *rows = postgres_ask(
                postgres, outbox_sql_aside(arena, relay->config->relay.table), parameters, 2, error);
        postgres_rows_free(rows);
        return rows != NULL;
}

static void relay_batch_tell(const struct relay_item *item, enum outbox_fate fate)
{
        if (fate == OUTBOX_ASIDE)
                log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "row_aside",
                                                               .id = slice_of(item->id),
                                                               .error = item->error,
                                                               .msg = "the row stands aside"});
        else if (fate == OUTBOX_STAYS)
                log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "row_stays",
                                                               .id = slice_of(item->id),
                                                               .error = item->error,
                                                               .msg = "the row is tried again"});
}

static void count(struct relay *relay, const struct relay_batch *batch)
{
        uv_mutex_lock(&relay->mutex);
        for (size_t i = 0; i < batch->count; i++)
                relay->numbers.rows[outbox_fate_of(batch->items[i].answer)]++;
        uv_mutex_unlock(&relay->mutex);
        for (size_t i = 0; i < batch->count; i++)
                relay_batch_tell(&batch->items[i], outbox_fate_of(batch->items[i].answer));
}

bool relay_batch_settle(struct relay *relay, const struct relay_batch *batch, struct postgres *postgres,
                        char *error)
{
        struct arena arena;
        struct buffer seqs = {0};
        bool ok = true;
        arena_init(&arena);
        for (size_t i = 0; ok && i < batch->count; i++)
                if (outbox_fate_of(batch->items[i].answer) == OUTBOX_ASIDE)
                        ok = set_aside(relay, &batch->items[i], postgres, &arena, error);
        const char *gone = gone_seqs(batch, &seqs);
        const char *sql = gone[0] ? outbox_sql_gone(&arena, relay->config->relay.table, gone,
                                                    relay->config->relay.keep_ms > 0)
                                  : "";
        ok = ok &&
             relay_batch_ask(postgres, arena_printf(&arena, "%s%sCOMMIT", sql, gone[0] ? "; " : ""), error);
        CRASHPOINT("relay_settled");
        if (ok)
                count(relay, batch);
        buffer_fini(&seqs);
        arena_fini(&arena);
        return ok;
}
