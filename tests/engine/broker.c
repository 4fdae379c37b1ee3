#include "world.h"

#include "core/broker/ladder.h"
#include "core/broker/topology.h"
#include "core/memory/memory.h"
#include "core/message/copy.h"
#include "core/message/envelope.h"
#include "core/message/own_headers.h"

#include <stdio.h>
#include <string.h>

/* The broker: work queues, delay tiers, dead-letter queues, and the connections that consume. */

static const struct config_queue *queue_config(size_t queue)
{
        return &world.config.queues[queue];
}

struct copy *broker_add(const struct copy *copy, enum copy_place place)
{
        static struct copy overflow;
        if (world.copy_count == COPIES_MAX) {
                world_fail("copies multiply", "more than %d copies of %u messages", COPIES_MAX,
                           world.id_count);
                return &overflow;
        }
        struct copy *added = &world.copies[world.copy_count++];
        *added = *copy;
        added->place = place;
        added->deliveries = 0;
        if (place == COPY_READY)
                broker_kick();
        return added;
}

/* ---- delivering ---- */

static bool may_deliver(const struct connection *connection, size_t queue)
{
        return connection->open && connection->channels[queue].consuming &&
               connection->channels[queue].unacked < connection->channels[queue].prefetch;
}

static struct connection *any_consumer(size_t queue)
{
        uint32_t first = world.connection_count ? random_below(&world.random, world.connection_count) : 0;
        for (uint32_t i = 0; i < world.connection_count; i++) {
                struct connection *connection = world.connections[(first + i) % world.connection_count];
                if (may_deliver(connection, queue))
                        return connection;
        }
        return NULL;
}

static void deliver(struct copy *copy, struct connection *connection)
{
        copy->place = COPY_UNACKED;
        copy->connection = connection;
        copy->acking = copy->excused = false;
        copy->tag = ++connection->channels[copy->queue].next_tag;
        connection->channels[copy->queue].unacked++;
        if (++copy->deliveries > 60)
                world_fail("livelock", "a message was delivered %u times", copy->deliveries);
        consumer_delivery(connection, copy->queue, copy->tag, copy);
}

static void on_dispatch(void *context)
{
        (void)context;
        world.dispatching = false;
        uint32_t first = world.copy_count ? random_below(&world.random, world.copy_count) : 0;
        for (uint32_t i = 0; i < world.copy_count; i++) {
                struct copy *copy = &world.copies[(first + i) % world.copy_count];
                struct connection *connection = copy->place == COPY_READY ? any_consumer(copy->queue) : NULL;
                if (!connection)
                        continue;
                deliver(copy, connection);
                broker_kick();
                return;
        }
}

void broker_kick(void)
{
        if (world.dispatching)
                return;
        world.dispatching = true;
        world_later(random_between(&world.random, 0, 5), on_dispatch, NULL);
}

/* ---- connections ---- */

struct connection *broker_connect(struct process *process)
{
        struct connection *connection = world_alloc(sizeof *connection);
        *connection = (struct connection){
                .process = process, .incarnation = process->incarnation, .open = true, .cut_ms = INT64_MAX};
        uint32_t place = 0;
        while (place < world.connection_count && world.connections[place]->open)
                place++;
        if (place == CONNECTIONS_MAX) {
                world_fail("livelock", "more than %d connections stand", CONNECTIONS_MAX);
                return connection;
        }
        if (place == world.connection_count)
                world.connection_count++;
        world.connections[place] = connection;
        return connection;
}

void broker_hang_up(struct connection *connection)
{
        if (!connection->open)
                return;
        connection->open = false;
        for (uint32_t i = 0; i < world.copy_count; i++) {
                struct copy *copy = &world.copies[i];
                if (copy->place == COPY_UNACKED && copy->connection == connection)
                        copy->place = COPY_READY;
        }
        broker_kick();
}

/* What came before the consumer does not count against its prefetch. */
void broker_consume(struct connection *connection, size_t queue, uint32_t prefetch)
{
        connection->channels[queue].consuming = true;
        connection->channels[queue].prefetch = prefetch;
        connection->channels[queue].unacked = 0;
        connection->channels[queue].since_tag = connection->channels[queue].next_tag;
        consumer_consuming(connection, queue);
        broker_kick();
}

void broker_cancel(struct connection *connection, size_t queue)
{
        connection->channels[queue].consuming = false;
        consumer_cancelled(connection, queue, false);
}

void broker_lose_queue(struct connection *connection, size_t queue)
{
        if (!connection->open || !connection->channels[queue].consuming)
                return;
        connection->channels[queue].consuming = false;
        consumer_cancelled(connection, queue, true);
}

static struct copy *unacked(const struct connection *connection, size_t queue, uint64_t tag)
{
        for (uint32_t i = 0; i < world.copy_count; i++) {
                struct copy *copy = &world.copies[i];
                if (copy->place == COPY_UNACKED && copy->connection == connection && copy->queue == queue &&
                    copy->tag == tag)
                        return copy;
        }
        return NULL;
}

/* The owner token that the claim of this delivery had; 0: it made none. */
static uint32_t token(const struct connection *connection, uint64_t epoch, size_t queue, uint64_t tag)
{
        char text[160];
        const char *worker = connection->process->engine->worker;
        snprintf(text, sizeof text, "%s:%llu:%llu", worker, (unsigned long long)epoch,
                 (unsigned long long)((uint64_t)queue << 48 | tag));
        return store_owner(slice_of(text));
}

/* Was the copy purged that the job made which now settles this delivery? */
static bool copy_was_purged(const struct engine *engine, uint64_t epoch, size_t queue, uint64_t tag)
{
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, &engine->inflight.all, all)
        {
                if (delivery->job.epoch == epoch && delivery->job.tag == ((uint64_t)queue << 48 | tag))
                        return world.owned[store_owner(slice_of(delivery->owner)) - 1].copy_lost;
        }
        return false;
}

void broker_check_settling(const struct connection *connection, const uint64_t *epoch, size_t queue,
                           uint64_t tag, enum settling how)
{
        struct copy *copy = unacked(connection, queue, tag);
        if (copy) {
                copy->acking = how == SETTLE_ACK;
                copy->excused |= copy_was_purged(connection->process->engine, *epoch, queue, tag);
                check_settling(connection, copy, token(connection, *epoch, queue, tag), how);
        } else if (connection->open)
                world_fail("I4", "tag %u of queue %zu is settled, which is not unsettled", (unsigned)tag,
                           queue);
}

void broker_settle(struct connection *connection, size_t queue, uint64_t tag, enum settling how)
{
        struct copy *copy = unacked(connection, queue, tag);
        if (!copy) {
                world_fail("I4", "the broker does not know tag %u", (unsigned)tag);
                return;
        }
        if (tag > connection->channels[queue].since_tag)
                connection->channels[queue].unacked--;
        NOTE("broker: id %u of w%d %s", copy->id, process_number(connection->process),
             how == SETTLE_ACK       ? "acked"
             : how == SETTLE_REQUEUE ? "requeued"
                                     : "rejected");
        if (how == SETTLE_ACK) {
                copy->place = COPY_GONE;
                check_ack(copy, "I1 at the broker");
        } else if (how == SETTLE_REQUEUE) {
                copy->place = COPY_READY;
        } else {
                copy->place = COPY_DEAD;
                copy->explained = true;
                copy->reason = REASON_NONE;
                copy->dead_id = NULL;
        }
        broker_kick();
}

/* ---- publishing ---- */

static struct message *keep(const struct message *message)
{
        struct arena *arena = world_memory_enter();
        struct message *kept = message_copy(arena, message);
        world_memory_leave();
        return kept;
}

void broker_original(uint8_t id, uint8_t content)
{
        struct arena *arena = world_memory_enter();
        struct message *message = message_original(arena, id, content);
        if (!world.fingerprints[id][content][0]) {
                struct envelope envelope = {0};
                envelope_read(arena, message, queue_config(world.specs[id].queue), world.config.max_body,
                              &envelope);
                memcpy(world.fingerprints[id][content], envelope.fingerprint, SHA256_HEX_SIZE);
        }
        world_memory_leave();
        NOTE("published: id %u content %u", id, content);
        broker_add(
                &(struct copy){
                        .id = id, .content = content, .queue = world.specs[id].queue, .message = message},
                COPY_READY);
        bool conflict = content == 0 && world_fault(FAULT_CONFLICT);
        if (!conflict && !world_fault(FAULT_DUPLICATE))
                return;
        world.conflicted[id] |= conflict;
        world_publish_later(id, conflict ? !content : content,
                            random_between(&world.random, 0, 2 * LEASE_MS));
}

static void on_tier_due(void *context)
{
        struct copy *copy = context;
        if (copy->place != COPY_TIER)
                return;
        copy->place = COPY_READY;
        copy->message->exchange = SLICE_LITERAL(EXCHANGE_RETURN);
        copy->message->routing_key = slice_of(queue_config(copy->queue)->name);
        broker_kick();
}

/* Which tier of which queue the routing key names, if it waits not on the ladder; false: no queue is bound
 * for it. */
static bool route(const struct message *message, struct copy *copy, int64_t *delay_ms)
{
        bool dead = slice_is(message->exchange, EXCHANGE_DLX),
             later = slice_is(message->exchange, LADDER_FOOT);
        if (!dead && !later && !slice_is(message->exchange, EXCHANGE_RETRY))
                return false;
        for (uint32_t i = 0; i < world.queue_count; i++) {
                const struct config_queue *queue = queue_config(i);
                copy->queue = (uint8_t)i;
                if ((dead || later) && slice_is(message->routing_key, queue->name))
                        return true;
                for (size_t k = 0; k < queue->tier_count && !dead && !later; k++) {
                        char key[64];
                        snprintf(key, sizeof key, "%s.%s", queue->name, queue->tiers[k]);
                        *delay_ms = queue->tiers_ms[k];
                        if (slice_is(message->routing_key, key))
                                return true;
                }
        }
        return false;
}

static void read_copy(const struct message *message, struct copy *copy)
{
        struct message seen = *message;
        struct own_headers own;
        seen.exchange = SLICE_LITERAL(EXCHANGE_RETURN); /* as whoever consumes it reads them */
        own_headers_read(&seen, &own);
        char reason[40], *dead_id = world_alloc(DEAD_ID_SIZE);
        snprintf(reason, sizeof reason, "%.*s", SLICE_PRINT(own.reason));
        snprintf(dead_id, DEAD_ID_SIZE, "%.*s", SLICE_PRINT(own.dead_id));
        copy->generation = own.generation;
        copy->reason = reason_parse(reason);
        copy->dead_id = dead_id;
}

static void on_operator(void *context)
{
        broker_operator(context);
}

void broker_take_copy(const struct message *message, uint32_t owner, bool explained, int64_t later_ms)
{
        struct copy copy = {.explained = explained};
        bool later = slice_is(message->exchange, LADDER_FOOT);
        int64_t delay_ms = later ? (later_ms > 0 ? later_ms : 0) + LADDER_FOOT_TTL_MS : 0;
        if (!message_read(message, &copy.id, &copy.content) || !route(message, &copy, &delay_ms)) {
                world_fail("copy", "a copy goes nowhere: %.*s to %.*s %.*s", SLICE_PRINT(message->body),
                           SLICE_PRINT(message->exchange), SLICE_PRINT(message->routing_key));
                return;
        }
        if (copy.queue != world.specs[copy.id].queue)
                world_fail("copy", "a copy of id %u goes to another queue", copy.id);
        read_copy(message, &copy);
        copy.message = keep(message);
        check_copy(&copy, delay_ms == 0);
        world.owned[owner - 1].id = copy.id;
        world.owned[owner - 1].copied = true;
        struct copy *added = broker_add(&copy, delay_ms ? COPY_TIER : COPY_DEAD);
        NOTE("copy of id %u enters the %s as %u.%u.%u %s", copy.id, delay_ms ? "tier" : "dlq",
             copy.generation.redrives, copy.generation.attempt, copy.generation.deferrals,
             reason_word(copy.reason));
        if (delay_ms > 0) {
                world_later(delay_ms, on_tier_due, added);
                return;
        }
        world.tally->dead++;
        if (world_fault(FAULT_REDRIVE) || world_fault(FAULT_DROP) || world_fault(FAULT_MOVE) ||
            world_fault(FAULT_PURGE))
                world_later(random_between(&world.random, 0, 2 * LEASE_MS), on_operator, added);
}

/* ---- the operator ---- */

/* The copy is confirmed, then the original acked, unless the command dies between. */
static void redrive(struct copy *copy)
{
        struct arena *arena = world_memory_enter();
        struct copy again = *copy;
        again.message = copy_redrive(arena, copy->message, queue_config(copy->queue)->name, loop_clock_ms);
        world_memory_leave();
        if (!again.message) {
                world_fail("redrive", "no copy of id %u can be made", copy->id);
                return;
        }
        again.message->exchange = SLICE_LITERAL(EXCHANGE_RETURN);
        again.generation = (struct job_generation){.redrives = copy->generation.redrives + 1};
        again.reason = REASON_NONE;
        again.explained = false;
        world.redriven[copy->id] = true;
        NOTE("operator redrives id %u", copy->id);
        if (random_one_in(&world.random, 4))
                copy->explained = true;
        else
                copy->place = COPY_GONE;
        broker_add(&again, COPY_READY);
}

static void drop(struct copy *copy)
{
        struct store_record *record = &world.store.records[copy->id];
        if (record->state != STATE_DEAD || record->fingerprint != copy->content)
                return;
        NOTE("operator drops id %u", copy->id);
        fake_store_drop(&world.store, copy->id);
        world.owner_run[copy->id] = -1;
        world.tainted[copy->id] = true;
        world.dropped[copy->id][copy->content] = true;
        copy->place = COPY_GONE;
}

/* A shovel, or the management page: through the default exchange, so that no header is believed; from the
 * dead-letter queue to the work queue. Sometimes it copies rather than moves. */
static void move(struct copy *copy)
{
        struct arena *arena = world_memory_enter();
        struct copy again = {.id = copy->id, .content = copy->content, .queue = copy->queue};
        again.message = message_copy(arena, copy->message);
        world_memory_leave();
        again.message->exchange = SLICE_LITERAL("");
        again.message->routing_key = slice_of(queue_config(copy->queue)->name);
        world.redriven[copy->id] = true;
        copy->moved = true;
        NOTE("operator moves the letter of id %u", copy->id);
        if (random_one_in(&world.random, 8))
                copy->explained = true;
        else
                copy->place = COPY_MOVED;
        broker_add(&again, COPY_READY);
}

/* A publisher who knows what was lost sends it again. */
static void send_again(uint8_t id)
{
        world.purged[id] = true;
        if (!random_one_in(&world.random, 4))
                world_publish_later(id, 0, random_between(&world.random, 0, 3 * LEASE_MS));
}

/* Purges the tiers or the dead-letter queues (or deletes them and declares them again). What was acked
 * because of what is lost now is nobody's fault. */
void broker_purge(void)
{
        enum copy_place place = random_one_in(&world.random, 2) ? COPY_TIER : COPY_DEAD;
        bool lost[IDS_MAX] = {false};
        NOTE("operator purges the %s", place == COPY_TIER ? "tiers" : "dlqs");
        for (uint32_t i = 0; i < world.copy_count; i++)
                if (world.copies[i].place == place) {
                        world.copies[i].place = COPY_PURGED;
                        lost[world.copies[i].id] = true;
                }
        for (uint32_t i = 0; i < world.copy_count; i++) {
                struct copy *copy = &world.copies[i];
                copy->excused |= lost[copy->id] && (copy->place == COPY_GONE || copy->acking);
        }
        for (uint32_t i = 0; i < world.owner_count; i++)
                world.owned[i].copy_lost |= world.owned[i].copied && lost[world.owned[i].id];
        for (uint8_t id = 0; id < world.id_count; id++)
                if (lost[id])
                        send_again(id);
}

void broker_operator(struct copy *copy)
{
        const struct spec *spec = &world.specs[copy->id];
        if (copy->place != COPY_DEAD || !copy->dead_id)
                return;
        if (world_has(FAULT_MOVE) && random_one_in(&world.random, 2))
                move(copy);
        else if (world_has(FAULT_PURGE) && random_one_in(&world.random, 2))
                broker_purge();
        else if (world_has(FAULT_DROP) && random_one_in(&world.random, 3))
                drop(copy);
        else if (!spec->too_large && !spec->unencodable && world_has(FAULT_REDRIVE))
                redrive(copy);
}

/* ---- looks ---- */

uint32_t broker_ready(const char *queue)
{
        uint32_t count = 0;
        for (uint32_t i = 0; i < world.copy_count; i++)
                count += world.copies[i].place == COPY_READY &&
                         strcmp(queue_config(world.copies[i].queue)->name, queue) == 0;
        return count;
}

bool broker_is_at_rest(void)
{
        for (uint32_t i = 0; i < world.copy_count; i++)
                if (world.copies[i].place < COPY_DEAD)
                        return false;
        return true;
}
