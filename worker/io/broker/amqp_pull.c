#include "io/broker/amqp_pull.h"
#include "core/memory/memory.h"
#include "io/amqp/amqp_channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

enum {
        PREFETCH_MAX = 65535,
        RETURN_CHANNEL = 2, /* for questions while channel 1 gives messages back */
        RETURN_PORTION = 30,
        RETURN_WAIT_MS =
                2000, /* for a portion to be seen; more dead letters may be taken by others meanwhile */
};

struct amqp_pull {
        struct arena arena; /* settings and the queue's name */
        struct amqp_settings settings;
        struct broker *broker;
        struct channel channel; /* the only one: its outward tags are those of AMQP */
        uint64_t hold;          /* so many may be unsettled */
        uint64_t asked_for;     /* by all consumers together */
        unsigned more;          /* consumers beside that of `channel` */
        bool can_return;        /* RETURN_CHANNEL is open */
};

static int64_t pull_now_ms(void)
{
        return (int64_t)(uv_hrtime() / 1000000);
}

/* Waits for one frame until the time given. */
static int frame_wait(struct amqp_pull *pull, amqp_frame_t *frame, int64_t until_ms)
{
        int64_t left_ms = until_ms - pull_now_ms();
        left_ms = left_ms > 0 ? left_ms : 0;
        struct timeval timeout = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
        return amqp_simple_wait_frame_noblock(pull->broker->state, frame, &timeout);
}

/* Digests one frame. CHANNEL_NOTHING with *timed_out if there was none. */
static enum channel_event frame_next(struct amqp_pull *pull, int64_t until_ms, bool *timed_out,
                                     struct amqp_error *error)
{
        amqp_frame_t frame;
        int status = frame_wait(pull, &frame, until_ms);
        *timed_out = status == AMQP_STATUS_TIMEOUT;
        if (*timed_out)
                return CHANNEL_NOTHING;
        if (status < 0) {
                amqp_error_status(error, pull->broker->place, pull->channel.queue_name, status);
                return CHANNEL_BROKEN;
        }
        enum channel_event event = CHANNEL_NOTHING;
        if (frame.channel == 1) {
                event = channel_frame(&pull->channel, pull->broker, &frame, (struct channel_moment){0},
                                      error);
        } else if (frame.frame_type == AMQP_FRAME_METHOD &&
                   frame.payload.method.id == AMQP_CONNECTION_CLOSE_METHOD) {
                amqp_error_close(error, pull->broker->place, "closed by the broker", &frame.payload.method);
                event = CHANNEL_BROKEN;
        }
        amqp_maybe_release_buffers_on_channel(pull->broker->state, frame.channel);
        return event;
}

static bool consume_await(struct amqp_pull *pull, struct amqp_error *error)
{
        bool timed_out = false;
        int64_t until_ms = pull_now_ms() + AMQP_RPC_TIMEOUT_MS;
        int status = channel_drive(&pull->channel, pull->broker, 0);
        while (status >= 0 && pull->channel.phase == CHANNEL_STARTING && !timed_out) {
                enum channel_event event = frame_next(pull, until_ms, &timed_out, error);
                if (event == CHANNEL_BROKEN || event == CHANNEL_LOST)
                        return false;
        }
        if (pull->channel.phase != CHANNEL_CONSUMING)
                amqp_error_status(error, pull->broker->place, pull->channel.queue_name,
                                  status < 0 ? status : AMQP_STATUS_TIMEOUT);
        return pull->channel.phase == CHANNEL_CONSUMING;
}

static amqp_bytes_t more_tag(char text[32], unsigned number)
{
        snprintf(text, 32, "leveret.more.%u", number);
        return bytes_of(text);
}

/* One more consumer, if all that there are have what they may have. The broker does not answer. */
static int consume_more(struct amqp_pull *pull)
{
        char tag[32];
        uint64_t lacking = pull->hold - pull->asked_for;
        if (pull->channel.phase != CHANNEL_CONSUMING || pull->channel.wanted == 0 || lacking == 0 ||
            pull->channel.acks.count < pull->asked_for)
                return AMQP_STATUS_OK;
        amqp_basic_qos_t qos = {.prefetch_count =
                                        (uint16_t)(lacking < PREFETCH_MAX ? lacking : PREFETCH_MAX)};
        amqp_basic_consume_t consume = {.queue = bytes_of(pull->channel.queue_name),
                                        .consumer_tag = more_tag(tag, pull->more++),
                                        .nowait = 1};
        pull->asked_for += qos.prefetch_count;
        int status = amqp_send_method(pull->broker->state, 1, AMQP_BASIC_QOS_METHOD, &qos);
        return status < 0 ? status
                          : amqp_send_method(pull->broker->state, 1, AMQP_BASIC_CONSUME_METHOD, &consume);
}

void amqp_pull_widen(struct amqp_pull *pull, uint64_t hold)
{
        if (hold > pull->hold)
                pull->hold = hold;
}

struct amqp_pull *amqp_pull_open(const struct config *config, const char *queue, uint64_t hold,
                                 struct amqp_error *error)
{
        struct amqp_pull *pull = memory_zeroed(1, sizeof(*pull));
        arena_init(&pull->arena);
        channel_init(&pull->channel, 0, 0, arena_strdup(&pull->arena, queue));
        pull->hold = hold;
        pull->asked_for = hold < PREFETCH_MAX ? hold : PREFETCH_MAX;
        pull->channel.wanted = (uint16_t)pull->asked_for;
        if (amqp_settings_parse(&pull->arena, config, &pull->settings, error) &&
            (pull->broker = broker_open(&pull->settings, "pull", error)) && consume_await(pull, error))
                return pull;
        amqp_pull_close(pull);
        return NULL;
}

enum pull_result amqp_pull_next(struct amqp_pull *pull, int64_t timeout_ms, struct amqp_delivery *taken,
                                struct amqp_error *error)
{
        int64_t until_ms = pull_now_ms() + timeout_ms;
        int status = consume_more(pull);
        if (status < 0) {
                amqp_error_status(error, pull->broker->place, pull->channel.queue_name, status);
                return PULL_FAILED;
        }
        for (bool timed_out = false; !timed_out && pull->channel.phase != CHANNEL_IDLE;) {
                switch (frame_next(pull, until_ms, &timed_out, error)) {
                case CHANNEL_NOTHING:
                case CHANNEL_FOUND:
                        break;
                case CHANNEL_DELIVERY:
                        *taken = channel_take(&pull->channel);
                        return PULL_MESSAGE;
                case CHANNEL_LOST:
                case CHANNEL_BROKEN:
                        return PULL_FAILED;
                }
        }
        return PULL_NOTHING;
}

static bool amqp_pull_settle(struct amqp_pull *pull, uint64_t tag, enum ack_decision decision)
{
        bool more = true;
        channel_decide(&pull->channel, tag, decision);
        return amqp_writable(pull->broker, AMQP_RPC_TIMEOUT_MS) &&
               channel_flush(&pull->channel, pull->broker, 1, &more) >= 0;
}

bool amqp_pull_ack(struct amqp_pull *pull, uint64_t tag)
{
        return amqp_pull_settle(pull, tag, ACK_ACK);
}

bool amqp_pull_nack(struct amqp_pull *pull, uint64_t tag, bool requeue)
{
        return amqp_pull_settle(pull, tag, requeue ? ACK_REQUEUE : ACK_REJECT);
}

bool amqp_pull_stop(struct amqp_pull *pull)
{
        bool ok = amqp_writable(pull->broker, AMQP_RPC_TIMEOUT_MS);
        for (unsigned i = 0; ok && i < pull->more; i++) {
                char tag[32];
                amqp_basic_cancel_t cancel = {.consumer_tag = more_tag(tag, i), .nowait = 1};
                ok = amqp_send_method(pull->broker->state, 1, AMQP_BASIC_CANCEL_METHOD, &cancel) >= 0;
        }
        pull->channel.wanted = 0;
        return ok && channel_drive(&pull->channel, pull->broker, 0) >= 0;
}

/* Messages that are ready in the queue, as its leader says. */
static bool ready_count(struct amqp_pull *pull, uint64_t *ready, struct amqp_error *error)
{
        const amqp_queue_declare_ok_t *ok =
                amqp_queue_declare(pull->broker->state, RETURN_CHANNEL, bytes_of(pull->channel.queue_name),
                                   /* passive = */ 1, /* durable = */ 1, /* exclusive = */ 0,
                                   /* auto_delete = */ 0, amqp_empty_table);
        if (ok)
                *ready = ok->message_count;
        else
                amqp_error_reply(error, pull->broker->place, pull->channel.queue_name,
                                 amqp_get_rpc_reply(pull->broker->state));
        amqp_maybe_release_buffers_on_channel(pull->broker->state, RETURN_CHANNEL);
        return ok;
}

static bool portion_await(struct amqp_pull *pull, uint64_t expected, struct amqp_error *error)
{
        int64_t until_ms = pull_now_ms() + RETURN_WAIT_MS;
        for (;;) {
                uint64_t ready;
                if (!ready_count(pull, &ready, error))
                        return false;
                if (ready >= expected || pull_now_ms() >= until_ms)
                        return true;
                nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
        }
}

static bool return_channel_open(struct amqp_pull *pull, struct amqp_error *error)
{
        if (!pull->can_return) {
                amqp_channel_open(pull->broker->state, RETURN_CHANNEL);
                pull->can_return = amqp_error_reply(error, pull->broker->place, "open a channel",
                                                    amqp_get_rpc_reply(pull->broker->state));
        }
        return pull->can_return;
}

bool amqp_pull_return(struct amqp_pull *pull, const uint64_t *tags, size_t count, struct amqp_error *error)
{
        uint64_t ready;
        if (count == 0)
                return true;
        if (!return_channel_open(pull, error) || !ready_count(pull, &ready, error))
                return false;
        for (size_t at = 0; at < count; at += RETURN_PORTION) {
                size_t portion = count - at < RETURN_PORTION ? count - at : RETURN_PORTION;
                bool more = true;
                for (size_t i = 0; i < portion; i++)
                        channel_decide(&pull->channel, tags[at + i], ACK_REQUEUE);
                int status = AMQP_STATUS_SOCKET_ERROR;
                if (amqp_writable(pull->broker, AMQP_RPC_TIMEOUT_MS))
                        status = channel_flush(&pull->channel, pull->broker, RETURN_PORTION, &more);
                if (status < 0) {
                        amqp_error_status(error, pull->broker->place, pull->channel.queue_name, status);
                        return false;
                }
                if (!portion_await(pull, ready + at + portion, error))
                        return false;
        }
        return true;
}

void amqp_pull_close(struct amqp_pull *pull)
{
        if (!pull)
                return;
        broker_close(pull->broker, 1000);
        channel_fini(&pull->channel);
        arena_fini(&pull->arena);
        free(pull);
}
