#include "world.h"

#include <assert.h>
#include <string.h>

/*
 * A model of the engine in worker/run: it holds the in-flight table, starts jobs, hands out places at the
 * mail transport, and carries out what job_step asks for.
 */

int64_t engine_now(const struct world *world, const struct worker *worker)
{
        return world->now_ms + worker->clock_offset_ms;
}

struct slot *engine_slot(struct world *world, const struct happening *happening)
{
        struct worker *worker = &world->workers[happening->worker];
        struct slot *slot = &worker->slots[happening->slot];
        return slot->used && slot->serial == happening->serial ? slot : NULL;
}

void engine_kick(struct world *world, struct worker *worker)
{
        if (worker->kicked)
                return;
        worker->kicked = true;
        world_later_worker(world, random_between(&world->random, 0, 3), HAPPEN_KICK, worker);
}

static void settle(struct world *world, struct worker *worker, struct slot *slot,
                   const struct job_action *action)
{
        check_settling(world, worker, slot, action);
        if (action->epoch != worker->epoch || !worker->connected)
                return;
        struct happening *happening = world_later_worker(
                world, world_latency(world), action->kind == ACTION_ACK ? HAPPEN_ACK : HAPPEN_NACK, worker);
        happening->local = random_one_in(&world->random, 4);
        happening->epoch = action->epoch;
        happening->tag = action->tag;
        happening->flag = action->kind == ACTION_RETURN;
        NOTE(world, "w%d id %u %s", worker_number(world, worker), slot->id,
             action->kind == ACTION_ACK      ? "ack"
             : action->kind == ACTION_REJECT ? "reject"
                                             : "return");
}

/* What the record says of an effect's tries. */
static struct job_try remembered(const struct world *world, const struct worker *worker,
                                 const struct slot *slot, uint8_t effect)
{
        const struct store_try *known = &slot->claim.tries[effect];
        bool crashed = slot->claim.doubt_ms && slot->claim.doubt_ms != known->cleared_ms;
        int64_t now_ms = engine_now(world, worker);
        struct job_try try = {
                .outlet = known->outlet,
                .refusals = known->refusals,
                .redrives = known->redrives,
                .spent = known->spent,
        };
        if (known->ambiguous)
                try.doubt = DOUBT_AMBIGUOUS;
        else if (crashed)
                try.doubt = DOUBT_CRASH;
        int64_t ago_ms = known->ambiguous ? store_now(world) - known->since_ms : slot->claim.doubt_age_ms;
        int64_t from_ago_ms =
                known->ambiguous ? store_now(world) - known->from_ms : slot->claim.doubt_from_age_ms;
        if (crashed && slot->claim.doubt_age_ms < ago_ms)
                ago_ms = slot->claim.doubt_age_ms;
        if (crashed && slot->claim.doubt_from_age_ms > from_ago_ms)
                from_ago_ms = slot->claim.doubt_from_age_ms;
        try.from_ms = now_ms - from_ago_ms;
        try.since_ms = now_ms - ago_ms;
        return try;
}

static void planned(struct world *world, struct worker *worker, struct slot *slot, bool keep)
{
        const struct spec *spec = &world->specs[slot->id];
        struct job_try tries[JOB_EFFECTS_MAX];
        for (uint8_t i = 0; i < spec->effects; i++)
                tries[i] = remembered(world, worker, slot, i);
        struct job_event event = {
                .kind = EVENT_PLANNED,
                .tries = tries,
                .letter = slot->claim.letter,
                .effects_total = spec->effects,
                .done = slot->claim.effects,
                .intents = slot->claim.intents,
                .park = spec->park,
                .keep = keep,
        };
        if (spec->bad_payload)
                event = (struct job_event){.kind = EVENT_REFUSED, .reason = spec->bad_payload};
        engine_step(world, worker, slot, &event);
}

static void burn(struct world *world, const struct slot *slot)
{
        world->burnt[slot->id] |=
                (uint64_t)1 << (slot->job.generation.attempt % 8 + 8 * (slot->job.generation.redrives % 8));
}

/* The planner's answer, or what came in its place. Each answer is another plan. */
static void on_answer(struct world *world, struct worker *worker, struct slot *slot)
{
        struct job_event none = {.kind = EVENT_UNPLANNED, .retry_after_ms = -1};
        if (slot->job.phase != JOB_PLANNING)
                return;
        if (world_fault(world, FAULT_PLANNER_DOWN)) {
                none.outage = random_one_in(&world->random, 2);
                none.died = random_one_in(&world->random, 2);
        } else if (world->specs[slot->id].deadly || world_fault(world, FAULT_PLANNER_DEAD)) {
                none.died = true;
        } else {
                slot->plan = ++world->next_plan;
                planned(world, worker, slot, /* keep = */ true);
                return;
        }
        world->plan_deaths[slot->id] += none.died && !none.outage;
        if (!none.died && !none.outage)
                burn(world, slot);
        engine_step(world, worker, slot, &none);
}

static void plan(struct world *world, struct worker *worker, struct slot *slot)
{
        const struct spec *spec = &world->specs[slot->id];
        struct run *run = slot->run >= 0 ? &world->runs[slot->run] : NULL;
        if (run && !run->start)
                world_fail(world, "crash loop", "the handler of id %u is run though it is to die", slot->id);
        if (run)
                run->planned = true;
        slot->plan = slot->claim.plan;
        if (spec->poison)
                fault_crash(world, worker, slot);
        else if (!spec->planner || slot->plan)
                planned(world, worker, slot, /* keep = */ false);
        else
                world_later_slot(world,
                                 world_fault(world, FAULT_PLANNER_LATE)
                                         ? random_between(&world->random, 1, 3 * LEASE_MS)
                                         : world_latency(world),
                                 HAPPEN_PLANNED, worker, slot);
}

static void publish_later(struct world *world, struct worker *worker, struct slot *slot)
{
        world_later_slot(world, random_between(&world->random, 100, 3000), HAPPEN_PUBLISH_AGAIN, worker,
                         slot);
}

/* Carries out one action. */
static void carry_out(struct world *world, struct worker *worker, struct slot *slot,
                      const struct job_action *action)
{
        switch (action->kind) {
        case ACTION_CLAIM:
                store_call(world, worker, slot, STORE_CLAIM, -1);
                return;
        case ACTION_PLAN:
                plan(world, worker, slot);
                return;
        case ACTION_KEEP:
                store_call(world, worker, slot, STORE_KEEP, -1);
                return;
        case ACTION_WANT_PLACE:
                engine_kick(world, worker);
                return;
        case ACTION_RENEW:
                store_call(world, worker, slot, STORE_RENEW, -1);
                return;
        case ACTION_INTEND:
                slot->void_effect = 0;
                store_call(world, worker, slot, STORE_INTEND, action->effect);
                return;
        case ACTION_LOOK:
                mailer_look(world, worker, slot);
                return;
        case ACTION_SEND:
                mailer_send(world, worker, slot);
                return;
        case ACTION_RECORD:
                store_call(world, worker, slot, STORE_RECORD, action->effect);
                return;
        case ACTION_COMPLETE:
                store_call(world, worker, slot, STORE_COMPLETE, action->effect);
                return;
        case ACTION_DECIDE:
                store_call(world, worker, slot, STORE_DECIDE, -1);
                return;
        case ACTION_PUBLISH:
                broker_publish(world, worker, slot, false);
                return;
        case ACTION_PUBLISH_DELAY:
                broker_publish(world, worker, slot, true);
                return;
        case ACTION_PUBLISH_LATER:
                publish_later(world, worker, slot);
                return;
        case ACTION_SETTLE:
                if (slot->job.recorded)
                        store_call(world, worker, slot, STORE_SETTLE, -1);
                else
                        engine_step(world, worker, slot, &(struct job_event){.kind = EVENT_SETTLED});
                return;
        case ACTION_TELL:
                store_call(world, worker, slot, STORE_DUE, -1);
                return;
        case ACTION_HOLD_SUSPECT:
                slot->suspect = true;
                return;
        case ACTION_ACK:
        case ACTION_REJECT:
        case ACTION_RETURN:
                settle(world, worker, slot, action);
                return;
        case ACTION_END:
                slot->used = false;
                return;
        }
}

void engine_step(struct world *world, struct worker *worker, struct slot *slot, const struct job_event *event)
{
        struct job_actions actions;
        uint32_t incarnation = worker->incarnation, serial = slot->serial;
        enum job_phase before = slot->job.phase;
        job_step(&slot->job, event, &actions);
        world->tally->phases[slot->job.phase]++;
        if (world->verbose && before != slot->job.phase)
                world_note(world, "w%d id %u is %s", worker_number(world, worker), slot->id,
                           job_phase_word(slot->job.phase));
        for (size_t i = 0; i + 1 < actions.count; i++)
                if (actions.list[i].kind == ACTION_END)
                        world_fail(world, "end", "id %u goes on after its end", slot->id);
        for (size_t i = 0; i < actions.count && !world->failure; i++) {
                if (world_fault(world, FAULT_CRASH)) {
                        fault_crash(world, worker, NULL);
                        return;
                }
                carry_out(world, worker, slot, &actions.list[i]);
                if (!worker->alive || worker->incarnation != incarnation)
                        return;
        }
        if (slot->used && slot->serial == serial && slot->job.phase == JOB_ENDED)
                world_fail(world, "leak", "an ended job was not forgotten");
        engine_kick(world, worker);
}

static uint64_t owner_token(const struct worker *worker, uint64_t epoch, uint64_t tag)
{
        return (uint64_t)worker->incarnation << 32 | epoch << 16 | tag;
}

static bool same_generation(struct job_generation a, struct job_generation b)
{
        return job_generation_compare(a, b) == 0;
}

/* A redelivery of what still runs here, orphaned by its connection, is attached to it. */
static bool attach(struct world *world, struct worker *worker, const struct happening *delivery)
{
        for (int i = 0; i < SLOTS_MAX; i++) {
                struct slot *slot = &worker->slots[i];
                if (!slot->used || slot->job.live || slot->id != delivery->copy.id ||
                    slot->content != delivery->copy.content ||
                    !same_generation(slot->job.came, delivery->copy.generation) ||
                    world->specs[slot->id].no_id)
                        continue;
                world->tally->attached++;
                NOTE(world, "w%d id %u attached", worker_number(world, worker), slot->id);
                engine_step(world, worker, slot,
                            &(struct job_event){
                                    .kind = EVENT_ATTACHED, .epoch = delivery->epoch, .tag = delivery->tag});
                return true;
        }
        return false;
}

/* What is unknown until it is deployed is refused until then. */
static enum reason refusal(const struct world *world, const struct spec *spec)
{
        bool deployed = spec->bad_envelope == REASON_UNKNOWN_TYPE && world->now_ms >= spec->deployed_ms;
        return deployed ? REASON_NONE : spec->bad_envelope;
}

static void on_delivery(struct world *world, struct worker *worker, const struct happening *delivery)
{
        if (!worker->connected || delivery->epoch != worker->epoch || attach(world, worker, delivery))
                return;
        const struct spec *spec = &world->specs[delivery->copy.id];
        struct slot *slot = worker->slots;
        while (slot < worker->slots + SLOTS_MAX && slot->used)
                slot++;
        if (slot == worker->slots + SLOTS_MAX) {
                world_fail(world, "leak", "the in-flight table is full");
                return;
        }
        *slot = (struct slot){
                .used = true,
                .serial = ++world->next_serial,
                .id = delivery->copy.id,
                .content = delivery->copy.content,
                .owner = owner_token(worker, delivery->epoch, delivery->tag),
                .run = -1,
                .send = -1,
                .outside = !delivery->copy.ours && delivery->copy.deliveries == 1,
                .dead_id = delivery->copy.dead_id,
        };
        job_init(&slot->job, &(struct job){
                                     .epoch = delivery->epoch,
                                     .tag = delivery->tag,
                                     .recorded = !spec->no_id,
                                     .copyable = !spec->uncopyable,
                                     .refused = refusal(world, spec),
                                     .came = delivery->copy.generation,
                                     .attempts_max = spec->attempts_max,
                                     .lease_ms = LEASE_MS,
                                     .send_limit_ms = SEND_LIMIT_MS,
                                     .timeout_ms = world->handler_timeout_ms,
                                     .plan_deaths_max = world->max_crashes,
                                     .tells = world->tells,
                             });
        NOTE(world, "w%d receives id %u content %u as %u.%u.%u", worker_number(world, worker), slot->id,
             slot->content, slot->job.generation.redrives, slot->job.generation.attempt,
             slot->job.generation.deferrals);
        if (worker->draining)
                engine_step(world, worker, slot, &(struct job_event){.kind = EVENT_RETURN});
        engine_kick(world, worker);
}

/* What runs beside a job to be started. */
struct beside {
        bool any, alone, suspects;
};

static struct beside look_around(const struct worker *worker)
{
        struct beside beside = {0};
        for (int i = 0; i < SLOTS_MAX; i++) {
                const struct slot *slot = &worker->slots[i];
                if (!slot->used)
                        continue;
                if (job_started(&slot->job)) {
                        beside.any = true;
                        beside.alone |= slot->job.alone;
                } else {
                        beside.suspects |= slot->suspect;
                }
        }
        return beside;
}

/* Starts at most one held job; a suspect only alone, and nobody before a suspect that waits. */
static void start_one(struct world *world, struct worker *worker)
{
        struct beside beside = look_around(worker);
        if (!worker->store_up || beside.alone || (beside.suspects && beside.any))
                return;
        for (int i = 0; i < SLOTS_MAX; i++) {
                struct slot *slot = &worker->slots[i];
                if (!slot->used || job_started(&slot->job) || slot->suspect != beside.suspects)
                        continue;
                struct job_event start = {.kind = EVENT_START, .alone = slot->suspect};
                slot->suspect = false;
                engine_step(world, worker, slot, &start);
                engine_kick(world, worker);
                return;
        }
}

/* The outlets' breakers and places are as they are: any that the job may use, rather the nearest. */
static uint8_t choose_outlet(struct world *world, const struct slot *slot)
{
        const struct job *job = &slot->job;
        uint8_t known = job->tries[job->effect].outlet, outlets = world->specs[slot->id].outlets;
        if (outlets > 1 && random_one_in(&world->random, 8)) /* a mistake, which the protocol has to see */
                return (uint8_t)random_below(&world->random, outlets);
        if (job->tries[job->effect].doubt != DOUBT_NONE)
                return known;
        if (outlets > 1 && random_one_in(&world->random, 4) && job->outlet_min < outlets)
                return (uint8_t)random_between(&world->random, job->outlet_min, outlets - 1);
        return known > job->outlet_min ? known : job->outlet_min;
}

static void on_place(struct world *world, struct worker *worker)
{
        uint32_t places = 0;
        struct slot *waiting = NULL;
        for (int i = 0; i < SLOTS_MAX; i++) {
                struct slot *slot = &worker->slots[i];
                if (!slot->used)
                        continue;
                places += job_has_place(&slot->job);
                if (slot->job.phase == JOB_WAITING && (!waiting || random_one_in(&world->random, 2)))
                        waiting = slot;
        }
        if (!waiting || places >= worker->places)
                return;
        const struct spec *spec = &world->specs[waiting->id];
        struct job_event event = {.kind = EVENT_PLACE,
                                  .now_ms = engine_now(world, worker),
                                  .outlet = choose_outlet(world, waiting),
                                  .can_look = spec->lookup && !(spec->park >> waiting->job.effect & 1),
                                  .look_limits = spec->look_limits};
        if (world->now_ms < worker->breaker_until_ms && random_one_in(&world->random, 2))
                event.kind = EVENT_DEFER;
        if (event.now_ms - waiting->job.claimed_ms >= world->handler_timeout_ms && waiting->job.tried)
                burn(world, waiting);
        engine_step(world, worker, waiting, &event);
        engine_kick(world, worker);
}

static void on_drained(struct world *world, struct worker *worker)
{
        for (int i = 0; i < SLOTS_MAX; i++)
                if (worker->slots[i].used) {
                        world_later_worker(world, 500, HAPPEN_DRAINED, worker);
                        return;
                }
        NOTE(world, "w%d drained and ends", worker_number(world, worker));
        fault_crash(world, worker, NULL);
}

static void on_kick(struct world *world, struct worker *worker)
{
        uint32_t incarnation = worker->incarnation;
        worker->kicked = false;
        if (!worker->draining)
                start_one(world, worker);
        if (worker->alive && worker->incarnation == incarnation)
                on_place(world, worker);
        if (worker->alive && worker->incarnation == incarnation && world_fault(world, FAULT_BREAKER)) {
                worker->breaker_until_ms = world->now_ms + random_between(&world->random, 100, LEASE_MS);
                engine_kick(world, worker);
        }
}

static void each(struct world *world, struct worker *worker, struct job_event event)
{
        uint32_t incarnation = worker->incarnation;
        for (int i = 0; i < SLOTS_MAX && worker->alive && worker->incarnation == incarnation; i++)
                if (worker->slots[i].used)
                        engine_step(world, worker, &worker->slots[i], &event);
}

static void on_confirm(struct world *world, struct worker *worker, struct slot *slot,
                       const struct happening *happening)
{
        engine_step(world, worker, slot,
                    &(struct job_event){.kind = EVENT_PUBLISHED,
                                        .confirmed = happening->flag,
                                        .unencodable = happening->index == 1,
                                        .now_ms = engine_now(world, worker)});
}

static void on_connection_down(struct world *world, struct worker *worker)
{
        worker->connected = false;
        world_later_worker(world, random_between(&world->random, 50, 3000), HAPPEN_CONNECTION_UP, worker);
        NOTE(world, "w%d sees its connection gone", worker_number(world, worker));
        each(world, worker, (struct job_event){.kind = EVENT_DISCONNECTED});
}

void engine_happening(struct world *world, struct happening *happening)
{
        struct worker *worker = &world->workers[happening->worker];
        struct slot *slot = engine_slot(world, happening);
        struct job_event event = {.now_ms = engine_now(world, worker)};
        if (happening->kind == HAPPEN_DELIVERY) {
                on_delivery(world, worker, happening);
        } else if (happening->kind == HAPPEN_KICK) {
                on_kick(world, worker);
        } else if (happening->kind == HAPPEN_CONFIRM && slot) {
                on_confirm(world, worker, slot, happening);
        } else if (happening->kind == HAPPEN_PLANNED && slot) {
                on_answer(world, worker, slot);
        } else if (happening->kind == HAPPEN_PUBLISH_AGAIN && slot) {
                event.kind = EVENT_PUBLISH_AGAIN;
                engine_step(world, worker, slot, &event);
        } else if (happening->kind == HAPPEN_RENEW && slot) {
                event.kind = EVENT_RENEW_DUE;
                if (job_leased(&slot->job))
                        engine_step(world, worker, slot, &event);
                slot = worker->alive ? engine_slot(world, happening) : NULL;
                if (slot)
                        world_later_slot(world, LEASE_MS / 3, HAPPEN_RENEW, worker, slot);
        } else if (happening->kind == HAPPEN_CONNECTION_DOWN) {
                on_connection_down(world, worker);
        } else if (happening->kind == HAPPEN_CONNECTION_UP) {
                worker->connected = worker->broker_open = true;
                worker->epoch++;
                worker->next_tag = 1;
                broker_kick(world);
        } else if (happening->kind == HAPPEN_DRAINED) {
                each(world, worker, (struct job_event){.kind = EVENT_RETURN});
                if (worker->alive && worker->incarnation == happening->incarnation)
                        each(world, worker, (struct job_event){.kind = EVENT_DEFER});
                if (worker->alive && worker->incarnation == happening->incarnation)
                        on_drained(world, worker);
        } else if (happening->kind == HAPPEN_GRACE_OVER && worker->draining) {
                fault_crash(world, worker, NULL);
        }
}
