#include "world.h"

#include <assert.h>

/*
 * A worker's connection to the store: requests are answered in any order, and when one is not answered in
 * time the connection is given up with all that wait on it; each of those may or may not be carried out, even
 * later.
 */

int64_t store_now(const struct world *world)
{
        return world->now_ms + world->store_offset_ms;
}

static struct call *call_new(struct world *world)
{
        for (int i = 0; i < CALLS_MAX; i++)
                if (!world->calls[i].used)
                        return &world->calls[i];
        assert(!"too many calls");
        return NULL;
}

/* A decision as the store keeps it: one number. */
static uint32_t decision_encode(const struct job_decision *decision)
{
        return (uint32_t)decision->kind + 8 * (uint32_t)decision->reason;
}

static struct job_decision decision_decode(uint32_t number)
{
        return (struct job_decision){
                .kind = (enum job_decision_kind)(number % 8),
                .reason = (enum reason)(number / 8),
                .tier = -1,
        };
}

/* Names a death of a job as core/message/dead_id.h does. */
uint32_t dead_id_of(const struct job *job)
{
        return job->recorded ? 1 + job->generation.redrives * REASON_COUNT + job->decision.reason : 0;
}

static int count_bits(uint32_t bits)
{
        return __builtin_popcount(bits);
}

static void tell_tries(const struct world *world, struct store_request *request, const struct slot *slot)
{
        const struct worker *worker = &world->workers[0];
        while (slot < worker->slots || slot >= worker->slots + SLOTS_MAX)
                worker++;
        for (int i = 0; i < slot->job.effects_total; i++) {
                const struct job_try *try = &slot->job.tries[i];
                int64_t offset_ms = store_now(world) - engine_now(world, worker);
                bool crashed = try->doubt == DOUBT_CRASH;
                request->tries[i] = (struct store_try){
                        .told = try->news,
                        .outlet = try->outlet,
                        .refusals = try->refusals,
                        .ambiguous = try->doubt == DOUBT_AMBIGUOUS,
                        .redrives = try->redrives,
                        .spent = try->spent,
                        .from_ms = try->from_ms + offset_ms,
                        .since_ms = try->since_ms + offset_ms,
                        .cleared_ms = crashed ? slot->claim.tries[i].cleared_ms : slot->claim.doubt_ms,
                };
        }
}

static void request_fill(const struct world *world, struct store_request *request, const struct slot *slot,
                         enum store_script script, int effect)
{
        const struct job *job = &slot->job;
        *request = (struct store_request){
                .script = script,
                .id = slot->id,
                .owner = slot->owner,
                .lease_ms = LEASE_MS,
                .keep_ms = KEEP_MS,
                .generation = job->generation,
                .outside = slot->outside,
                .dead_id = slot->dead_id,
                .death_ms = job->death_ms,
                .tier_ms = TIER_MAX_MS,
                .fingerprint = slot->content,
                .type = world->specs[slot->id].strangers ? slot->content : 0,
                .first = world->specs[slot->id].first,
                .tells_of = world->tells,
                .alone = job->alone,
                .max_crashes = world->max_crashes,
                .effect = (uint8_t)(effect + 1),
                .effects_total = job->effects_total,
                .effects_done = (uint8_t)count_bits(job->done),
        };
        if (script == STORE_INTEND && job->moving) {
                world->tally->moves++;
                request->moves = job->moves;
                request->moved_effect = (uint8_t)(effect + 1);
                request->outlet = job->tries[effect].outlet;
        }
        if (script == STORE_INTEND && !(job->park >> effect & 1))
                request->effect = 0;
        if (script == STORE_DECIDE)
                tell_tries(world, request, slot);
        if (script == STORE_RECORD)
                request->sent = job->done >> effect & 1;
        if (script == STORE_KEEP)
                request->plan = slot->plan;
        if (script == STORE_DECIDE) {
                request->plan_deaths = job->plan_deaths;
                request->decision = decision_encode(&job->decision);
                request->reason = job->decision.reason;
                request->void_effect = slot->void_effect;
        }
        request->tells = script == STORE_COMPLETE && world->tells >> CHANGE_COMPLETED & 1;
        if (script == STORE_SETTLE) {
                request->tells = world->tells >> (job->decision.kind == DECISION_DEAD ? CHANGE_DEAD
                                                                                      : CHANGE_RETRYING) &
                                 1;
                request->dead = job->decision.kind == DECISION_DEAD;
                request->scheduled = job->decision.kind == DECISION_SCHEDULE;
                request->due_ms = world->specs[slot->id].due_ms + world->store_offset_ms;
                world->tally->scheduled += request->scheduled;
                request->rejected = job->decision.reject;
                request->decision = decision_encode(&job->decision);
                request->copy = job_decision_generation(job);
                request->delay_ms = slot->delay_ms;
                request->dead_id = dead_id_of(job);
        }
}

void store_call(struct world *world, struct worker *worker, struct slot *slot, enum store_script script,
                int effect)
{
        NOTE(world, "w%d id %u %s", worker_number(world, worker), slot->id, store_script_word(script));
        if (script != STORE_RENEW)
                slot->request_serial++;
        if (!worker->store_up) {
                world_later_slot(world, 1, HAPPEN_STORE_REFUSED, worker, slot);
                return;
        }
        struct call *call = call_new(world);
        *call = (struct call){
                .used = true,
                .worker = (uint8_t)worker_number(world, worker),
                .slot = (uint8_t)(slot - worker->slots),
                .incarnation = worker->incarnation,
                .serial = slot->serial,
                .store_epoch = worker->store_epoch,
                .request_serial = slot->request_serial,
                .sent_ms = engine_now(world, worker),
        };
        request_fill(world, &call->request, slot, script, effect);
        bool lost = world_fault(world, FAULT_REQUEST_LOST);
        call->reply_lost = !lost && world_fault(world, FAULT_REPLY_LOST);
        if (lost || call->reply_lost) {
                fault_store_trouble(world, worker);
                struct happening *timeout =
                        world_later_worker(world, STORE_TIMEOUT_MS, HAPPEN_STORE_TIMEOUT, worker);
                timeout->epoch = worker->store_epoch;
        }
        if (lost) {
                call->used = false;
                return;
        }
        int64_t wait_ms = call->reply_lost && random_one_in(&world->random, world->bounds.every ? 2 : 4)
                                  ? random_between(&world->random, 1, LEASE_MS)
                                  : world_latency(world);
        struct happening *apply = world_later_slot(world, wait_ms, HAPPEN_APPLY, worker, slot);
        apply->local = !call->reply_lost && random_one_in(&world->random, 4);
        apply->index = (int16_t)(call - world->calls);
}

void store_apply(struct world *world, struct happening *happening)
{
        struct call *call = &world->calls[happening->index];
        world->store.now_ms = store_now(world);
        struct store_record before = world->store.records[call->request.id];
        call->reply = fake_store_call(&world->store, &call->request);
        NOTE(world, "store: id %u %s of owner %llx: %s", call->request.id,
             store_script_word(call->request.script), (unsigned long long)call->request.owner,
             call->request.script == STORE_CLAIM ? claim_answer_word(call->reply.claim)
             : call->reply.lease == LEASE_OK     ? "ok"
                                                 : "lost");
        check_answer(world, call, &before);
        if (call->reply_lost) {
                call->used = false;
                return;
        }
        struct happening *reply = world_later(world, world_latency(world), HAPPEN_REPLY);
        reply->local = true;
        reply->worker = call->worker;
        reply->incarnation = call->incarnation;
        reply->slot = call->slot;
        reply->serial = call->serial;
        reply->index = happening->index;
}

static uint32_t park_mask(const struct world *world, const struct slot *slot)
{
        return world->specs[slot->id].park;
}

static int64_t grace_left_ms(const struct world *world, const struct spec *spec)
{
        int64_t left_ms = spec->grace_ms - world->now_ms;
        if (spec->bad_envelope != REASON_UNKNOWN_TYPE || !spec->named || left_ms <= 0)
                return 0;
        return left_ms < TIER_MAX_MS ? left_ms : TIER_MAX_MS;
}

static void claimed(struct world *world, struct slot *slot, const struct call *call, struct job_event *event)
{
        event->kind = EVENT_CLAIMED;
        event->claim = call->reply.claim;
        event->lease_left_ms = call->reply.lease_left_ms;
        event->grace_ms = grace_left_ms(world, &world->specs[slot->id]);
        event->decision = decision_decode(call->reply.decision);
        event->generation = call->reply.generation;
        event->early_ms = world->specs[slot->id].due_ms - world->now_ms;
        event->plan_deaths = call->reply.plan_deaths;
        event->done = call->reply.effects;
        event->intents = call->reply.intents;
        event->park = park_mask(world, slot);
        slot->claim = call->reply;
        world->tally->claims[call->reply.claim]++;
}

void store_reply(struct world *world, struct happening *happening)
{
        struct call *call = &world->calls[happening->index];
        struct worker *worker = &world->workers[happening->worker];
        struct slot *slot = engine_slot(world, happening);
        call->used = false;
        if (!slot || call->store_epoch != worker->store_epoch ||
            (call->request.script != STORE_RENEW && call->request_serial != slot->request_serial))
                return;
        static const enum job_event_kind kinds[STORE_SCRIPT_COUNT] = {
                [STORE_CLAIM] = EVENT_CLAIMED,   [STORE_RENEW] = EVENT_RENEWED,
                [STORE_KEEP] = EVENT_KEPT,       [STORE_INTEND] = EVENT_INTENDED,
                [STORE_RECORD] = EVENT_RECORDED, [STORE_COMPLETE] = EVENT_COMPLETED,
                [STORE_DECIDE] = EVENT_DECIDED,  [STORE_SETTLE] = EVENT_SETTLED,
        };
        assert(call->request.script != STORE_KILLED && call->request.script != STORE_CANCEL);
        if (call->request.script == STORE_DUE) {
                events_due(world, worker, slot, &call->reply.due);
                return;
        }
        struct job_event event = {
                .kind = kinds[call->request.script],
                .lease = call->reply.lease,
                .sent_ms = call->sent_ms,
                .now_ms = engine_now(world, worker),
        };
        if (event.kind == EVENT_CLAIMED) {
                claimed(world, slot, call, &event);
                if (!slot->renews)
                        world_later_slot(world, LEASE_MS / 3, HAPPEN_RENEW, worker, slot);
                slot->renews = true;
        }
        engine_step(world, worker, slot, &event);
        slot = engine_slot(world, happening);
        bool heard = call->request.script == STORE_RENEW && call->reply.lease == LEASE_LOST;
        bool idle = slot && (slot->job.phase == JOB_PLANNING || slot->job.phase == JOB_WAITING ||
                             slot->job.phase == JOB_FENCING);
        if (heard && idle)
                world_fail(world, "lease", "id %u goes on though its lease is another's", slot->id);
}

static void lose(struct world *world, struct worker *worker, struct slot *slot)
{
        engine_step(world, worker, slot, &(struct job_event){.kind = EVENT_STORE_LOST});
}

/* The connection to the store is given up: every request on it has an unknown end. */
void store_timeout(struct world *world, struct worker *worker)
{
        fault_store_trouble(world, worker);
        worker->store_epoch++;
        worker->store_up = false;
        uint32_t incarnation = worker->incarnation;
        for (int i = 0; i < SLOTS_MAX && worker->alive && worker->incarnation == incarnation; i++)
                if (worker->slots[i].used && worker->slots[i].job.phase != JOB_HELD)
                        lose(world, worker, &worker->slots[i]);
        if (!worker->alive || worker->incarnation != incarnation)
                return;
        int64_t away_ms = random_one_in(&world->random, 4) ? random_between(&world->random, 0, 2 * LEASE_MS)
                                                           : random_between(&world->random, 0, 1000);
        world_later_worker(world, away_ms, HAPPEN_STORE_BACK, worker);
}

/* A request made while there is no connection. */
void store_refused(struct world *world, struct happening *happening)
{
        struct worker *worker = &world->workers[happening->worker];
        struct slot *slot = engine_slot(world, happening);
        if (!slot)
                return;
        fault_store_trouble(world, worker);
        lose(world, worker, slot);
        slot = engine_slot(world, happening);
        if (slot && worker->alive && worker->incarnation == happening->incarnation && worker->store_up)
                engine_step(world, worker, slot, &(struct job_event){.kind = EVENT_STORE_BACK});
}

void store_back(struct world *world, struct worker *worker)
{
        worker->store_up = true;
        NOTE(world, "w%d has the store back", worker_number(world, worker));
        uint32_t incarnation = worker->incarnation;
        for (int i = 0; i < SLOTS_MAX && worker->alive && worker->incarnation == incarnation; i++)
                if (worker->slots[i].used)
                        engine_step(world, worker, &worker->slots[i],
                                    &(struct job_event){.kind = EVENT_STORE_BACK});
        if (worker->alive && worker->incarnation == incarnation)
                engine_kick(world, worker);
}
