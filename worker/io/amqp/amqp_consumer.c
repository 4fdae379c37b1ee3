#include "io/amqp/amqp_consumer.h"
#include "core/job/jitter.h"
#include "core/memory/memory.h"
#include "core/text/shorten.h"
#include "io/amqp/amqp_attempt.h"
#include "io/amqp/amqp_channels.h"
#include "io/machine/clock.h"
#include "io/machine/turn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
        FRAMES_PER_TURN = 96, /* so that other work of the loop gets its turn */
        FRAMES_AT_LEAST = 24, /* in a turn that is long already: eight messages */
        RECONNECT_BASE_MS = 250,
        RECONNECT_CAP_MS = 15000,
        TICK_MS = 250, /* while there is no connection; with one an eighth of the heartbeat is enough */
        TICK_MAX_MS = 1000,
        LIVED_MS = 1000, /* a connection that held so long was a success */
        CLOSE_BOUND_MS = 1000,
};

/* Lives on until libuv has let go of it, which may be after the connection that it watched. */
struct socket_poll {
        uv_poll_t handle;
        struct amqp_consumer *consumer;
};

struct amqp_consumer {
        uv_loop_t *loop;
        const struct config *config;
        const struct amqp_consumer_events *events;
        void *context;
        struct channels channels;
        uint64_t epoch, random;
        struct attempt *attempt;  /* under way, or behind the connection's settings */
        struct broker *broker;    /* NULL: not connected */
        struct socket_poll *poll; /* of the broker's socket */
        int poll_events;
        int64_t up_ms, heard_ms, written_ms, heartbeat_ms;
        int64_t connect_at_ms; /* when neither connected nor connecting; -1: never again */
        struct backoff backoff;
        bool ever_up, closing, held;
        char trouble[AMQP_ERROR_MAX]; /* why there is no connection; "" if there is one */
        unsigned handles;             /* of libuv, still open */
        uv_timer_t tick;
        uv_prepare_t prepare;
        uv_idle_t idle; /* active while the library holds frames that no socket event announces */
        uv_async_t attempted;
};

static void consumer_connection_drop(struct amqp_consumer *consumer, const char *why);
static void consumer_on_tick(uv_timer_t *timer);

static int64_t consumer_now_ms(const struct amqp_consumer *consumer)
{
        return (int64_t)uv_now(consumer->loop);
}

static void attempt_begin(struct amqp_consumer *consumer)
{
        assert(!consumer->attempt && !consumer->broker);
        consumer->attempt = attempt_start(consumer->config, &consumer->attempted);
}

/* --- writing --- */

/* Methods and acks that are due, as long as the socket takes them. *left: something waits for the socket. */
static int channel_write(struct amqp_consumer *consumer, struct channel *channel, bool *left)
{
        bool more = acks_pending(&channel->acks);
        int status = channel_drive(channel, consumer->broker, consumer_now_ms(consumer));
        while (status >= 0 && more) {
                if (!amqp_writable(consumer->broker, 0)) {
                        *left = true;
                        return status;
                }
                status = channel_flush(channel, consumer->broker, CHANNEL_FLUSH_FRAMES, &more);
                consumer->written_ms = consumer_now_ms(consumer);
        }
        return status;
}

static void amqp_consumer_on_poll(uv_poll_t *handle, int status, int events);

static void poll_ask(struct amqp_consumer *consumer, int events)
{
        if (consumer->poll_events == events)
                return;
        consumer->poll_events = events;
        uv_poll_start(&consumer->poll->handle, events, amqp_consumer_on_poll);
}

static void connection_write(struct amqp_consumer *consumer)
{
        bool left = false;
        for (size_t i = 0; consumer->broker && i < consumer->channels.count; i++) {
                if (!channel_is_due(&consumer->channels.list[i], consumer_now_ms(consumer)))
                        continue;
                if (!amqp_writable(consumer->broker, 0)) {
                        left = true;
                        break;
                }
                int status = channel_write(consumer, &consumer->channels.list[i], &left);
                if (status < 0)
                        consumer_connection_drop(consumer, amqp_error_string2(status));
        }
        int events = left ? UV_WRITABLE : 0;
        if (!consumer->held)
                events |= UV_READABLE;
        if (consumer->broker)
                poll_ask(consumer, events);
}

static void heartbeat_write(struct amqp_consumer *consumer)
{
        amqp_frame_t frame = {.frame_type = AMQP_FRAME_HEARTBEAT};
        if (consumer_now_ms(consumer) - consumer->written_ms < consumer->heartbeat_ms / 2 ||
            !amqp_writable(consumer->broker, 0))
                return;
        consumer->written_ms = consumer_now_ms(consumer);
        int status = amqp_send_frame(consumer->broker->state, &frame);
        if (status < 0)
                consumer_connection_drop(consumer, amqp_error_string2(status));
}

/* --- reading --- */

static void connection_closed(struct amqp_consumer *consumer, const amqp_method_t *method)
{
        struct amqp_error error;
        amqp_connection_close_ok_t ok = {0};
        amqp_error_close(&error, consumer->broker->place, "closed by the broker", method);
        if (amqp_writable(consumer->broker, 0))
                amqp_send_method(consumer->broker->state, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
        consumer_connection_drop(consumer, error.text);
}

static void frame_dispatch(struct amqp_consumer *consumer, const amqp_frame_t *frame)
{
        if (frame->channel == 0) { /* connection.blocked is no concern of a connection that only acks */
                if (frame->frame_type == AMQP_FRAME_METHOD &&
                    frame->payload.method.id == AMQP_CONNECTION_CLOSE_METHOD)
                        connection_closed(consumer, &frame->payload.method);
                return;
        }
        if (frame->channel > consumer->channels.count) {
                consumer_connection_drop(consumer, "a frame on a channel that was never opened");
                return;
        }
        struct channel *channel = &consumer->channels.list[frame->channel - 1];
        struct amqp_error error;
        struct channel_moment moment = {consumer_now_ms(consumer), jitter_next(&consumer->random)};
        switch (channel_frame(channel, consumer->broker, frame, moment, &error)) {
        case CHANNEL_NOTHING:
                return;
        case CHANNEL_DELIVERY:
                consumer->events->delivery(consumer->context, channel->queue, consumer->epoch,
                                           channel_take(channel));
                return;
        case CHANNEL_LOST:
                consumer->events->lost(consumer->context, channel->queue, error.text);
                return;
        case CHANNEL_FOUND:
                if (!channels_lost(&consumer->channels, channel->queue))
                        consumer->events->found(consumer->context, channel->queue);
                return;
        case CHANNEL_BROKEN:
                consumer_connection_drop(consumer, error.text);
                return;
        }
}

/* A bounded number of frames. Each is digested before the next is read: the library's memory is given back
 * each time, else it keeps every frame it ever held. */
static void consumer_connection_read(struct amqp_consumer *consumer, bool readable)
{
        const struct timeval no_wait = {0};
        struct broker *broker = consumer->broker;
        for (int i = 0; i < FRAMES_PER_TURN && !consumer->held; i++) {
                if (!readable && !amqp_frames_enqueued(broker->state) && !amqp_data_in_buffer(broker->state))
                        break;
                if (i > 0 && i % FRAMES_AT_LEAST == 0 && turn_is_long())
                        break;
                amqp_frame_t frame;
                int status = amqp_simple_wait_frame_noblock(broker->state, &frame, &no_wait);
                if (status == AMQP_STATUS_TIMEOUT)
                        break;
                if (status < 0) {
                        consumer_connection_drop(consumer, amqp_error_string2(status));
                        return;
                }
                readable = false;
                frame_dispatch(consumer, &frame);
                if (consumer->broker != broker || consumer->closing)
                        return;
                amqp_maybe_release_buffers_on_channel(broker->state, frame.channel);
        }
}

static void on_idle(uv_idle_t *handle);

static void buffered_watch(struct amqp_consumer *consumer)
{
        if (consumer->closing)
                return;
        if (consumer->broker && !consumer->held &&
            (amqp_frames_enqueued(consumer->broker->state) || amqp_data_in_buffer(consumer->broker->state)))
                uv_idle_start(&consumer->idle, on_idle);
        else
                uv_idle_stop(&consumer->idle);
}

static void on_idle(uv_idle_t *handle)
{
        struct amqp_consumer *consumer = handle->data;
        if (consumer->broker)
                consumer_connection_read(consumer, false);
        buffered_watch(consumer);
}

/* libuv calls every error of a socket a bad file descriptor. What the broker said before it closed may still
 * lie in the socket; if it does not, reading tells what is wrong. */
static void socket_broken(struct amqp_consumer *consumer)
{
        const struct broker *broker = consumer->broker;
        consumer_connection_read(consumer, true);
        if (consumer->broker == broker)
                consumer_connection_drop(consumer, "the connection broke");
}

static void amqp_consumer_on_poll(uv_poll_t *handle, int status, int events)
{
        struct amqp_consumer *consumer = ((struct socket_poll *)handle->data)->consumer;
        turn_worked();
        if (status < 0) {
                socket_broken(consumer);
                return;
        }
        if (events & UV_READABLE) {
                consumer->heard_ms = consumer_now_ms(consumer);
                consumer_connection_read(consumer, true);
        }
        buffered_watch(consumer); /* what waits to be written is written right before the loop sleeps */
}

/* --- the connection's life --- */

static void on_poll_closed(uv_handle_t *handle)
{
        free(handle->data);
}

/* Takes the connection apart without a word to anybody. */
static void connection_forget(struct amqp_consumer *consumer, int64_t bound_ms)
{
        uv_close((uv_handle_t *)&consumer->poll->handle, on_poll_closed);
        consumer->poll = NULL;
        uv_idle_stop(&consumer->idle);
        broker_close(consumer->broker, bound_ms);
        consumer->broker = NULL;
        attempt_free(consumer->attempt, 0);
        consumer->attempt = NULL;
        channels_reset(&consumer->channels);
}

static void consumer_connection_drop(struct amqp_consumer *consumer, const char *why)
{
        text_shorten(consumer->trouble, sizeof(consumer->trouble), why);
        connection_forget(consumer, 0);
        uv_timer_start(&consumer->tick, consumer_on_tick, TICK_MS, TICK_MS);
        if (consumer_now_ms(consumer) - consumer->up_ms >= LIVED_MS)
                backoff_reset(&consumer->backoff);
        consumer->connect_at_ms = consumer_now_ms(consumer) +
                                  backoff_next_ms(&consumer->backoff, jitter_next(&consumer->random));
        consumer->events->down(consumer->context, consumer->epoch, consumer->trouble);
}

static uint64_t tick_ms(const struct amqp_consumer *consumer)
{
        uint64_t ms = (uint64_t)consumer->heartbeat_ms / 8;
        return ms == 0 || ms > TICK_MAX_MS ? TICK_MAX_MS : ms;
}

static void connection_begin(struct amqp_consumer *consumer, struct broker *broker)
{
        struct socket_poll *poll = memory_zeroed(1, sizeof(*poll));
        if (uv_poll_init(consumer->loop, &poll->handle, amqp_get_sockfd(broker->state)) != 0)
                abort();
        poll->consumer = consumer;
        poll->handle.data = poll;
        consumer->poll = poll;
        consumer->broker = broker;
        consumer->poll_events = 0;
        consumer->up_ms = consumer->heard_ms = consumer->written_ms = consumer_now_ms(consumer);
        consumer->epoch++;
        consumer->ever_up = true;
        consumer->trouble[0] = '\0';
        poll_ask(consumer, UV_READABLE);
        buffered_watch(consumer);
        uv_timer_start(&consumer->tick, consumer_on_tick, tick_ms(consumer), tick_ms(consumer));
        consumer->events->up(consumer->context, consumer->epoch);
}

static void attempt_failed(struct amqp_consumer *consumer, const struct amqp_error *error)
{
        attempt_free(consumer->attempt, 0);
        consumer->attempt = NULL;
        text_shorten(consumer->trouble, sizeof(consumer->trouble), error->text);
        if (error->trouble == AMQP_TROUBLE_REFUSED && !consumer->ever_up) {
                consumer->connect_at_ms = -1;
                consumer->events->fatal(consumer->context, error->text);
                return;
        }
        int64_t wait_ms = backoff_next_ms(&consumer->backoff, jitter_next(&consumer->random));
        consumer->connect_at_ms = consumer_now_ms(consumer) + wait_ms;
        if (consumer->events->unreachable)
                consumer->events->unreachable(consumer->context, error->text, wait_ms);
}

static void on_attempted(uv_async_t *handle)
{
        struct amqp_consumer *consumer = handle->data;
        if (!consumer->attempt || consumer->broker || !attempt_ended(consumer->attempt))
                return;
        struct amqp_error error;
        struct broker *broker = attempt_take(consumer->attempt, &error);
        if (broker && !broker_heartbeats_take_over(broker, &consumer->heartbeat_ms)) {
                amqp_error_status(&error, broker->place, "log in", AMQP_STATUS_UNEXPECTED_STATE);
                broker_close(broker, 0);
                broker = NULL;
        }
        if (broker)
                connection_begin(consumer, broker);
        else
                attempt_failed(consumer, &error);
}

/* --- turns of the loop --- */

/* A wish for 0 is answered as soon as no delivery can come, also when there was no consumer to cancel. */
static void cancels_answer(struct amqp_consumer *consumer)
{
        for (size_t i = 0; i < consumer->config->queue_count && !consumer->closing; i++)
                if (channels_cancelled(&consumer->channels, i))
                        consumer->events->cancelled(consumer->context, i);
}

static void on_prepare(uv_prepare_t *handle)
{
        struct amqp_consumer *consumer = handle->data;
        /* The loop does not sleep on acks that wait for more. */
        if (consumer->broker && turn_collects() &&
            channels_acks_pending(consumer->channels.list, consumer->channels.count))
                uv_idle_start(&consumer->idle, on_idle);
        else if (consumer->broker)
                connection_write(consumer);
        cancels_answer(consumer);
}

static void consumer_on_tick(uv_timer_t *timer)
{
        struct amqp_consumer *consumer = timer->data;
        int64_t now = consumer_now_ms(consumer);
        bool due = !consumer->attempt && consumer->connect_at_ms >= 0 && now >= consumer->connect_at_ms;
        if (!consumer->broker && due)
                attempt_begin(consumer);
        if (!consumer->broker)
                return;
        int64_t silent_ms = now - consumer->heard_ms;
        if (consumer->heartbeat_ms > 0 &&
            silent_ms > consumer->heartbeat_ms * 2 - (int64_t)tick_ms(consumer) &&
            !amqp_readable(consumer->broker)) { /* a loop that was stopped itself reads first */
                char text[96];
                snprintf(text, sizeof(text), "no heartbeat from the broker for %d ms", (int)silent_ms);
                consumer_connection_drop(consumer, text);
        } else {
                heartbeat_write(consumer);
        }
}

/* --- the interface --- */

static void handle_add(struct amqp_consumer *consumer, uv_handle_t *handle)
{
        handle->data = consumer;
        consumer->handles++;
}

struct amqp_consumer *amqp_consumer_open(uv_loop_t *loop, const struct config *config,
                                         const struct amqp_consumer_events *events, void *context)
{
        struct amqp_consumer *consumer = memory_zeroed(1, sizeof(*consumer));
        *consumer = (struct amqp_consumer){
                .loop = loop,
                .config = config,
                .events = events,
                .context = context,
                .backoff = {.base_ms = RECONNECT_BASE_MS, .cap_ms = RECONNECT_CAP_MS},
        };
        channels_open(&consumer->channels, config, events->arena, context);
        if (uv_random(NULL, NULL, &consumer->random, sizeof(consumer->random), 0, NULL) != 0)
                abort();
        consumer->random |= 1; /* xorshift must not begin at 0 */
        uv_timer_init(loop, &consumer->tick);
        uv_prepare_init(loop, &consumer->prepare);
        uv_idle_init(loop, &consumer->idle);
        uv_async_init(loop, &consumer->attempted, on_attempted);
        handle_add(consumer, (uv_handle_t *)&consumer->tick);
        handle_add(consumer, (uv_handle_t *)&consumer->prepare);
        handle_add(consumer, (uv_handle_t *)&consumer->idle);
        handle_add(consumer, (uv_handle_t *)&consumer->attempted);
        uv_timer_start(&consumer->tick, consumer_on_tick, TICK_MS, TICK_MS);
        uv_prepare_start(&consumer->prepare, on_prepare);
        attempt_begin(consumer);
        return consumer;
}

void amqp_consumer_want(struct amqp_consumer *consumer, size_t queue, uint16_t prefetch)
{
        channels_want(&consumer->channels, queue, prefetch);
}

static void decide(struct amqp_consumer *consumer, uint64_t epoch, uint64_t tag, enum ack_decision decision)
{
        if (consumer->broker && epoch == consumer->epoch && channel_of_tag(tag) < consumer->channels.count)
                channel_decide(&consumer->channels.list[channel_of_tag(tag)], tag, decision);
}

void amqp_consumer_ack(struct amqp_consumer *consumer, uint64_t epoch, uint64_t tag)
{
        decide(consumer, epoch, tag, ACK_ACK);
}

void amqp_consumer_nack(struct amqp_consumer *consumer, uint64_t epoch, uint64_t tag, bool requeue)
{
        decide(consumer, epoch, tag, requeue ? ACK_REQUEUE : ACK_REJECT);
}

void amqp_consumer_hold(struct amqp_consumer *consumer, bool held)
{
        consumer->held = held; /* what is watched changes before the loop sleeps */
        buffered_watch(consumer);
}

const char *amqp_consumer_trouble(const struct amqp_consumer *consumer)
{
        return consumer->trouble;
}

bool amqp_consumer_is_consuming(const struct amqp_consumer *consumer, size_t queue)
{
        return consumer->broker && channels_consuming(&consumer->channels, queue);
}

bool amqp_consumer_may_deliver(const struct amqp_consumer *consumer, size_t queue)
{
        return consumer->broker && channels_may_deliver(&consumer->channels, queue);
}

static void amqp_consumer_on_closed(uv_handle_t *handle)
{
        struct amqp_consumer *consumer = handle->data;
        if (--consumer->handles > 0)
                return;
        channels_close(&consumer->channels);
        free(consumer);
}

void amqp_consumer_close(struct amqp_consumer *consumer)
{
        int64_t left_ms = CLOSE_BOUND_MS, until_ms = clock_boot_ms() + left_ms;
        consumer->closing = true;
        if (consumer->broker) {
                channels_flush(consumer->channels.list, consumer->channels.count, consumer->broker, until_ms);
                left_ms = until_ms - clock_boot_ms();
                connection_forget(consumer, left_ms > 0 ? left_ms : 0);
        } else {
                attempt_free(consumer->attempt, CLOSE_BOUND_MS);
                consumer->attempt = NULL;
        }
        uv_close((uv_handle_t *)&consumer->tick, amqp_consumer_on_closed);
        uv_close((uv_handle_t *)&consumer->prepare, amqp_consumer_on_closed);
        uv_close((uv_handle_t *)&consumer->idle, amqp_consumer_on_closed);
        uv_close((uv_handle_t *)&consumer->attempted, amqp_consumer_on_closed);
}
