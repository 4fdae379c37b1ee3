#ifndef LEVERET_RELAY_STATE_H
#define LEVERET_RELAY_STATE_H

/* Inside of the relay: two threads. The mover asks PostgreSQL and waits; the loop publishes, and answers for
 * the process. A batch of rows goes from the one to the other and back. */
#include "core/outbox/outbox_numbers.h"
#include "core/outbox/outbox_pace.h"
#include "core/outbox/outbox_row.h"
#include "io/admin/admin.h"
#include "io/amqp/amqp_publisher.h"
#include "io/postgres/postgres.h"

#include <uv.h>

struct relay_item { /* one row */
        struct relay_batch *batch;
        int64_t seq, created_ms;
        const char *id;          /* for the log */
        struct arena *arena;     /* of the message; the publisher's from then on */
        struct message *message; /* NULL: the row stands aside */
        enum outbox_answer answer;
        char error[OUTBOX_ERROR_MAX]; /* of what stands aside or stays */
};

struct relay_batch {
        struct relay *relay;
        struct arena arena;
        struct relay_item *items;
        size_t count;
        size_t left; /* not answered yet; of the loop */
        bool done;   /* under the relay's mutex */
};

struct relay {
        const struct config *config;
        char name[112];

        uv_loop_t loop;
        uv_signal_t sigterm, sigint, sighup;
        uv_timer_t tick;
        uv_async_t posted; /* from the mover: a batch, or its end */
        struct amqp_publisher *publisher;
        struct admin_source pages;
        struct admin *admin;
        int64_t started_ms;  /* since 1970 */
        int64_t draining_ms; /* steady clock; 0: not */
        int64_t manager_every_ms, manager_told_ms;
        int exit_status;

        uv_thread_t mover;
        int interrupt; /* eventfd: readable once it is to end */

        uv_mutex_t mutex; /* for all below */
        uv_cond_t settled;
        bool stopping, mover_ended;
        struct relay_batch *batch; /* posted and not taken by the loop */
        struct outbox_numbers numbers;
        char postgres_trouble[POSTGRES_ERROR_MAX];
};

/* ---- relay_mover.c: its thread ---- */
void relay_mover_run(void *relay);

/* ---- relay_batch.c ---- */
/* Publishes what the mover has posted; on the loop's thread. */
void relay_batch_publish(struct relay *relay);
/* Posts a batch and waits for its end; on the mover's thread. */
void relay_batch_await(struct relay *relay, struct relay_batch *batch);
/* Reads rows into a batch: messages, and errors of those that are none. */
void relay_batch_read(struct relay *relay, struct relay_batch *batch, const struct postgres_rows *rows);
/* Writes into the table what became of the rows. False with the cause in `error`. */
bool relay_batch_settle(struct relay *relay, const struct relay_batch *batch, struct postgres *postgres,
                        char *error);
void relay_batch_fini(struct relay_batch *batch);

/* ---- relay_pages.c ---- */
void relay_pages_render(void *relay, enum admin_page page, bool verbose, struct buffer *body, int *status);

#endif
