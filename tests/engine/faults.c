#include "world.h"

#include "core/memory/memory.h"

static bool mine(const struct send *send, const struct process *process)
{
        return send->process == process && send->incarnation == process->incarnation && !send->recorded;
}

/* Notes at whatever the process has under way why it may come to no good end. */
void fault_mark(struct process *process, enum sim_fault fault, int culprit)
{
        for (uint32_t i = 0; i < world.run_count; i++) {
                struct run *run = &world.runs[i];
                if (run->process != process || run->incarnation != process->incarnation || run->ended)
                        continue;
                run->crashed |= fault == FAULT_CRASH;
                run->frozen |= fault == FAULT_FREEZE;
                run->cut |= fault == FAULT_STORE_CUT;
                if (culprit >= 0 && fault == FAULT_CRASH)
                        run->beside_poison |= run->id != culprit;
                else
                        run->forced |= fault == FAULT_CRASH;
        }
        for (uint32_t i = 0; i < world.send_count; i++) {
                struct send *send = &world.sends[i];
                if (!mine(send, process))
                        continue;
                send->crashed |= fault == FAULT_CRASH;
                send->frozen_inside |= fault == FAULT_FREEZE && !send->accepted;
                send->frozen_after |= fault == FAULT_FREEZE && send->accepted;
                send->cut_after |= fault == FAULT_STORE_CUT && send->accepted;
        }
}

static void taint(uint8_t id)
{
        if (world.store.records[id].state != STATE_ABSENT)
                world.tainted[id] = true;
}

static void flush_store(void)
{
        uint32_t only = random_below(&world.random, world.id_count + 1);
        for (uint8_t id = 0; id < world.id_count; id++) {
                if (only < world.id_count && only != id)
                        continue;
                taint(id);
                fake_store_lose(&world.store, id);
                world.plan_text[id] = 0;
                world.owner_run[id] = -1;
        }
}

/* The text of a plan is evicted, its record is not. */
static void lose_plan(void)
{
        uint32_t id = random_below(&world.random, world.id_count);
        world.plan_lost[id] = world.plan_lost[id] || world.plan_text[id];
        world.plan_text[id] = 0;
}

static void jump(void)
{
        world.store_offset_ms += random_between(&world.random, 0, 6 * LEASE_MS) - 3 * LEASE_MS;
        for (uint8_t id = 0; id < world.id_count; id++)
                taint(id);
}

/* Somebody does not want a job done. */
static void cancel(void)
{
        struct store_request request = {.script = STORE_CANCEL,
                                        .id = (uint8_t)random_below(&world.random, world.id_count),
                                        .tells = due_changes(&world.config) >> CHANGE_CANCELLED & 1,
                                        .keep_ms = KEEP_MS};
        bool waits = world.store.records[request.id].state == STATE_RETRYING;
        if ((!waits && !random_one_in(&world.random, 16)) || !world_fault(FAULT_CANCEL))
                return;
        world.store.now_ms = store_now();
        failover_begin(request.id, NULL);
        bool cancelled = fake_store_call(&world.store, &request).lease == LEASE_OK;
        NOTE("id %u is %s", request.id, cancelled ? "cancelled" : "not cancelled");
        check_cancel(request.id, cancelled);
        events_recorded(request.id);
        failover_end();
}

static void on_resumed(void *context)
{
        bool *paused = context;
        *paused = false;
        NOTE("a queue is resumed");
}

static void pause_queue(void)
{
        bool *paused = &world.paused[random_below(&world.random, world.queue_count)];
        if (*paused)
                return;
        *paused = true;
        world_later(random_between(&world.random, 200, 3 * LEASE_MS), on_resumed, paused);
}

static void lose_queue(void)
{
        if (world.connection_count == 0)
                return;
        broker_lose_queue(world.connections[random_below(&world.random, world.connection_count)],
                          random_below(&world.random, world.queue_count));
}

static void on_hurry(void *context)
{
        process_signal(context, SIGTERM);
}

static void drain(struct process *process)
{
        process_signal(process, random_one_in(&world.random, 2) ? SIGTERM : SIGINT);
        if (random_one_in(&world.random, 4)) /* a second one ends it at once */
                world_later(random_between(&world.random, 1, 3000), on_hurry, process);
}

/* What comes to a process from outside. */
static void strike(struct process *process)
{
        if (world_fault(FAULT_CRASH)) {
                process_crash(process, -1);
                return;
        }
        if (!process->frozen && world_fault(FAULT_FREEZE))
                process_freeze(process);
        if (world_fault(FAULT_DISCONNECT))
                consumer_cut(process, random_one_in(&world.random, 2));
        if (world_fault(FAULT_STORE_CUT))
                store_cut(process);
        if (world_fault(FAULT_DRAIN))
                drain(process);
        if (world_fault(FAULT_RELOAD))
                process_signal(process, SIGHUP);
}

/* Faults that may come between any two turns: of these there are many, and what is left of the schedule's
 * faults has to do for those that wait for a send or a copy. */
void fault_anywhere(struct process *process)
{
        if (!random_one_in(&world.random, 4))
                return;
        if (process->alive)
                strike(process);
        if (world_fault(FAULT_FLUSH))
                flush_store();
        if (world_fault(FAULT_FAILOVER))
                store_failover();
        if (world_fault(FAULT_CLOCK_JUMP))
                jump();
        if (world_fault(FAULT_PLAN_LOST))
                lose_plan();
        if (world_has(FAULT_CANCEL))
                cancel();
        if (world_fault(FAULT_PAUSE))
                pause_queue();
        if (world_fault(FAULT_QUEUE_LOST))
                lose_queue();
        if (world_fault(FAULT_OUTAGE))
                service_outage();
        if (world_fault(FAULT_PURGE))
                broker_purge();
        if (world_fault(FAULT_BLOCKED))
                publishers_block();
}
