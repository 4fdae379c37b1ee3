#include "world.h"

/*
 * Others are told of changes (ACTION_TELL): the record says of which, the broker takes them, and the record
 * is told so. All of that can be lost; what is not confirmed is tried again, or let go and counted.
 */

static struct change *change_find(struct world *world, uint8_t id, enum job_change change,
                                  struct job_generation generation)
{
        for (uint32_t i = 0; i < world->change_count; i++) {
                struct change *known = &world->changes[i];
                if (known->id == id && known->change == change &&
                    job_generation_compare(known->generation, generation) == 0)
                        return known;
        }
        return NULL;
}

static void add_change(struct world *world, const struct change *change)
{
        if (change_find(world, change->id, change->change, change->generation))
                return;
        if (world->change_count == CHANGES_MAX)
                world_fail(world, "events multiply", "more than %d changes", CHANGES_MAX);
        else
                world->changes[world->change_count++] = *change;
}

void events_changed(struct world *world, const struct store_request *request, enum job_change change)
{
        const struct store_record *record = &world->store.records[request->id];
        if (request->tells)
                add_change(world, &(struct change){.id = request->id,
                                                   .content = (uint8_t)record->fingerprint,
                                                   .change = change,
                                                   .generation = record->generation});
}

/* A copy that a decision made is at the broker, whoever records that: the change has come. */
void events_copied(struct world *world, const struct copy *copy, enum job_decision_kind kind)
{
        enum job_change change = kind == DECISION_DEAD ? CHANGE_DEAD : CHANGE_RETRYING;
        bool changes = kind == DECISION_DEAD || kind == DECISION_RETRY || kind == DECISION_DEFER;
        bool recorded = !world->specs[copy->id].no_id && copy->reason != REASON_ID_CONFLICT;
        if (!changes || !recorded || !(world->tells >> change & 1))
                return;
        add_change(world, &(struct change){.id = copy->id,
                                           .content = copy->content,
                                           .change = change,
                                           .generation = copy->generation});
}

static void note_end(struct world *world, const struct telling *telling, bool told)
{
        for (uint8_t i = 0; i < telling->due.count; i++) {
                struct change *change = change_find(world, telling->id, telling->due.list[i].change,
                                                    telling->due.list[i].generation);
                if (!change)
                        continue;
                change->told |= told;
                change->let_go |= !told;
        }
        world->tally->events_told[told] += telling->due.count;
}

static void publish(struct world *world, const struct worker *worker, const struct slot *slot, int16_t index)
{
        bool lost = world_fault(world, FAULT_PUBLISH_LOST) || world_fault(world, FAULT_NACK);
        bool unheard = !lost && world_fault(world, FAULT_CONFIRM_LOST);
        if (lost || unheard)
                world_later_slot(world, CONFIRM_TIMEOUT_MS, HAPPEN_EVENT_UNCONFIRMED, worker, slot)->index =
                        index;
        if (lost)
                return;
        struct happening *arrives =
                world_later_slot(world, world_latency(world), HAPPEN_EVENT_ARRIVES, worker, slot);
        arrives->local = random_one_in(&world->random, 2);
        arrives->index = index;
        arrives->flag = !unheard;
}

void events_due(struct world *world, struct worker *worker, struct slot *slot, const struct store_due *due)
{
        if (slot->job.phase != JOB_TELLING)
                return;
        if (due->count == 0) {
                engine_step(world, worker, slot, &(struct job_event){.kind = EVENT_TOLD});
                return;
        }
        if (world->telling_count == TELLINGS_MAX) {
                world_fail(world, "events multiply", "more than %d are told", TELLINGS_MAX);
                return;
        }
        int16_t index = (int16_t)world->telling_count++;
        world->tellings[index] = (struct telling){.id = slot->id, .due = *due};
        publish(world, worker, slot, index);
}

static void on_arrives(struct world *world, const struct happening *happening)
{
        note_end(world, &world->tellings[happening->index], true);
        if (!happening->flag)
                return;
        struct happening *confirm = world_later(world, world_latency(world), HAPPEN_EVENT_CONFIRMED);
        confirm->local = true;
        confirm->worker = happening->worker;
        confirm->incarnation = happening->incarnation;
        confirm->slot = happening->slot;
        confirm->serial = happening->serial;
        confirm->index = happening->index;
}

static void on_confirmed(struct world *world, struct worker *worker, struct slot *slot, int16_t index)
{
        if (!random_one_in(&world->random, 4)) /* nobody waits for an answer */
                world_later(world, world_latency(world), HAPPEN_EVENT_FORGET)->index = index;
        if (slot && slot->job.phase == JOB_TELLING)
                engine_step(world, worker, slot, &(struct job_event){.kind = EVENT_TOLD});
}

static void on_unconfirmed(struct world *world, struct worker *worker, struct slot *slot, int16_t index)
{
        if (!slot || slot->job.phase != JOB_TELLING)
                return;
        if (!random_one_in(&world->random, 3)) {
                publish(world, worker, slot, index);
                return;
        }
        note_end(world, &world->tellings[index], false);
        engine_step(world, worker, slot, &(struct job_event){.kind = EVENT_TOLD});
}

static void on_forget(struct world *world, const struct telling *telling)
{
        struct store_request request = {.script = STORE_DUE, .id = telling->id, .told = telling->due};
        world->store.now_ms = store_now(world);
        fake_store_call(&world->store, &request);
}

void events_happening(struct world *world, const struct happening *happening)
{
        struct worker *worker = &world->workers[happening->worker];
        if (happening->kind == HAPPEN_EVENT_ARRIVES)
                on_arrives(world, happening);
        else if (happening->kind == HAPPEN_EVENT_CONFIRMED)
                on_confirmed(world, worker, engine_slot(world, happening), happening->index);
        else if (happening->kind == HAPPEN_EVENT_UNCONFIRMED)
                on_unconfirmed(world, worker, engine_slot(world, happening), happening->index);
        else
                on_forget(world, &world->tellings[happening->index]);
}

/* I10: every change was told, or let go, unless its record or its message was lost. */
void events_rest(struct world *world)
{
        for (uint32_t i = 0; i < world->change_count; i++) {
                const struct change *change = &world->changes[i];
                uint8_t id = change->id;
                bool lost = world->tainted[id] || world->purged[id] || world->dropped[id][change->content];
                if (!change->told && !change->let_go && !lost)
                        world_fail(world, "I10", "nobody was told that id %u is %s as %u.%u.%u", id,
                                   job_change_word(change->change), change->generation.redrives,
                                   change->generation.attempt, change->generation.deferrals);
        }
}
