#include "world.h"

#include <string.h>

static bool mine(const struct send *send, int worker, uint32_t incarnation)
{
        return send->worker == worker && send->incarnation == incarnation && !send->recorded;
}

/* Notes at whatever the worker has under way why it may come to no good end. */
static void mark(struct world *world, struct worker *worker, enum fault fault, const struct slot *culprit)
{
        int number = worker_number(world, worker);
        for (uint32_t i = 0; i < world->run_count; i++) {
                struct run *run = &world->runs[i];
                if (run->worker != number || run->incarnation != worker->incarnation || run->ended)
                        continue;
                run->crashed |= fault == FAULT_CRASH;
                run->frozen |= fault == FAULT_FREEZE;
                run->cut |= fault == FAULT_STORE_CUT;
                if (culprit && fault == FAULT_CRASH)
                        run->beside_poison |= run->id != culprit->id;
                else
                        run->forced |= fault == FAULT_CRASH;
        }
        for (uint32_t i = 0; i < world->send_count; i++) {
                struct send *send = &world->sends[i];
                if (!mine(send, number, worker->incarnation))
                        continue;
                send->crashed |= fault == FAULT_CRASH;
                send->frozen_inside |= fault == FAULT_FREEZE && !send->accepted;
                send->frozen_after |= fault == FAULT_FREEZE && send->accepted;
                send->cut_after |= fault == FAULT_STORE_CUT && send->accepted;
        }
}

/* The process ends. `culprit`: the job whose handler ended it, NULL: it was ended from outside. */
void fault_crash(struct world *world, struct worker *worker, const struct slot *culprit)
{
        NOTE(world, "w%d ends%s", worker_number(world, worker), culprit ? ": poison" : "");
        mark(world, worker, FAULT_CRASH, culprit);
        worker->alive = false;
        worker->frozen = false;
        memset(worker->slots, 0, sizeof worker->slots);
        broker_close(world, worker);
        struct happening *restart = world_later(
                world,
                random_one_in(&world->random, 4) ? random_between(&world->random, LEASE_MS, 2 * LEASE_MS)
                                                 : random_between(&world->random, 50, 3000),
                HAPPEN_RESTART);
        restart->worker = (uint8_t)worker_number(world, worker);
}

void fault_restart(struct world *world, struct worker *worker)
{
        *worker = (struct worker){
                .alive = true,
                .connected = true,
                .store_up = true,
                .broker_open = true,
                .incarnation = ++world->next_incarnation,
                .clock_offset_ms = random_between(&world->random, 1, 10000000),
                .epoch = 1,
                .next_tag = 1,
                .prefetch = (uint32_t)random_between(&world->random, 1, 4),
                .places = (uint32_t)random_between(&world->random, 1, 2),
        };
        broker_kick(world);
}

static void disconnect(struct world *world, struct worker *worker)
{
        if (!worker->broker_open || !worker->connected)
                return;
        broker_close(world, worker);
        world_later_worker(world, world_latency(world), HAPPEN_CONNECTION_DOWN, worker);
}

void fault_freeze(struct world *world, struct worker *worker)
{
        static const int64_t most[] = {1000, LEASE_MS, 2 * LEASE_MS, 3 * LEASE_MS};
        int64_t length_ms = random_between(&world->random, 100, most[random_below(&world->random, 4)]);
        worker->frozen = true;
        worker->thaw_ms = world->now_ms + length_ms;
        NOTE(world, "w%d freezes for %lld ms", worker_number(world, worker), (long long)length_ms);
        mark(world, worker, FAULT_FREEZE, NULL);
        /* The broker may miss the heartbeats; the store's answers may be found too late. */
        if (length_ms > LEASE_MS / 2 && random_one_in(&world->random, 2))
                disconnect(world, worker);
        if (length_ms > STORE_TIMEOUT_MS && random_one_in(&world->random, 2)) {
                struct happening *timeout = world_later_worker(world, 0, HAPPEN_STORE_TIMEOUT, worker);
                timeout->epoch = worker->store_epoch;
        }
}

void fault_store_trouble(struct world *world, struct worker *worker)
{
        mark(world, worker, FAULT_STORE_CUT, NULL);
}

static void cut(struct world *world, struct worker *worker)
{
        if (!worker->store_up)
                return;
        struct happening *timeout = world_later_worker(world, 0, HAPPEN_STORE_TIMEOUT, worker);
        timeout->epoch = worker->store_epoch;
}

static void taint(struct world *world, uint8_t id)
{
        if (world->store.records[id].state != STATE_ABSENT)
                world->tainted[id] = true;
}

static void flush(struct world *world)
{
        uint32_t only = random_below(&world->random, world->id_count + 1);
        for (uint8_t id = 0; id < world->id_count; id++) {
                if (only < world->id_count && only != id)
                        continue;
                taint(world, id);
                fake_store_lose(&world->store, id);
                world->owner_run[id] = -1;
        }
}

static void jump(struct world *world)
{
        world->store_offset_ms += random_between(&world->random, 0, 6 * LEASE_MS) - 3 * LEASE_MS;
        for (uint8_t id = 0; id < world->id_count; id++)
                taint(world, id);
}

/* Somebody does not want a job done. */
static void cancel(struct world *world)
{
        struct store_request request = {.script = STORE_CANCEL,
                                        .id = (uint8_t)random_below(&world->random, world->id_count),
                                        .keep_ms = KEEP_MS,
                                        .tells = world->tells >> CHANGE_CANCELLED & 1};
        enum store_state state = world->store.records[request.id].state;
        bool waits = state == STATE_RETRYING || state == STATE_SCHEDULED;
        if ((!waits && !random_one_in(&world->random, 16)) || !world_fault(world, FAULT_CANCEL))
                return;
        world->store.now_ms = store_now(world);
        bool cancelled = fake_store_call(&world->store, &request).lease == LEASE_OK;
        NOTE(world, "id %u is %s", request.id, cancelled ? "cancelled" : "not cancelled");
        world->tally->cancels[cancelled]++;
        if (cancelled)
                events_changed(world, &request, CHANGE_CANCELLED);
        check_cancel(world, request.id, cancelled);
}

/* Faults that may come between any two happenings. */
void fault_anywhere(struct world *world, struct worker *worker)
{
        if (worker->alive) {
                if (world_fault(world, FAULT_CRASH)) {
                        fault_crash(world, worker, NULL);
                        return;
                }
                if (!worker->frozen && world_fault(world, FAULT_FREEZE))
                        fault_freeze(world, worker);
                if (world_fault(world, FAULT_DISCONNECT))
                        disconnect(world, worker);
                if (world_fault(world, FAULT_STORE_CUT))
                        cut(world, worker);
                if (!worker->draining && world_fault(world, FAULT_DRAIN)) {
                        worker->draining = true;
                        world_later_worker(world, world_latency(world), HAPPEN_DRAINED, worker);
                        world_later_worker(world, GRACE_MS, HAPPEN_GRACE_OVER, worker);
                }
        }
        if (world_fault(world, FAULT_FLUSH))
                flush(world);
        if (world_fault(world, FAULT_CLOCK_JUMP))
                jump(world);
        if (world_fault(world, FAULT_PURGE))
                broker_purge(world);
        if (world->faults >> FAULT_CANCEL & 1)
                cancel(world);
}
