#include "world.h"

#include "core/memory/memory.h"
#include "io/machine/turn.h"

#include <stdlib.h>

/*
 * io/amqp/amqp_consumer.h over the world's broker: what it writes leaves before the loop sleeps, what the
 * broker says is found by poll, both in order.
 */

enum phase { PHASE_CLOSED, PHASE_IDLE, PHASE_STARTING, PHASE_CONSUMING, PHASE_CANCELLING };

struct channel {
        enum phase phase;
        uint16_t wanted, running;
        bool cancelled_due, lost;
        int64_t retry_at_ms;
};

/* A decision that is not written yet. */
struct settled {
        size_t queue;
        uint64_t tag;
        enum settling how;
};

struct amqp_consumer {
        struct process *process;
        const struct config *config;
        const struct amqp_consumer_events *events;
        void *context;
        uv_prepare_t *prepare;
        uv_idle_t *idle;
        struct connection *connection; /* NULL: none */
        uint64_t epoch;
        struct channel channels[QUEUES_MAX];
        struct settled *settled;
        size_t settled_count, settled_room;
};

/* As the real one: tags of all channels are told apart. */
#define TAG_BITS 48

static void handle_free(uv_handle_t *handle)
{
        free(handle);
}

/* ---- writing ---- */

enum write_kind { WRITE_CONSUME, WRITE_CANCEL, WRITE_SETTLE, WRITE_CLOSE };

struct write {
        struct connection *connection;
        enum write_kind kind;
        size_t queue;
        uint32_t prefetch;
        uint64_t tag;
        enum settling how;
};

static void on_write(void *context)
{
        const struct write *write = context;
        struct connection *connection = write->connection;
        if (!connection->open || loop_clock_ms > connection->cut_ms)
                return;
        switch (write->kind) {
        case WRITE_CONSUME:
                broker_consume(connection, write->queue, write->prefetch);
                return;
        case WRITE_CANCEL:
                broker_cancel(connection, write->queue);
                return;
        case WRITE_SETTLE:
                broker_settle(connection, write->queue, write->tag, write->how);
                return;
        case WRITE_CLOSE:
                broker_hang_up(connection);
                return;
        }
}

static int64_t later_than(int64_t *last_ms)
{
        int64_t at_ms = loop_clock_ms + world_latency();
        if (at_ms < *last_ms)
                at_ms = *last_ms;
        *last_ms = at_ms;
        return at_ms - loop_clock_ms;
}

static void send_to_broker(struct connection *connection, struct write write)
{
        struct write *kept = world_alloc(sizeof *kept);
        *kept = write;
        kept->connection = connection;
        world_later(later_than(&connection->client_last_ms), on_write, kept);
}

static void flush(struct amqp_consumer *consumer)
{
        for (size_t i = 0; i < consumer->settled_count && consumer->connection; i++) {
                const struct settled *settled = &consumer->settled[i];
                send_to_broker(consumer->connection, (struct write){.kind = WRITE_SETTLE,
                                                                    .queue = settled->queue,
                                                                    .tag = settled->tag,
                                                                    .how = settled->how});
        }
        consumer->settled_count = 0;
}

/* What the wish asks for in this phase. */
static void drive(struct amqp_consumer *consumer, size_t queue)
{
        struct channel *channel = &consumer->channels[queue];
        if (channel->phase == PHASE_IDLE && channel->wanted > 0 && loop_clock_ms >= channel->retry_at_ms) {
                channel->phase = PHASE_STARTING;
                channel->running = channel->wanted;
                send_to_broker(
                        consumer->connection,
                        (struct write){.kind = WRITE_CONSUME, .queue = queue, .prefetch = channel->wanted});
        } else if (channel->phase == PHASE_CONSUMING && channel->wanted != channel->running) {
                channel->phase = PHASE_CANCELLING;
                send_to_broker(consumer->connection, (struct write){.kind = WRITE_CANCEL, .queue = queue});
        }
}

static void on_idle(uv_idle_t *idle)
{
        (void)idle;
}

static void on_prepare(uv_prepare_t *prepare)
{
        struct amqp_consumer *consumer = prepare->data;
        size_t count = consumer->config->queue_count;
        if (consumer->connection && consumer->settled_count > 0 && turn_collects()) {
                uv_idle_start(consumer->idle, on_idle); /* the loop does not sleep on acks that wait */
        } else if (consumer->connection) {
                uv_idle_stop(consumer->idle);
                flush(consumer);
                for (size_t i = 0; i < count; i++)
                        drive(consumer, i);
        }
        for (size_t i = 0; i < count; i++) {
                struct channel *channel = &consumer->channels[i];
                if (!channel->cancelled_due ||
                    (channel->phase != PHASE_IDLE && channel->phase != PHASE_CLOSED))
                        continue;
                channel->cancelled_due = false;
                consumer->events->cancelled(consumer->context, i);
        }
}

/* ---- what the broker says ---- */

enum frame_kind { FRAME_CONSUMING, FRAME_CANCELLED, FRAME_LOST, FRAME_DELIVERY };

struct frame {
        struct process *process;
        struct connection *connection;
        enum frame_kind kind;
        size_t queue;
        uint64_t tag;
        bool redelivered;
        const struct message *message;
};

static void on_consuming(struct amqp_consumer *consumer, size_t queue)
{
        struct channel *channel = &consumer->channels[queue];
        channel->phase = PHASE_CONSUMING;
        if (!channel->lost)
                return;
        channel->lost = false;
        consumer->events->found(consumer->context, queue);
}

static void on_lost(struct amqp_consumer *consumer, size_t queue)
{
        struct channel *channel = &consumer->channels[queue];
        if (channel->phase != PHASE_CONSUMING && channel->phase != PHASE_STARTING)
                return;
        channel->phase = PHASE_IDLE;
        channel->lost = true;
        channel->retry_at_ms = loop_clock_ms + random_between(&world.random, 250, 2000);
        consumer->events->lost(consumer->context, queue, "cancelled by the broker");
}

static void on_delivery(struct amqp_consumer *consumer, const struct frame *frame)
{
        struct arena *arena = consumer->events->arena(consumer->context);
        struct message *message = message_copy(arena, frame->message);
        message->redelivered = frame->redelivered;
        const struct engine *engine = consumer->process->engine;
        size_t before = engine->inflight.count;
        uint64_t tag = (uint64_t)frame->queue << TAG_BITS | frame->tag;
        NOTE("w%d receives %.*s", process_number(consumer->process), SLICE_PRINT(message->body));
        consumer->events->delivery(consumer->context, frame->queue, consumer->epoch,
                                   (struct amqp_delivery){arena, message, tag});
        world.tally->attached += engine->inflight.count == before;
}

static void on_frame(void *context)
{
        const struct frame *frame = context;
        struct amqp_consumer *consumer = frame->process->consumer;
        if (!consumer || consumer->connection != frame->connection)
                return;
        switch (frame->kind) {
        case FRAME_CONSUMING:
                on_consuming(consumer, frame->queue);
                return;
        case FRAME_CANCELLED:
                if (consumer->channels[frame->queue].phase == PHASE_CANCELLING)
                        consumer->channels[frame->queue].phase = PHASE_IDLE;
                return;
        case FRAME_LOST:
                on_lost(consumer, frame->queue);
                return;
        case FRAME_DELIVERY:
                on_delivery(consumer, frame);
                return;
        }
}

static void send_to_client(struct connection *connection, struct frame frame)
{
        struct frame *kept = world_alloc(sizeof *kept);
        *kept = frame;
        kept->connection = connection;
        kept->process = connection->process;
        if (connection->process->incarnation == connection->incarnation)
                process_later(connection->process, later_than(&connection->broker_last_ms), on_frame, kept);
}

void consumer_consuming(struct connection *connection, size_t queue)
{
        send_to_client(connection, (struct frame){.kind = FRAME_CONSUMING, .queue = queue});
}

void consumer_cancelled(struct connection *connection, size_t queue, bool by_broker)
{
        send_to_client(connection,
                       (struct frame){.kind = by_broker ? FRAME_LOST : FRAME_CANCELLED, .queue = queue});
}

void consumer_delivery(struct connection *connection, size_t queue, uint64_t tag, struct copy *copy)
{
        send_to_client(connection, (struct frame){.kind = FRAME_DELIVERY,
                                                  .queue = queue,
                                                  .tag = tag,
                                                  .redelivered = copy->deliveries > 1,
                                                  .message = copy->message});
}

/* ---- the connection's life ---- */

static void on_connected(void *context)
{
        struct process *process = context;
        struct amqp_consumer *consumer = process->consumer;
        if (!consumer)
                return;
        if (random_one_in(&world.random, 8)) {
                consumer->events->unreachable(consumer->context, "not now", 500);
                process_later(process, 500, on_connected, process);
                return;
        }
        consumer->connection = broker_connect(process);
        consumer->epoch++;
        for (size_t i = 0; i < consumer->config->queue_count; i++)
                consumer->channels[i].phase = PHASE_IDLE;
        consumer->events->up(consumer->context, consumer->epoch);
}

static void forget_connection(struct amqp_consumer *consumer)
{
        consumer->connection = NULL;
        consumer->settled_count = 0;
        for (size_t i = 0; i < consumer->config->queue_count; i++)
                consumer->channels[i].phase = PHASE_CLOSED;
}

struct cut {
        struct process *process;
        struct connection *connection;
};

static void on_cut(void *context)
{
        const struct cut *cut = context;
        struct amqp_consumer *consumer = cut->process->consumer;
        if (!consumer || consumer->connection != cut->connection)
                return;
        NOTE("w%d sees its connection gone", process_number(cut->process));
        forget_connection(consumer);
        process_later(cut->process, random_between(&world.random, 250, 3000), on_connected, cut->process);
        consumer->events->down(consumer->context, consumer->epoch, "cut");
}

static void on_broker_notices(void *context)
{
        broker_hang_up(context);
}

void consumer_cut(struct process *process, bool broker_first)
{
        struct amqp_consumer *consumer = process->consumer;
        if (!process->alive || !consumer || !consumer->connection)
                return;
        struct cut *cut = world_alloc(sizeof *cut);
        *cut = (struct cut){.process = process, .connection = consumer->connection};
        cut->connection->cut_ms = loop_clock_ms;
        if (broker_first)
                broker_hang_up(cut->connection);
        else
                world_later(random_between(&world.random, 1, 3000), on_broker_notices, cut->connection);
        process_later(process, broker_first ? world_latency() : 0, on_cut, cut);
}

/* The kernel closes the connection; some of what was written may still leave. */
void consumer_crashed(struct process *process)
{
        struct amqp_consumer *consumer = process->consumer;
        if (!consumer || !consumer->connection)
                return;
        struct connection *connection = consumer->connection;
        int64_t left_ms = random_between(&world.random, 0, 400);
        if (connection->cut_ms > loop_clock_ms + left_ms)
                connection->cut_ms = loop_clock_ms + left_ms;
        world_later(left_ms + 1, on_broker_notices, connection);
}

/* ---- the interface ---- */

struct amqp_consumer *amqp_consumer_open(uv_loop_t *loop, const struct config *config,
                                         const struct amqp_consumer_events *events, void *context)
{
        struct process *process = process_now();
        struct amqp_consumer *consumer = memory_zeroed(1, sizeof *consumer);
        *consumer = (struct amqp_consumer){
                .process = process, .config = config, .events = events, .context = context};
        consumer->prepare = memory_zeroed(1, sizeof *consumer->prepare);
        consumer->idle = memory_zeroed(1, sizeof *consumer->idle);
        uv_prepare_init(loop, consumer->prepare);
        uv_idle_init(loop, consumer->idle);
        consumer->prepare->data = consumer;
        uv_prepare_start(consumer->prepare, on_prepare);
        process->consumer = consumer;
        process_later(process, world_latency(), on_connected, process);
        return consumer;
}

void amqp_consumer_want(struct amqp_consumer *consumer, size_t queue, uint16_t prefetch)
{
        struct channel *channel = &consumer->channels[queue];
        channel->cancelled_due = prefetch == 0 && (channel->wanted != 0 || channel->cancelled_due);
        channel->wanted = prefetch;
}

static void settle(struct amqp_consumer *consumer, uint64_t epoch, uint64_t tag, enum settling how)
{
        if (!consumer->connection || epoch != consumer->epoch) {
                world_fail("I4", "w%d settles tag %u of an old connection", process_number(consumer->process),
                           (unsigned)tag);
                return;
        }
        struct settled settled = {
                .queue = tag >> TAG_BITS, .tag = tag & (((uint64_t)1 << TAG_BITS) - 1), .how = how};
        broker_check_settling(consumer->connection, &consumer->epoch, settled.queue, settled.tag, how);
        for (size_t i = 0; i < consumer->settled_count; i++)
                if (consumer->settled[i].tag == settled.tag && consumer->settled[i].queue == settled.queue)
                        world_fail("I1", "a delivery is settled twice");
        if (consumer->settled_count == consumer->settled_room) {
                consumer->settled_room = consumer->settled_room ? 2 * consumer->settled_room : 16;
                consumer->settled =
                        memory_resized(consumer->settled, consumer->settled_room * sizeof *consumer->settled);
        }
        consumer->settled[consumer->settled_count++] = settled;
}

void amqp_consumer_ack(struct amqp_consumer *consumer, uint64_t epoch, uint64_t tag)
{
        settle(consumer, epoch, tag, SETTLE_ACK);
}

void amqp_consumer_nack(struct amqp_consumer *consumer, uint64_t epoch, uint64_t tag, bool requeue)
{
        settle(consumer, epoch, tag, requeue ? SETTLE_REQUEUE : SETTLE_REJECT);
}

void amqp_consumer_hold(struct amqp_consumer *consumer, bool held)
{
        (void)consumer, (void)held; /* bodies here are never so large */
}

bool amqp_consumer_is_consuming(const struct amqp_consumer *consumer, size_t queue)
{
        return consumer->connection && consumer->channels[queue].phase == PHASE_CONSUMING;
}

bool amqp_consumer_may_deliver(const struct amqp_consumer *consumer, size_t queue)
{
        enum phase phase = consumer->channels[queue].phase;
        return consumer->connection && phase != PHASE_CLOSED && phase != PHASE_IDLE;
}

const char *amqp_consumer_trouble(const struct amqp_consumer *consumer)
{
        return consumer->connection ? "" : "not now";
}

void amqp_consumer_close(struct amqp_consumer *consumer)
{
        struct connection *connection = consumer->connection;
        if (connection) {
                flush(consumer);
                send_to_broker(connection, (struct write){.kind = WRITE_CLOSE});
        }
        consumer->process->consumer = NULL;
        uv_close((uv_handle_t *)consumer->prepare, handle_free);
        uv_close((uv_handle_t *)consumer->idle, handle_free);
        free(consumer->settled);
        free(consumer);
}
