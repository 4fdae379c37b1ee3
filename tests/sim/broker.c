#include "world.h"

#include <assert.h>

struct copy *broker_add(struct world *world, const struct copy *copy, enum copy_place place)
{
        static struct copy overflow;
        if (world->copy_count == COPIES_MAX) {
                world_fail(world, "copies multiply", "more than %d copies of %u messages", COPIES_MAX,
                           world->id_count);
                return &overflow;
        }
        struct copy *added = &world->copies[world->copy_count++];
        *added = *copy;
        added->place = place;
        added->deliveries = 0;
        if (place == COPY_READY)
                broker_kick(world);
        return added;
}

void broker_kick(struct world *world)
{
        if (world->dispatching)
                return;
        world->dispatching = true;
        world_later(world, world_latency(world), HAPPEN_DISPATCH);
}

static bool may_deliver(const struct worker *worker)
{
        return worker->broker_open && !worker->draining && worker->unacked < worker->prefetch;
}

static struct worker *any_consumer(struct world *world)
{
        uint32_t first = random_below(&world->random, world->worker_count);
        for (uint32_t i = 0; i < world->worker_count; i++) {
                struct worker *worker = &world->workers[(first + i) % world->worker_count];
                if (may_deliver(worker))
                        return worker;
        }
        return NULL;
}

static struct copy *any_ready(struct world *world)
{
        uint32_t first = world->copy_count ? random_below(&world->random, world->copy_count) : 0;
        for (uint32_t i = 0; i < world->copy_count; i++) {
                struct copy *copy = &world->copies[(first + i) % world->copy_count];
                if (copy->place == COPY_READY)
                        return copy;
        }
        return NULL;
}

static void on_dispatch(struct world *world)
{
        world->dispatching = false;
        struct worker *worker = any_consumer(world);
        struct copy *copy = any_ready(world);
        if (!worker || !copy)
                return;
        copy->place = COPY_UNACKED;
        copy->worker = (uint8_t)worker_number(world, worker);
        copy->epoch = worker->epoch;
        copy->tag = worker->next_tag++;
        copy->acking = copy->excused = copy->second = false;
        if (++copy->deliveries > 60)
                world_fail(world, "livelock", "a message was delivered %u times", copy->deliveries);
        worker->unacked++;
        struct happening *delivery = world_later_worker(world, world_latency(world), HAPPEN_DELIVERY, worker);
        delivery->epoch = copy->epoch;
        delivery->tag = copy->tag;
        delivery->copy = *copy;
        broker_kick(world);
}

void broker_close(struct world *world, struct worker *worker)
{
        if (!worker->broker_open)
                return;
        worker->broker_open = false;
        worker->unacked = 0;
        for (uint32_t i = 0; i < world->copy_count; i++) {
                struct copy *copy = &world->copies[i];
                if (copy->place == COPY_UNACKED && copy->worker == worker_number(world, worker))
                        copy->place = COPY_READY;
        }
        broker_kick(world);
}

/* ACK; NACK with `flag`: requeue, else to the dead letters. */
static void on_settled(struct world *world, const struct happening *happening)
{
        struct worker *worker = &world->workers[happening->worker];
        if (!worker->broker_open || worker->incarnation != happening->incarnation)
                return;
        for (uint32_t i = 0; i < world->copy_count; i++) {
                struct copy *copy = &world->copies[i];
                if (copy->place != COPY_UNACKED || copy->worker != happening->worker ||
                    copy->epoch != happening->epoch || copy->tag != happening->tag)
                        continue;
                worker->unacked--;
                if (happening->kind == HAPPEN_ACK) {
                        copy->place = COPY_GONE;
                        copy->gone = world->acked++;
                        check_ack(world, copy, "I1 at the broker");
                } else if (happening->flag) {
                        copy->place = COPY_READY;
                } else {
                        copy->place = COPY_DEAD;
                        copy->explained = true;
                        copy->reason = REASON_NONE;
                }
                broker_kick(world);
                return;
        }
}

static void on_original(struct world *world, const struct happening *happening)
{
        const struct copy *copy = &happening->copy;
        NOTE(world, "published: id %u content %u", copy->id, copy->content);
        broker_add(world, copy, COPY_READY);
        bool conflict = world_fault(world, FAULT_CONFLICT);
        if (!conflict && !world_fault(world, FAULT_DUPLICATE))
                return;
        struct happening *again =
                world_later(world, random_between(&world->random, 0, 2 * LEASE_MS), HAPPEN_PUBLISH_ORIGINAL);
        again->copy.id = copy->id;
        again->copy.content = conflict ? !copy->content : copy->content;
        if (conflict)
                world->conflicted[copy->id] = true;
}

static void confirm(struct world *world, const struct happening *source, bool confirmed, int64_t delay_ms)
{
        struct happening *answer = world_later(world, delay_ms, HAPPEN_CONFIRM);
        answer->local = true;
        answer->worker = source->worker;
        answer->incarnation = source->incarnation;
        answer->slot = source->slot;
        answer->serial = source->serial;
        answer->flag = confirmed;
}

/* The job whose copy this is may ack its delivery from now on, whatever comes over the copy. */
static void note_copied(struct world *world, const struct happening *happening)
{
        const struct worker *worker = &world->workers[happening->worker];
        struct slot *slot = engine_slot(world, happening);
        if (slot && worker->alive && worker->incarnation == happening->incarnation)
                slot->copied = true;
}

/* A published copy reaches the broker. */
static void on_enqueue(struct world *world, const struct happening *happening)
{
        if (world_fault(world, FAULT_NACK)) {
                if (happening->flag)
                        confirm(world, happening, false, world_latency(world));
                return;
        }
        check_copy(world, &happening->copy, happening);
        note_copied(world, happening);
        events_copied(world, &happening->copy, (enum job_decision_kind)happening->index);
        struct copy *copy = broker_add(world, &happening->copy, happening->delay_ms ? COPY_TIER : COPY_DEAD);
        NOTE(world, "copy of id %u enters the %s as %u.%u.%u", copy->id, happening->delay_ms ? "tier" : "dlq",
             copy->generation.redrives, copy->generation.attempt, copy->generation.deferrals);
        if (happening->delay_ms) {
                struct happening *due = world_later(world, happening->delay_ms, HAPPEN_TIER_DUE);
                due->index = (int16_t)(copy - world->copies);
        } else {
                world->tally->dead++;
        }
        if (happening->flag)
                confirm(world, happening, true, world_latency(world));
        if (copy->place == COPY_DEAD &&
            (world_fault(world, FAULT_REDRIVE) || world_fault(world, FAULT_DROP) ||
             world_fault(world, FAULT_MOVE) || world_fault(world, FAULT_PURGE))) {
                struct happening *operator=
                        world_later(world, random_between(&world->random, 0, 2 * LEASE_MS), HAPPEN_OPERATOR);
                operator->index =(int16_t)(copy - world->copies);
        }
}

/* Never early, by more than a rung late only if the broker is. */
static int64_t ladder_ms(struct world *world, const struct spec *spec)
{
        int64_t left_ms = spec->due_ms > world->now_ms ? spec->due_ms - world->now_ms : 1;
        return left_ms + random_between(&world->random, 0, 1000);
}

void broker_publish(struct world *world, struct worker *worker, struct slot *slot, bool delay)
{
        check_publish(world, worker, slot);
        const struct spec *spec = &world->specs[slot->id];
        if (spec->unencodable || spec->uncopyable) {
                struct happening *answer =
                        world_later_slot(world, world_latency(world), HAPPEN_CONFIRM, worker, slot);
                answer->index = 1;
                return;
        }
        bool lost = world_fault(world, FAULT_PUBLISH_LOST);
        bool unheard = !lost && world_fault(world, FAULT_CONFIRM_LOST);
        struct happening *happening;
        if (lost || unheard) {
                happening = world_later_slot(world, CONFIRM_TIMEOUT_MS, HAPPEN_CONFIRM, worker, slot);
                happening->flag = false;
                if (lost)
                        return;
        }
        int64_t wait_ms = unheard ? random_between(&world->random, 1, 15000) : world_latency(world);
        happening = world_later_slot(world, wait_ms, HAPPEN_ENQUEUE, worker, slot);
        happening->local = random_one_in(&world->random, 2);
        happening->flag = !unheard;
        happening->index = (int16_t)(delay ? DECISION_NONE : slot->job.decision.kind);
        happening->copy = (struct copy){.id = slot->id, .content = slot->content};
        happening->copy.generation = delay ? slot->job.generation : job_decision_generation(&slot->job);
        happening->copy.reason = slot->job.decision.reason;
        happening->copy.explained = unheard;
        happening->copy.ours = true;
        if (!delay && slot->job.decision.kind == DECISION_DEAD)
                happening->copy.dead_id = dead_id_of(&slot->job);
        if (delay)
                happening->delay_ms = slot->job.delay_ms + random_between(&world->random, 0, 1000);
        else if (slot->job.decision.kind == DECISION_SCHEDULE)
                happening->delay_ms = slot->delay_ms = ladder_ms(world, spec);
        else if (slot->job.decision.kind != DECISION_DEAD)
                happening->delay_ms = slot->delay_ms =
                        slot->job.decision.delay_min_ms + random_between(&world->random, 1, 5000);
}

/* An operator redrives a dead letter: the copy is confirmed, then the original acked, unless the command dies
 * between. */
static void redrive(struct world *world, struct copy *copy)
{
        struct copy again = *copy;
        again.generation = (struct job_generation){.redrives = copy->generation.redrives + 1};
        again.reason = REASON_NONE;
        again.explained = false;
        again.ours = true;
        world->redriven[copy->id] = true;
        NOTE(world, "operator redrives id %u", copy->id);
        if (random_one_in(&world->random, 4))
                copy->explained = true;
        else
                copy->place = COPY_GONE;
        broker_add(world, &again, COPY_READY);
}

static void drop(struct world *world, struct copy *copy)
{
        struct store_record *record = &world->store.records[copy->id];
        if (record->state != STATE_DEAD || record->fingerprint != copy->content)
                return;
        NOTE(world, "operator drops id %u", copy->id);
        fake_store_drop(&world->store, copy->id);
        world->owner_run[copy->id] = -1;
        world->tainted[copy->id] = true;
        world->dropped[copy->id][copy->content] = true;
        copy->place = COPY_GONE;
}

/* A shovel, or the management page: through the default exchange, so that no header is believed; from the
 * dead-letter queue to the work queue. Sometimes it copies rather than moves. */
static void move(struct world *world, struct copy *copy)
{
        struct copy again = {.id = copy->id, .content = copy->content, .dead_id = copy->dead_id};
        world->redriven[copy->id] = true;
        NOTE(world, "operator moves the letter of id %u", copy->id);
        if (random_one_in(&world->random, 8))
                copy->explained = true;
        else
                copy->place = COPY_MOVED;
        broker_add(world, &again, COPY_READY);
}

/* Purges the tier or the dead-letter queue (or deletes it and declares it again). What was acked because of
 * what is lost now is nobody's fault. A publisher who knows sends again. */
void broker_purge(struct world *world)
{
        enum copy_place place = random_one_in(&world->random, 2) ? COPY_TIER : COPY_DEAD;
        bool lost[IDS_MAX] = {false};
        NOTE(world, "operator purges the %s", place == COPY_TIER ? "tier" : "dlq");
        for (uint32_t i = 0; i < world->copy_count; i++)
                if (world->copies[i].place == place) {
                        world->copies[i].place = COPY_PURGED;
                        lost[world->copies[i].id] = true;
                }
        for (uint32_t i = 0; i < world->copy_count; i++)
                if (lost[world->copies[i].id] &&
                    (world->copies[i].place == COPY_GONE || world->copies[i].acking))
                        world->copies[i].excused = true;
        for (uint32_t i = 0; i < WORKERS_MAX * SLOTS_MAX; i++) {
                struct slot *slot = &world->workers[i / SLOTS_MAX].slots[i % SLOTS_MAX];
                slot->copy_lost |= slot->used && slot->copied && lost[slot->id];
        }
        for (uint8_t id = 0; id < world->id_count; id++) {
                if (!lost[id])
                        continue;
                world->purged[id] = true;
                if (random_one_in(&world->random, 4))
                        continue;
                struct happening *again = world_later(world, random_between(&world->random, 0, 3 * LEASE_MS),
                                                      HAPPEN_PUBLISH_ORIGINAL);
                again->copy.id = id;
        }
}

static void on_operator(struct world *world, struct copy *copy)
{
        const struct spec *spec = &world->specs[copy->id];
        if (copy->place != COPY_DEAD)
                return;
        if (world->faults >> FAULT_MOVE & 1 && random_one_in(&world->random, 2))
                move(world, copy);
        else if (world->faults >> FAULT_PURGE & 1 && random_one_in(&world->random, 2))
                broker_purge(world);
        else if (world->faults >> FAULT_DROP & 1 && random_one_in(&world->random, 3))
                drop(world, copy);
        else if (!spec->uncopyable && !spec->unencodable && world->faults >> FAULT_REDRIVE & 1)
                redrive(world, copy);
}

void broker_happening(struct world *world, struct happening *happening)
{
        if (happening->kind == HAPPEN_DISPATCH) {
                on_dispatch(world);
        } else if (happening->kind == HAPPEN_ACK || happening->kind == HAPPEN_NACK) {
                on_settled(world, happening);
        } else if (happening->kind == HAPPEN_PUBLISH_ORIGINAL) {
                on_original(world, happening);
        } else if (happening->kind == HAPPEN_ENQUEUE) {
                on_enqueue(world, happening);
        } else if (happening->kind == HAPPEN_OPERATOR) {
                on_operator(world, &world->copies[happening->index]);
        } else if (happening->kind == HAPPEN_TIER_DUE) {
                if (world->copies[happening->index].place != COPY_TIER)
                        return;
                world->copies[happening->index].place = COPY_READY;
                broker_kick(world);
        }
}
