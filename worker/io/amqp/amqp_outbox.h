#ifndef LEVERET_IO_AMQP_OUTBOX_H
#define LEVERET_IO_AMQP_OUTBOX_H

/* Inside of the publisher: what passes between the loop and the publishing thread, and the thread itself. */
#include "io/amqp/amqp_connection.h"
#include "io/amqp/amqp_publisher.h"
#include "io/amqp/amqp_topology.h"

#include <stdatomic.h>

/* One publish on its way; lies in its own arena. Belongs to exactly one of: outbox.waiting, the thread's
 * window, outbox.ended, the loop. */
struct publish {
        struct publish *next;
        struct arena *arena;
        struct message *message;
        publish_done *done;
        void *context;
        int64_t given_ms; /* steady clock */
        enum publish_outcome outcome;
        char error[256];
};

struct publish_list { /* first in, first out */
        struct publish *head, *tail;
};

void publish_list_add(struct publish_list *list, struct publish *publish);
struct publish *publish_list_take(struct publish_list *list);

/* Shared by the loop and the thread; the last one to leave frees it. */
struct outbox {
        uv_mutex_t mutex; /* for all up to `threads_end` */
        uv_cond_t thread_ended_changed;
        struct publish_list waiting, ended;
        uv_async_t *wake_loop;        /* NULL: the loop has gone */
        int fd;                       /* of the connection, for the watchdog's shutdown; -1: none */
        char trouble[AMQP_ERROR_MAX]; /* of the last connection, "" while one stands */
        bool stopping;                /* end when nothing is under way */
        bool abandoned;               /* end at once */
        bool thread_ended;

        int wake_thread;               /* eventfd */
        _Atomic int64_t busy_since_ms; /* inside a call of the library since; 0: not */
        atomic_bool up, blocked;
        atomic_uint_fast64_t losses; /* of connections that stood */

        struct arena arena; /* holds the settings */
        struct amqp_settings settings;
        const struct topology *later; /* declared, or looked for, before the first message for later */
        enum topology_mode later_mode;
        struct amqp_error settings_error;
        int64_t timeout_ms;
};

/* Milliseconds of the steady clock that all times above are in. */
int64_t outbox_now_ms(void);
/* The thread: connects, publishes with a window of confirms, until told to end. */
void outbox_run(void *outbox);
/* Hands a publish that has ended to the loop. */
void outbox_end(struct outbox *outbox, struct publish *publish, enum publish_outcome outcome,
                const char *error);
/* What a message for later needs before it is sent; nothing for any other. `ready`: the ladder was there when
 * it was looked for last on this connection. False: it is not, and the publish has ended. */
bool outbox_later(struct outbox *outbox, bool *ready, struct publish *publish);
void outbox_free(struct outbox *outbox);

#endif
