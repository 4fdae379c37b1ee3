#include "io/amqp/amqp_outbox.h"
#include "core/broker/confirms.h"
#include "core/broker/nacks.h"
#include "core/broker/topology.h"
#include "core/job/backoff.h"
#include "core/job/jitter.h"
#include "core/memory/memory.h"
#include "core/message/copy.h"
#include "core/text/buffer.h"
#include "core/text/shorten.h"
#include "io/amqp/amqp_wire.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
        PUBLISH_CHANNEL = 1,
        PUBLISH_WINDOW = 256, /* confirms outstanding */
        TURN_FRAMES = 1024,
        TURN_PUBLISHES = 32,     /* between two looks at what the broker says */
        READ_INTERVAL_MS = 1000, /* frames are read at least so often: heartbeats, blocked */
        RECONNECT_BASE_MS = 250,
        RECONNECT_CAP_MS = 10000,
        /* Of a content header frame: frame header and end 8, class, weight and body size 12. */
        HEADER_FRAME_OVERHEAD = 20,
};

/* A message that comes back because no queue took it. */
struct returned {
        bool begun, has_header;
        struct arena arena;
        struct message message; /* all but its body */
        uint64_t size;
        struct buffer body;
};

/* What only the thread knows. */
struct postman {
        struct outbox *outbox;
        struct broker *broker;
        struct confirms confirms;
        struct returned returned;
        struct backoff backoff;
        int64_t connect_at_ms;
        struct nacks nacks;
        bool later_ready; /* the ladder was there when it was looked for last */
        uint64_t random;
        char *scratch; /* AMQP_FRAME_MAX bytes, to see whether a header frame fits */
};

int64_t outbox_now_ms(void)
{
        return (int64_t)(uv_hrtime() / 1000000);
}

void outbox_free(struct outbox *outbox)
{
        close(outbox->wake_thread);
        arena_fini(&outbox->arena);
        uv_cond_destroy(&outbox->thread_ended_changed);
        uv_mutex_destroy(&outbox->mutex);
        free(outbox);
}

/* --- the connection --- */

/* The watchdog may shut the socket down between these two: for calls that could block without limit. */
static void busy_begin(struct postman *postman)
{
        atomic_store(&postman->outbox->busy_since_ms, outbox_now_ms());
}

static void busy_end(struct postman *postman)
{
        atomic_store(&postman->outbox->busy_since_ms, 0);
}

static void fd_tell(struct postman *postman, int fd, const char *trouble)
{
        uv_mutex_lock(&postman->outbox->mutex);
        postman->outbox->fd = fd;
        if (trouble)
                text_shorten(postman->outbox->trouble, sizeof(postman->outbox->trouble), trouble);
        uv_mutex_unlock(&postman->outbox->mutex);
}

static void returned_clear(struct returned *returned)
{
        arena_fini(&returned->arena);
        buffer_fini(&returned->body);
        *returned = (struct returned){0};
}

/* Everything outstanding may or may not have arrived. */
static void connection_drop(struct postman *postman, const char *why)
{
        char text[AMQP_ERROR_MAX]; /* `why` may lie in what is freed below */
        text_shorten(text, sizeof(text), why);
        fd_tell(postman, -1, text); /* before the descriptor's number can be given out again */
        busy_end(postman);
        if (atomic_exchange(&postman->outbox->up, false))
                atomic_fetch_add(&postman->outbox->losses, 1);
        atomic_store(&postman->outbox->blocked, false);
        broker_close(postman->broker, 0);
        postman->broker = NULL;
        nacks_init(&postman->nacks);
        postman->later_ready = false;
        returned_clear(&postman->returned);
        for (struct publish *publish; (publish = confirms_take(&postman->confirms));)
                outbox_end(postman->outbox, publish, PUBLISH_UNKNOWN, text);
        confirms_restart(&postman->confirms);
        postman->connect_at_ms =
                outbox_now_ms() + backoff_next_ms(&postman->backoff, jitter_next(&postman->random));
}

static bool channel_prepare(struct broker *broker, struct amqp_error *error)
{
        amqp_channel_open(broker->state, PUBLISH_CHANNEL);
        if (!amqp_error_reply(error, broker->place, "open a channel", amqp_get_rpc_reply(broker->state)))
                return false;
        amqp_confirm_select(broker->state, PUBLISH_CHANNEL);
        return amqp_error_reply(error, broker->place, "ask for confirms", amqp_get_rpc_reply(broker->state));
}

static void connection_open(struct postman *postman)
{
        struct outbox *outbox = postman->outbox;
        struct amqp_error error = outbox->settings_error;
        struct broker *broker = error.trouble ? NULL : broker_open(&outbox->settings, "publisher", &error);
        postman->broker = broker;
        if (!broker || !channel_prepare(broker, &error)) {
                connection_drop(postman, error.text);
                return;
        }
        fd_tell(postman, amqp_get_sockfd(broker->state), "");
        atomic_store(&outbox->up, true);
}

/* --- reading --- */

static void unbound_tell(struct outbox *outbox, struct publish *publish)
{
        const struct message *message = publish->message;
        char text[sizeof(publish->error)];
        bool own = slice_is(message->exchange, EXCHANGE_RETRY) ||
                   slice_is(message->exchange, EXCHANGE_RETURN) || slice_is(message->exchange, EXCHANGE_DLX);
        snprintf(text, sizeof(text), "no queue is bound to %.*s for %.*s%s", SLICE_PRINT(message->exchange),
                 SLICE_PRINT(message->routing_key), own ? "; leveret topology apply declares it" : "");
        outbox_end(outbox, publish, PUBLISH_RETURNED, text);
}

static void on_settled(void *context, void *item, enum confirm_outcome outcome)
{
        struct postman *postman = context;
        switch (outcome) {
        case CONFIRM_ACKED:
                backoff_reset(&postman->backoff);
                outbox_end(postman->outbox, item, PUBLISH_CONFIRMED, "");
                return;
        case CONFIRM_RETURNED:
                postman->later_ready = false; /* a rung may be gone */
                unbound_tell(postman->outbox, item);
                return;
        case CONFIRM_NACKED:
                nacks_note(&postman->nacks, outbox_now_ms());
                outbox_end(postman->outbox, item, PUBLISH_NACKED, "the queue is full or failing");
                return;
        }
}

static bool returned_is(const struct returned *returned, const struct message *message)
{
        const struct message *back = &returned->message;
        return slice_equal(back->exchange, message->exchange) &&
               slice_equal(back->routing_key, message->routing_key) &&
               slice_equal(back->properties.message_id, message->properties.message_id) &&
               returned->size == message->body.len && copy_same_generation(back, message) &&
               slice_equal((struct slice){.data = returned->body.data, .len = returned->body.len},
                           message->body);
}

/*
 * A basic.return carries no sequence number, but it carries the whole message, comes in the order of
 * publishing and before the ack. So it means the oldest outstanding publish with this content and generation
 * that did not come back yet. Among equal ones it does not matter which: as many are reported returned as
 * came back. Of two generations it would: the lesser one's delivery must not count on the greater, which is
 * gone.
 */
static bool returned_match(struct postman *postman)
{
        struct confirms *confirms = &postman->confirms;
        for (uint64_t number = confirms->first; number < confirms->next; number++) {
                const struct publish *publish = confirms_unreturned(confirms, number);
                if (publish && returned_is(&postman->returned, publish->message)) {
                        confirms_return(confirms, number);
                        return true;
                }
        }
        return false;
}

static bool returned_complete(struct postman *postman)
{
        if (postman->returned.body.len < postman->returned.size)
                return true;
        bool matched = returned_match(postman);
        returned_clear(&postman->returned);
        return matched;
}

static void returned_begin(struct postman *postman, const amqp_basic_return_t *method)
{
        struct returned *returned = &postman->returned;
        returned_clear(returned);
        returned->begun = true;
        returned->message = (struct message){
                .exchange = arena_slice(&returned->arena, slice_of_bytes(method->exchange)),
                .routing_key = arena_slice(&returned->arena, slice_of_bytes(method->routing_key))};
}

static bool returned_content(struct postman *postman, const amqp_frame_t *frame)
{
        struct returned *returned = &postman->returned;
        if (frame->frame_type == AMQP_FRAME_HEADER && returned->begun && !returned->has_header) {
                const amqp_basic_properties_t *properties = frame->payload.properties.decoded;
                if (frame->payload.properties.class_id != AMQP_BASIC_CLASS ||
                    frame->payload.properties.raw.len > AMQP_FRAME_MAX ||
                    frame->payload.properties.body_size > AMQP_BODY_KEPT_MAX) /* none such was published */
                        return false;
                amqp_message_read(&returned->arena, &returned->message, properties);
                returned->size = frame->payload.properties.body_size;
                returned->has_header = true;
                return returned_complete(postman);
        }
        if (frame->frame_type != AMQP_FRAME_BODY || !returned->has_header ||
            frame->payload.body_fragment.len > returned->size - returned->body.len)
                return false;
        buffer_add_slice(&returned->body, slice_of_bytes(frame->payload.body_fragment));
        return returned_complete(postman);
}

static bool amqp_outbox_settle(struct postman *postman, struct confirm_answer answer)
{
        if (confirms_settle(&postman->confirms, answer, on_settled, postman))
                return true;
        connection_drop(postman, "the broker confirmed what was never published");
        return false;
}

/* False: the connection was dropped. */
static bool method_digest(struct postman *postman, const amqp_method_t *method)
{
        struct amqp_error error;
        switch (method->id) {
        case AMQP_BASIC_ACK_METHOD: {
                const amqp_basic_ack_t *ack = method->decoded;
                return amqp_outbox_settle(
                        postman, (struct confirm_answer){ack->delivery_tag, ack->multiple, .acked = true});
        }
        case AMQP_BASIC_NACK_METHOD: {
                const amqp_basic_nack_t *nack = method->decoded;
                return amqp_outbox_settle(
                        postman, (struct confirm_answer){nack->delivery_tag, nack->multiple, .acked = false});
        }
        case AMQP_BASIC_RETURN_METHOD:
                returned_begin(postman, method->decoded);
                return true;
        case AMQP_CONNECTION_BLOCKED_METHOD:
                atomic_store(&postman->outbox->blocked, true);
                return true;
        case AMQP_CONNECTION_UNBLOCKED_METHOD:
                atomic_store(&postman->outbox->blocked, false);
                return true;
        case AMQP_CHANNEL_CLOSE_METHOD:
        case AMQP_CONNECTION_CLOSE_METHOD:
                amqp_error_close(&error, postman->broker->place, "closed by the broker", method);
                connection_drop(postman, error.text);
                return false;
        default:
                return true;
        }
}

static bool frame_digest(struct postman *postman, const amqp_frame_t *frame)
{
        if (frame->frame_type == AMQP_FRAME_METHOD)
                return method_digest(postman, &frame->payload.method);
        if (returned_content(postman, frame))
                return true;
        connection_drop(postman, "a returned message that was never published");
        return false;
}

static void connection_read(struct postman *postman)
{
        const struct timeval no_wait = {0};
        for (int i = 0; postman->broker && i < TURN_FRAMES; i++) {
                amqp_frame_t frame;
                busy_begin(postman);
                int status = amqp_simple_wait_frame_noblock(postman->broker->state, &frame, &no_wait);
                busy_end(postman);
                if (status == AMQP_STATUS_TIMEOUT)
                        return;
                if (status < 0)
                        connection_drop(postman, amqp_error_string2(status));
                else if (frame_digest(postman, &frame))
                        amqp_maybe_release_buffers_on_channel(postman->broker->state, frame.channel);
        }
}

/* --- writing --- */

/* Does it fit? A header over frame_max is noticed by the library only after it has sent the method. */
static bool publish_encode(struct postman *postman, struct publish *publish,
                           amqp_basic_properties_t *properties)
{
        if (!amqp_message_write(publish->arena, publish->message, properties))
                return false;
        properties->_flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
        properties->delivery_mode = AMQP_DELIVERY_PERSISTENT;
        int frame_max = amqp_get_frame_max(postman->broker->state);
        size_t room = frame_max > 0 && frame_max < AMQP_FRAME_MAX ? (size_t)frame_max : AMQP_FRAME_MAX;
        amqp_bytes_t scratch = {.len = room - HEADER_FRAME_OVERHEAD, .bytes = postman->scratch};
        return amqp_encode_properties(AMQP_BASIC_CLASS, properties, scratch) >= 0;
}

static void publish_send(struct postman *postman, struct publish *publish)
{
        amqp_basic_properties_t properties;
        if (!publish_encode(postman, publish, &properties)) {
                outbox_end(postman->outbox, publish, PUBLISH_UNENCODABLE,
                           "properties or headers too large or too deep for a frame");
                return;
        }
        const struct message *message = publish->message;
        confirms_add(&postman->confirms, publish, outbox_now_ms());
        busy_begin(postman);
        int status =
                amqp_basic_publish(postman->broker->state, PUBLISH_CHANNEL, bytes_of_slice(message->exchange),
                                   bytes_of_slice(message->routing_key), /* mandatory = */ 1,
                                   /* immediate = */ 0, &properties, bytes_of_slice(message->body));
        busy_end(postman);
        if (status < 0)
                connection_drop(postman, amqp_error_string2(status));
}

static struct publish *outbox_waiting_take(struct outbox *outbox)
{
        uv_mutex_lock(&outbox->mutex);
        struct publish *publish = publish_list_take(&outbox->waiting);
        uv_mutex_unlock(&outbox->mutex);
        return publish;
}

static bool may_send(struct postman *postman)
{
        return postman->broker && !confirms_full(&postman->confirms) && !postman->nacks.overdue &&
               !atomic_load(&postman->outbox->blocked) && amqp_writable(postman->broker, 0);
}

/* True if the window or the turn was used up: look at what the broker says, then go on. */
static bool waiting_send(struct postman *postman)
{
        for (int i = 0; i < TURN_PUBLISHES && may_send(postman); i++) {
                struct publish *publish = outbox_waiting_take(postman->outbox);
                if (!publish)
                        return false;
                if (outbox_later(postman->outbox, &postman->later_ready, publish))
                        publish_send(postman, publish);
        }
        return true;
}

/* --- turns of the thread --- */

static bool something_waits(struct outbox *outbox, bool *stopping, bool *abandoned)
{
        uv_mutex_lock(&outbox->mutex);
        bool waits = outbox->waiting.head;
        *stopping = outbox->stopping;
        *abandoned = outbox->abandoned;
        uv_mutex_unlock(&outbox->mutex);
        return waits;
}

/* Sleeps until the loop or the broker has something, or a time has come. */
static void thread_sleep(struct postman *postman, bool waits)
{
        int64_t now_ms = outbox_now_ms(), wait_ms = READ_INTERVAL_MS;
        int64_t oldest_ms = confirms_oldest_ms(&postman->confirms);
        if (oldest_ms >= 0 && oldest_ms + postman->outbox->timeout_ms - now_ms < wait_ms)
                wait_ms = oldest_ms + postman->outbox->timeout_ms - now_ms;
        if (!postman->broker && postman->connect_at_ms > now_ms && postman->connect_at_ms - now_ms < wait_ms)
                wait_ms = postman->connect_at_ms - now_ms;
        struct pollfd fds[2] = {{.fd = postman->outbox->wake_thread, .events = POLLIN}, {.fd = -1}};
        if (postman->broker) {
                bool can = waits && !confirms_full(&postman->confirms) && !postman->nacks.overdue &&
                           !atomic_load(&postman->outbox->blocked);
                fds[1].fd = amqp_get_sockfd(postman->broker->state);
                fds[1].events = (short)(POLLIN | (can ? POLLOUT : 0));
        }
        poll(fds, 2, wait_ms > 0 ? (int)wait_ms : 0);
        uint64_t count;
        if (fds[0].revents && read(postman->outbox->wake_thread, &count, sizeof(count)) < 0)
                return;
}

static bool library_holds_frames(const struct postman *postman)
{
        return postman->broker &&
               (amqp_frames_enqueued(postman->broker->state) || amqp_data_in_buffer(postman->broker->state));
}

static void channel_renew(struct postman *postman)
{
        struct amqp_error error = {0};
        nacks_renewed(&postman->nacks);
        confirms_restart(&postman->confirms);
        busy_begin(postman);
        amqp_channel_close(postman->broker->state, PUBLISH_CHANNEL, AMQP_REPLY_SUCCESS);
        bool ok = channel_prepare(postman->broker, &error);
        busy_end(postman);
        if (!ok)
                connection_drop(postman, error.text);
}

static void overdue_check(struct postman *postman)
{
        int64_t oldest_ms = confirms_oldest_ms(&postman->confirms);
        if (oldest_ms >= 0 && outbox_now_ms() - oldest_ms >= postman->outbox->timeout_ms)
                connection_drop(postman, atomic_load(&postman->outbox->blocked)
                                                 ? "the broker blocks publishers (resource alarm)"
                                                 : "no confirm in time");
}

static void thread_turns(struct postman *postman)
{
        bool stopping, abandoned;
        for (;;) {
                bool waits = something_waits(postman->outbox, &stopping, &abandoned);
                if (abandoned || (stopping && !waits && confirms_empty(&postman->confirms)))
                        return;
                if (!postman->broker && outbox_now_ms() >= postman->connect_at_ms)
                        connection_open(postman);
                bool more = waiting_send(postman);
                if (postman->broker)
                        connection_read(postman);
                overdue_check(postman);
                if (postman->nacks.overdue && confirms_empty(&postman->confirms))
                        channel_renew(postman);
                if ((!more || !may_send(postman)) && !library_holds_frames(postman))
                        thread_sleep(postman, something_waits(postman->outbox, &stopping, &abandoned));
        }
}

void outbox_run(void *context)
{
        struct outbox *outbox = context;
        struct postman postman = {
                .outbox = outbox,
                .backoff = {.base_ms = RECONNECT_BASE_MS, .cap_ms = RECONNECT_CAP_MS},
                .random = uv_hrtime(),
                .scratch = memory_raw(AMQP_FRAME_MAX),
        };
        pthread_setname_np(pthread_self(), "leveret-publish");
        confirms_init(&postman.confirms, PUBLISH_WINDOW);
        nacks_init(&postman.nacks);
        thread_turns(&postman);
        for (struct publish *publish; (publish = confirms_take(&postman.confirms));)
                outbox_end(outbox, publish, PUBLISH_UNKNOWN, "the publisher was closed");
        fd_tell(&postman, -1, NULL);
        atomic_store(&outbox->up, false);
        broker_close(postman.broker, 500);
        returned_clear(&postman.returned);
        confirms_fini(&postman.confirms);
        free(postman.scratch);
        uv_mutex_lock(&outbox->mutex);
        bool alone = !outbox->wake_loop;
        outbox->thread_ended = true;
        uv_cond_signal(&outbox->thread_ended_changed);
        uv_mutex_unlock(&outbox->mutex);
        if (alone)
                outbox_free(outbox);
}
