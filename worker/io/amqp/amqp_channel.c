#include "io/amqp/amqp_channel.h"
#include "io/machine/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LOST_BASE_MS 250
#define LOST_CAP_MS 5000
#define GENERATION_MAX ((1U << CHANNEL_GENERATION_BITS) - 1)

static_assert(2 * CONFIG_QUEUES_MAX <= 1 << (64 - CHANNEL_TAG_BITS - CHANNEL_GENERATION_BITS),
              "channels, two a queue at most, fit into the tag");

static amqp_channel_t channel_number(const struct channel *channel)
{
        return (amqp_channel_t)(channel->number + 1);
}

void channel_init(struct channel *channel, size_t number, size_t queue, const char *queue_name)
{
        *channel = (struct channel){
                .number = number,
                .queue = queue,
                .queue_name = queue_name,
                .backoff = {.base_ms = LOST_BASE_MS, .cap_ms = LOST_CAP_MS},
        };
        acks_init(&channel->acks);
}

static void partial_drop(struct channel *channel)
{
        arena_free(channel->partial.arena);
        channel->partial.arena = NULL;
}

void channel_fini(struct channel *channel)
{
        partial_drop(channel);
        acks_fini(&channel->acks);
}

void channel_reset(struct channel *channel)
{
        partial_drop(channel);
        acks_clear(&channel->acks);
        channel->phase = CHANNEL_CLOSED;
        channel->generation = 0;
        channel->retry_at_ms = 0;
}

static int channel_open(struct channel *channel, struct broker *broker)
{
        amqp_channel_open_t open = {.out_of_band = amqp_empty_bytes};
        channel->phase = CHANNEL_IDLE;
        return amqp_send_method(broker->state, channel_number(channel), AMQP_CHANNEL_OPEN_METHOD, &open);
}

/* Each consumer gets a tag of its own: RabbitMQ 3.10 takes the deliveries of a consumer that follows another
 * with the same tag for out of order and closes the connection with 541 (rabbitmq-server issue 5927); 3.11
 * and 3.12 may keep some back (issue 9158). */
static void consumer_name(struct channel *channel)
{
        snprintf(channel->consumer_tag, sizeof(channel->consumer_tag), "leveret.%zu.%" PRIu32,
                 channel->number, ++channel->consumer_number);
}

/* Sent without waiting for an answer: the broker handles the methods of a channel in order. */
static int consume_start(struct channel *channel, struct broker *broker)
{
        consumer_name(channel);
        amqp_basic_qos_t qos = {.prefetch_count = channel->wanted, .global = 0};
        amqp_basic_consume_t consume = {
                .queue = bytes_of(channel->queue_name),
                .consumer_tag = bytes_of(channel->consumer_tag),
                .no_ack = 0,
        };
        channel->phase = CHANNEL_STARTING;
        channel->running = channel->wanted;
        int status = amqp_send_method(broker->state, channel_number(channel), AMQP_BASIC_QOS_METHOD, &qos);
        if (status < 0)
                return status;
        return amqp_send_method(broker->state, channel_number(channel), AMQP_BASIC_CONSUME_METHOD, &consume);
}

static int consume_cancel(struct channel *channel, struct broker *broker)
{
        amqp_basic_cancel_t cancel = {.consumer_tag = bytes_of(channel->consumer_tag)};
        channel->phase = CHANNEL_CANCELLING;
        return amqp_send_method(broker->state, channel_number(channel), AMQP_BASIC_CANCEL_METHOD, &cancel);
}

/* The broker does not count what an earlier consumer left unsettled against the prefetch of the next one
 * (RabbitMQ 3.10, quorum queues). So that pauses do not pile up, a consumer begins only when no more than its
 * prefetch is unsettled. */
static bool consumer_is_due(const struct channel *channel, int64_t now_ms)
{
        return channel->wanted != 0 && !(channel->lost && now_ms < channel->retry_at_ms) &&
               channel->acks.count <= channel->wanted;
}

bool channel_is_due(const struct channel *channel, int64_t now_ms)
{
        switch (channel->phase) {
        case CHANNEL_CLOSED:
        case CHANNEL_IDLE:
                return acks_pending(&channel->acks) || consumer_is_due(channel, now_ms);
        case CHANNEL_CONSUMING:
                return acks_pending(&channel->acks) || channel->wanted != channel->running;
        case CHANNEL_STARTING:
        case CHANNEL_CANCELLING:
                return acks_pending(&channel->acks);
        }
        abort();
}

int channel_drive(struct channel *channel, struct broker *broker, int64_t now_ms)
{
        int status = AMQP_STATUS_OK;
        switch (channel->phase) {
        case CHANNEL_CLOSED:
        case CHANNEL_IDLE:
                if (!consumer_is_due(channel, now_ms))
                        return AMQP_STATUS_OK;
                if (channel->phase == CHANNEL_CLOSED)
                        status = channel_open(channel, broker);
                return status < 0 ? status : consume_start(channel, broker);
        case CHANNEL_CONSUMING:
                return channel->wanted == channel->running ? AMQP_STATUS_OK : consume_cancel(channel, broker);
        case CHANNEL_STARTING:
        case CHANNEL_CANCELLING:
                return AMQP_STATUS_OK;
        }
        abort();
}

static struct arena *arena_make(const struct channel *channel)
{
        return channel->arena ? channel->arena(channel->arena_context) : arena_new();
}

static void delivery_begin(struct channel *channel, const amqp_basic_deliver_t *deliver)
{
        struct arena *arena = arena_make(channel);
        struct message *message = arena_alloc(arena, sizeof(*message));
        message->exchange = arena_slice(arena, slice_of_bytes(deliver->exchange));
        message->routing_key = arena_slice(arena, slice_of_bytes(deliver->routing_key));
        message->redelivered = deliver->redelivered;
        channel->partial.arena = arena;
        channel->partial.message = message;
        channel->partial.tag = deliver->delivery_tag;
        channel->partial.has_header = false;
        channel->partial.received = 0;
        channel->partial.body = NULL;
}

static enum channel_event broken(struct amqp_error *error, struct broker *broker, const char *why)
{
        *error = (struct amqp_error){.trouble = AMQP_TROUBLE_RETRY};
        snprintf(error->text, sizeof(error->text), "%s: %s", broker->place, why);
        return CHANNEL_BROKEN;
}

static enum channel_event delivery_header(struct channel *channel, struct broker *broker,
                                          const amqp_frame_t *frame, struct amqp_error *error)
{
        struct message *message = channel->partial.message;
        /* librabbitmq before 0.16 counts what is left of a frame that is too short below 0. */
        if (frame->payload.properties.raw.len > AMQP_FRAME_MAX)
                return broken(error, broker, "a content header that is cut short");
        if (frame->payload.properties.body_size > AMQP_BODY_TOLD_MAX)
                return broken(error, broker, "a body of more than 1 GiB announced");
        amqp_message_read(channel->partial.arena, message, frame->payload.properties.decoded);
        message->body_size = frame->payload.properties.body_size;
        channel->partial.has_header = true;
        if (message->body_size <= AMQP_BODY_KEPT_MAX)
                channel->partial.body = arena_alloc(channel->partial.arena, (size_t)message->body_size + 1);
        message->body = (struct slice){.data = channel->partial.body ? channel->partial.body : ""};
        return message->body_size == 0 ? CHANNEL_DELIVERY : CHANNEL_NOTHING;
}

static enum channel_event delivery_body(struct channel *channel, struct broker *broker, amqp_bytes_t fragment,
                                        struct amqp_error *error)
{
        struct message *message = channel->partial.message;
        if (fragment.len > message->body_size - channel->partial.received)
                return broken(error, broker, "a body longer than announced");
        if (channel->partial.body && fragment.len) {
                memcpy(channel->partial.body + channel->partial.received, fragment.bytes, fragment.len);
                message->body.len += fragment.len;
        }
        channel->partial.received += fragment.len;
        return channel->partial.received == message->body_size ? CHANNEL_DELIVERY : CHANNEL_NOTHING;
}

static enum channel_event channel_lose(struct channel *channel, struct channel_moment moment,
                                       struct amqp_error *error, const char *why)
{
        bool known = channel->lost;
        channel->lost = true;
        channel->retry_at_ms = moment.now_ms + backoff_next_ms(&channel->backoff, moment.random);
        *error = (struct amqp_error){.trouble = AMQP_TROUBLE_RETRY, .code = 404};
        snprintf(error->text, sizeof(error->text), "queue %s: %s", channel->queue_name, why);
        return known ? CHANNEL_NOTHING : CHANNEL_LOST;
}

/* Deliveries of the closed channel are forgotten by the broker; a new generation makes late decisions on them
 * harmless. */
static enum channel_event channel_closed(struct channel *channel, struct broker *broker,
                                         const amqp_method_t *method, struct channel_moment moment,
                                         struct amqp_error *error)
{
        const amqp_channel_close_t *close = method->decoded;
        /* Not there, or its owner lets nobody else consume: of other queues that is no concern. */
        bool absent = close->reply_code == AMQP_NOT_FOUND;
        bool kept = close->reply_code == AMQP_ACCESS_REFUSED || close->reply_code == AMQP_RESOURCE_LOCKED;
        bool missing = (absent || (kept && channel->foreign)) && channel->phase == CHANNEL_STARTING;
        amqp_error_close(error, broker->place, channel->queue_name, method);
        if (!missing || channel->generation == GENERATION_MAX)
                return CHANNEL_BROKEN;
        amqp_channel_close_ok_t ok = {0};
        if (amqp_send_method(broker->state, channel_number(channel), AMQP_CHANNEL_CLOSE_OK_METHOD, &ok) < 0)
                return CHANNEL_BROKEN;
        if (channel->acks.last_tag > 0)
                channel->generation++;
        acks_clear(&channel->acks);
        partial_drop(channel);
        channel->phase = CHANNEL_CLOSED;
        return channel_lose(channel, moment, error,
                            absent ? "it does not exist" : "the broker refuses to let it be consumed");
}

static enum channel_event started(struct channel *channel)
{
        bool was_lost = channel->lost;
        channel->phase = CHANNEL_CONSUMING;
        channel->lost = false;
        backoff_reset(&channel->backoff);
        return was_lost ? CHANNEL_FOUND : CHANNEL_NOTHING;
}

static enum channel_event channel_method_digest(struct channel *channel, struct broker *broker,
                                                const amqp_method_t *method, struct channel_moment moment,
                                                struct amqp_error *error)
{
        switch (method->id) {
        case AMQP_BASIC_DELIVER_METHOD:
                delivery_begin(channel, method->decoded);
                if (!acks_deliver(&channel->acks, channel->partial.tag) ||
                    channel->partial.tag >> CHANNEL_TAG_BITS)
                        return broken(error, broker, "delivery tags out of order");
                return CHANNEL_NOTHING;
        case AMQP_BASIC_CONSUME_OK_METHOD:
                return started(channel);
        case AMQP_BASIC_CANCEL_OK_METHOD:
                if (channel->phase == CHANNEL_CANCELLING)
                        channel->phase = CHANNEL_IDLE;
                return CHANNEL_NOTHING;
        case AMQP_BASIC_CANCEL_METHOD:
                if (channel->phase == CHANNEL_CANCELLING)
                        return CHANNEL_NOTHING; /* the answer to ours still comes */
                channel->phase = CHANNEL_IDLE;
                return channel_lose(channel, moment, error,
                                    "the broker cancelled the consumer (queue deleted?)");
        case AMQP_CHANNEL_CLOSE_METHOD:
                return channel_closed(channel, broker, method, moment, error);
        default: /* open-ok, qos-ok and whatever a later broker adds */
                return CHANNEL_NOTHING;
        }
}

enum channel_event channel_frame(struct channel *channel, struct broker *broker, const amqp_frame_t *frame,
                                 struct channel_moment moment, struct amqp_error *error)
{
        bool partial = channel->partial.arena;
        bool has_header = partial && channel->partial.has_header;
        switch (frame->frame_type) {
        case AMQP_FRAME_METHOD:
                if (partial && frame->payload.method.id != AMQP_CHANNEL_CLOSE_METHOD)
                        return broken(error, broker, "a method inside of a message");
                return channel_method_digest(channel, broker, &frame->payload.method, moment, error);
        case AMQP_FRAME_HEADER:
                if (!partial || has_header || frame->payload.properties.class_id != AMQP_BASIC_CLASS)
                        return broken(error, broker, "a content header out of place");
                return delivery_header(channel, broker, frame, error);
        case AMQP_FRAME_BODY:
                if (!has_header)
                        return broken(error, broker, "a content body out of place");
                return delivery_body(channel, broker, frame->payload.body_fragment, error);
        default:
                return CHANNEL_NOTHING;
        }
}

struct amqp_delivery channel_take(struct channel *channel)
{
        uint64_t life = (uint64_t)channel->number << CHANNEL_GENERATION_BITS | channel->generation;
        struct amqp_delivery taken = {.arena = channel->partial.arena,
                                      .message = channel->partial.message,
                                      .tag = life << CHANNEL_TAG_BITS | channel->partial.tag};
        channel->partial.arena = NULL;
        return taken;
}

size_t channel_of_tag(uint64_t tag)
{
        return (size_t)(tag >> (CHANNEL_TAG_BITS + CHANNEL_GENERATION_BITS));
}

void channel_decide(struct channel *channel, uint64_t tag, enum ack_decision decision)
{
        if ((tag >> CHANNEL_TAG_BITS & GENERATION_MAX) == channel->generation)
                acks_decide(&channel->acks, tag & ((1ULL << CHANNEL_TAG_BITS) - 1), decision);
}

static int amqp_channel_settle(struct channel *channel, struct broker *broker, const struct ack_frame *frame)
{
        if (frame->decision == ACK_ACK) {
                amqp_basic_ack_t ack = {.delivery_tag = frame->tag, .multiple = frame->multiple};
                return amqp_send_method(broker->state, channel_number(channel), AMQP_BASIC_ACK_METHOD, &ack);
        }
        amqp_basic_nack_t nack = {.delivery_tag = frame->tag,
                                  .multiple = frame->multiple,
                                  .requeue = frame->decision == ACK_REQUEUE};
        return amqp_send_method(broker->state, channel_number(channel), AMQP_BASIC_NACK_METHOD, &nack);
}

int channel_flush(struct channel *channel, struct broker *broker, int frames_max, bool *more)
{
        struct ack_frame frame;
        int status = AMQP_STATUS_OK;
        while (status >= 0 && frames_max-- > 0 && acks_next(&channel->acks, &frame))
                status = amqp_channel_settle(channel, broker, &frame);
        *more = acks_pending(&channel->acks);
        return status;
}

bool channels_acks_pending(const struct channel *channels, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (acks_pending(&channels[i].acks))
                        return true;
        return false;
}

void channels_flush(struct channel *channels, size_t count, struct broker *broker, int64_t until_ms)
{
        for (size_t i = 0; i < count; i++) {
                bool more = acks_pending(&channels[i].acks);
                while (more) {
                        int64_t left_ms = until_ms - clock_boot_ms();
                        if (left_ms <= 0 || !amqp_writable(broker, (int)left_ms) ||
                            channel_flush(&channels[i], broker, CHANNEL_FLUSH_FRAMES, &more) < 0)
                                return;
                }
        }
}
