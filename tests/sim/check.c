#include "world.h"

#include <string.h>

/* The laws of SPEC section 2 and the ledger of section 1, judged with what only the world can know. */

static struct run *owner_run(struct world *world, uint8_t id)
{
        return world->owner_run[id] < 0 ? NULL : &world->runs[world->owner_run[id]];
}

static int16_t run_of(const struct world *world, uint8_t id, uint64_t owner)
{
        for (int i = (int)world->run_count - 1; i >= 0; i--)
                if (world->runs[i].id == id && world->runs[i].owner == owner)
                        return (int16_t)i;
        return -1;
}

static struct slot *caller(struct world *world, const struct call *call)
{
        struct worker *worker = &world->workers[call->worker];
        struct slot *slot = &worker->slots[call->slot];
        bool there = worker->alive && worker->incarnation == call->incarnation && slot->used &&
                     slot->serial == call->serial;
        return there ? slot : NULL;
}

static int16_t run_new(struct world *world, const struct call *call)
{
        const struct worker *worker = &world->workers[call->worker];
        struct slot *slot = caller(world, call);
        if (world->run_count == RUNS_MAX) {
                world_fail(world, "livelock", "more than %d claims granted", RUNS_MAX);
                return 0;
        }
        int16_t index = (int16_t)world->run_count++;
        bool is_new = call->request.script != STORE_CLAIM || call->reply.claim == CLAIM_NEW;
        world->runs[index] = (struct run){
                .id = call->request.id,
                .content = (uint8_t)call->request.fingerprint,
                .worker = call->worker,
                .incarnation = call->incarnation,
                .owner = call->request.owner,
                .generation = is_new ? call->request.generation : call->reply.generation,
                .crashed = !worker->alive || worker->incarnation != call->incarnation,
                .frozen = worker->frozen,
                .start = true,
                .cut = call->reply_lost || call->store_epoch != worker->store_epoch,
                .orphan = !slot || slot->job.phase != JOB_CLAIMING,
        };
        if (slot)
                slot->run = index;
        return index;
}

/* The asker owns the job: in a run of its own, unless the store has only forgotten that it did. */
static void grant(struct world *world, const struct call *call)
{
        uint8_t id = call->request.id;
        int16_t known = run_of(world, id, call->request.owner);
        world->owner_run[id] = known >= 0 && world->owner_run[id] < 0 ? known : run_new(world, call);
        if (call->request.script == STORE_CLAIM)
                world->runs[world->owner_run[id]].start =
                        call->reply.claim != CLAIM_CRASHED && call->reply.decision == 0;
}

/* A letter that somebody moved, and a message that was sent again after its job died, are carried out. */
static void check_revival(struct world *world, const struct call *call, const struct store_record *before)
{
        const struct store_request *request = &call->request;
        bool is_letter = request->dead_id && request->dead_id == before->dead_id;
        bool is_redrive = request->generation.redrives > before->generation.redrives;
        bool parked = before->reason == REASON_AMBIGUOUS_SEND || before->intents;
        bool named = !before->decision && before->died_ms == request->death_ms;
        bool to_be_done = is_redrive || (named && (is_letter || (request->outside && !parked)));
        if (before->state != STATE_DEAD || before->fingerprint != request->fingerprint || !to_be_done)
                return;
        bool carried_out = call->reply.claim == CLAIM_RESUMED && !call->reply.decision &&
                           call->reply.generation.redrives > before->generation.redrives;
        if (!carried_out)
                world_fail(world, "moved", "id %u was moved or sent again, and is not carried out",
                           request->id);
}

/* A message takes over from a greater one only if that has not come in time. */
static void check_succession(struct world *world, const struct call *call, const struct store_record *before)
{
        const struct store_request *request = &call->request;
        bool waits = before->state == STATE_RETRYING || before->state == STATE_SCHEDULED;
        bool succeeds = call->reply.claim == CLAIM_RESUMED && waits &&
                        job_generation_compare(request->generation, before->generation) < 0;
        for (uint32_t i = 0; succeeds && !world->tainted[request->id] && i < world->copy_count; i++) {
                const struct copy *copy = &world->copies[i];
                if (copy->id == request->id && copy->content == request->fingerprint &&
                    copy->place == COPY_TIER &&
                    job_generation_compare(copy->generation, before->generation) >= 0)
                        world_fail(world, "succession", "id %u is taken over though its copy waits",
                                   request->id);
        }
}

/* Whoever cancelled the job was told that nobody begins it any more. */
static void check_not_cancelled(struct world *world, uint8_t id, uint32_t content, const char *what)
{
        if (world->cancelled[id][content] && !world->tainted[id])
                world_fail(world, "cancel", "id %u is %s though it was cancelled", id, what);
}

void check_cancel(struct world *world, uint8_t id, bool cancelled)
{
        const struct run *run = owner_run(world, id);
        if (!cancelled)
                return;
        if (run && !run->ended && !world->tainted[id])
                world_fail(world, "cancel", "id %u is cancelled though it runs", id);
        world->cancelled[id][world->store.records[id].fingerprint] = true;
}

/* Is a message of this id and another content held, waiting, or completed? */
static bool has_other_content(const struct world *world, uint8_t id, uint8_t content)
{
        if (world->completed[id][!content])
                return true;
        for (uint32_t i = 0; i < world->copy_count; i++)
                if (world->copies[i].id == id && world->copies[i].content != content &&
                    world->copies[i].place <= COPY_DEAD)
                        return true;
        return world->purged[id];
}

/* on_conflict: what came second is acked only beside a first of its kind that is not dead, and then it is. */
static void check_conflict(struct world *world, const struct call *call, const struct store_record *before)
{
        const struct store_request *request = &call->request;
        const struct spec *spec = &world->specs[request->id];
        uint8_t content = (uint8_t)request->fingerprint;
        bool first = call->reply.claim == CLAIM_FIRST;
        bool to_be_first = spec->first && !spec->strangers && before->state != STATE_DEAD &&
                           before->state != STATE_CANCELLED;
        world->conflict_told[request->id][content] |= !first;
        if (first != to_be_first)
                world_fail(world, "conflict", "id %u content %u: %s", request->id, content,
                           claim_answer_word(call->reply.claim));
        if (first && !has_other_content(world, request->id, content))
                world_fail(world, "conflict", "id %u content %u is said to be second", request->id, content);
}

static void check_claim(struct world *world, const struct call *call, const struct store_record *before)
{
        uint8_t id = call->request.id;
        struct run *last = owner_run(world, id);
        check_revival(world, call, before);
        check_succession(world, call, before);
        switch (call->reply.claim) {
        case CLAIM_NEW:
        case CLAIM_RESUMED:
        case CLAIM_CRASHED:
                check_not_cancelled(world, id, call->request.fingerprint, "taken");
                if (last && last->owner == call->request.owner) { /* asked again */
                        last->revived |= before->state == STATE_DEAD;
                        last->ended = false; /* a late settlement of another came between */
                        return;
                }
                if (last && !last->ended && !world->tainted[id] &&
                    job_generation_compare(last->generation, call->request.generation) >= 0 &&
                    before->lease_until_ms > world->store.now_ms)
                        world_fail(world, "lease", "id %u granted while another's lease runs", id);
                grant(world, call);
                owner_run(world, id)->revived |= before->state == STATE_DEAD;
                return;
        case CLAIM_MINE:
                if (!last || last->owner != call->request.owner)
                        world_fail(world, "lease", "id %u: mine, but it is another's", id);
                return;
        case CLAIM_DONE:
                if (!world->completed[id][call->request.fingerprint])
                        world_fail(world, "ledger", "id %u: done, but it never was", id);
                return;
        case CLAIM_CANCELLED:
                if (!world->cancelled[id][call->request.fingerprint])
                        world_fail(world, "ledger", "id %u: cancelled, but it never was", id);
                return;
        case CLAIM_CONFLICT:
        case CLAIM_FIRST:
                check_conflict(world, call, before);
                return;
        case CLAIM_STALE:
        case CLAIM_BUSY:
        case CLAIM_WAITING:
        case CLAIM_DEAD:
        case CLAIM_SUSPECT:
                return;
        }
}

/* Did a run of that owner have it accepted, by itself or as a repetition of what was? */
static bool was_accepted(const struct world *world, const struct send *send, uint64_t owner)
{
        return send->accepted &&
               (world->runs[send->run].owner == owner || world->runs[send->first].owner == owner);
}

static void effect_recorded(struct world *world, const struct call *call)
{
        const struct store_request *request = &call->request;
        bool accepted = false;
        for (uint32_t i = 0; i < world->send_count; i++) {
                struct send *send = &world->sends[i];
                if (send->id == request->id && send->effect + 1 == request->effect &&
                    was_accepted(world, send, request->owner))
                        accepted = send->recorded = true;
        }
        if (!accepted)
                world_fail(world, "ledger", "id %u effect %d recorded, but no mail was accepted", request->id,
                           request->effect - 1);
}

/* Of an ambiguous end that nobody recorded, because the worker died of it, nobody knows. */
static void ambiguity_told(struct world *world, const struct call *call)
{
        for (uint32_t i = 0; i < world->send_count; i++) {
                struct send *send = &world->sends[i];
                if (send->id == call->request.id && world->runs[send->run].owner == call->request.owner)
                        send->told |= send->ambiguous;
        }
}

static void completed(struct world *world, const struct call *call)
{
        uint8_t id = call->request.id, content = (uint8_t)call->request.fingerprint;
        check_not_cancelled(world, id, content, "completed");
        world->completed[id][content] = true;
        world->tally->completed++;
        for (int effect = 0; effect < world->specs[id].effects; effect++) {
                bool accepted = false;
                for (uint32_t i = 0; i < world->send_count; i++)
                        accepted |= world->sends[i].id == id && world->sends[i].content == content &&
                                    world->sends[i].effect == effect && world->sends[i].accepted;
                if (!accepted)
                        world_fail(world, "ledger", "id %u completed, but effect %d has no mail", id, effect);
        }
}

static void check_settled(struct world *world, const struct store_request *request)
{
        if (request->rejected)
                return;
        for (uint32_t i = 0; i < world->copy_count; i++)
                if (world->copies[i].id == request->id && world->copies[i].content == request->fingerprint &&
                    job_generation_compare(world->copies[i].generation, request->copy) == 0)
                        return;
        world_fail(world, "I3", "id %u counts attempt %u without a copy", request->id, request->copy.attempt);
}

void check_answer(struct world *world, const struct call *call, const struct store_record *before)
{
        const struct store_request *request = &call->request;
        uint8_t id = request->id;
        if (request->script == STORE_CLAIM) {
                check_claim(world, call, before);
                return;
        }
        if (call->reply.lease == LEASE_LOST || request->script == STORE_DUE)
                return;
        if (request->script == STORE_COMPLETE && before->state == STATE_COMPLETED &&
            before->fingerprint == request->fingerprint)
                return;
        if (world->owner_run[id] < 0) {
                grant(world, call);
        }
        struct run *run = owner_run(world, id);
        bool carried_out = request->script == STORE_SETTLE && before->decision == request->decision &&
                           job_generation_compare(before->generation, request->generation) == 0;
        if ((run->owner != request->owner && !carried_out) || (run->ended && !world->tainted[id])) {
                world_fail(world, "lease", "id %u: %s answered ok to one who does not own it", id,
                           store_script_word(request->script));
                return;
        }
        if ((request->script == STORE_RECORD && request->sent) ||
            (request->script == STORE_COMPLETE && request->effect))
                effect_recorded(world, call);
        if (request->script == STORE_DECIDE)
                ambiguity_told(world, call);
        if (request->script == STORE_COMPLETE)
                completed(world, call);
        if (request->script == STORE_COMPLETE)
                events_changed(world, request, CHANGE_COMPLETED);
        if (request->script == STORE_SETTLE)
                check_settled(world, request);
        if (request->script == STORE_SETTLE && !request->scheduled)
                events_changed(world, request, request->dead ? CHANGE_DEAD : CHANGE_RETRYING);
        run->ended |= request->script == STORE_COMPLETE || request->script == STORE_SETTLE;
}

/* I7: no outlet gets what another may have accepted, and none but the first choice before that is recorded.
 */
static void check_outlet(struct world *world, const struct slot *slot)
{
        uint8_t effect = slot->job.effect, outlet = slot->job.tries[effect].outlet;
        if (world->store.records[slot->id].tries[effect].outlet != outlet)
                world_fail(world, "I7", "id %u goes by outlet %u, which is not recorded", slot->id, outlet);
        for (uint32_t i = 0; i < world->send_count; i++) {
                const struct send *send = &world->sends[i];
                if (send->id == slot->id && send->content == slot->content && send->effect == effect &&
                    send->outlet != outlet && send->ambiguous && !send->cleared)
                        world_fail(world, "I7",
                                   "id %u goes by outlet %u, though outlet %u may have accepted it", slot->id,
                                   outlet, send->outlet);
        }
}

/* I9: what is sent is a part of the plan that is recorded, and all that was ever sent of the job was. */
static void check_plan(struct world *world, const struct slot *slot)
{
        uint8_t id = slot->id;
        if (!world->specs[id].planner)
                return;
        if (world->store.records[id].plan != slot->plan)
                world_fail(world, "I9", "id %u is sent by a plan that is not recorded", id);
        for (uint32_t i = 0; i < world->send_count; i++) {
                const struct send *send = &world->sends[i];
                if (send->id == id && send->content == slot->content && send->plan != slot->plan &&
                    !world->dropped[id][send->content])
                        world_fail(world, "I9", "id %u is sent by another plan than before", id);
        }
}

/* I11: an attempt that ended ambiguously is over, however long the answer of the service that is asked takes.
 */
static void check_attempt(struct world *world, const struct slot *slot)
{
        const struct job_generation *now = &slot->job.generation;
        for (uint32_t i = 0; i < world->run_count; i++) {
                const struct run *run = &world->runs[i];
                if (run->id == slot->id && run->content == slot->content && run->ended &&
                    run->unheard >> slot->job.effect & 1 && run->generation.redrives == now->redrives &&
                    run->generation.attempt == now->attempt)
                        world_fail(world, "I11", "id %u effect %u is sent in attempt %u, which is over",
                                   slot->id, slot->job.effect, now->attempt);
        }
}

void check_send(struct world *world, const struct worker *worker, const struct slot *slot)
{
        const struct store_record *record = &world->store.records[slot->id];
        (void)worker;
        if (world->now_ms < world->specs[slot->id].due_ms)
                world_fail(world, "I8", "id %u is sent before its time", slot->id);
        if (slot->run < 0 || !world->runs[slot->run].planned)
                world_fail(world, "I2", "id %u is sent without a claim and a plan", slot->id);
        if (world->tainted[slot->id])
                return;
        check_outlet(world, slot);
        check_plan(world, slot);
        check_attempt(world, slot);
        if (record->owner != slot->owner)
                world_fail(world, "I2", "id %u is sent by one who does not own it", slot->id);
        else if (record->lease_until_ms - store_now(world) < SEND_LIMIT_MS)
                world_fail(world, "I2", "id %u is sent under a lease that ends before the send may",
                           slot->id);
}

/* Could the service that was asked have forgotten the earlier mail, and did somebody have it sent again all
 * the same? */
static bool may_be_forgotten(const struct world *world, const struct send *earlier, const struct send *later)
{
        return world->redriven[earlier->id] &&
               world->runs[later->run].generation.redrives > world->runs[earlier->run].generation.redrives &&
               world->now_ms - earlier->accepted_ms > world->specs[earlier->id].look_limits.keeps_ms;
}

/* The window of SPEC section 1 that explains why both mails went out, or 0. `earlier` was accepted before. */
static char window(const struct world *world, const struct send *earlier, const struct send *later)
{
        const struct run *first = &world->runs[earlier->run], *second = &world->runs[later->run];
        if (world->tainted[earlier->id])
                return 'C';
        if (earlier->run == later->run)
                return 0;
        if (world->specs[earlier->id].park >> earlier->effect &
            1) /* only an operator may have it sent again */
                return second->generation.redrives != first->generation.redrives &&
                                       world->redriven[earlier->id]
                               ? 'A'
                               : 0;
        if (later->zombie)
                return later->frozen_inside ? 'B' : 0;
        if (earlier->zombie)
                return earlier->frozen_inside ? 'B' : 0;
        if (earlier->recorded)
                return 0;
        if (earlier->frozen_inside)
                return 'B';
        if (earlier->outlet != later->outlet && !earlier->cleared)
                return 0;
        if (world->specs[earlier->id].lookup && !may_be_forgotten(world, earlier, later))
                return 0;
        return earlier->ambiguous || earlier->crashed || earlier->frozen_after || earlier->cut_after ? 'A'
                                                                                                     : 0;
}

void check_accept(struct world *world, struct send *send)
{
        const struct worker *worker = &world->workers[send->worker];
        const struct run *owner = owner_run(world, send->id);
        send->zombie = !owner || owner->owner != world->runs[send->run].owner;
        send->frozen_after |= worker->frozen && worker->incarnation == send->incarnation;
        NOTE(world, "MAIL id %u content %u effect %u by w%u%s", send->id, send->content, send->effect,
             send->worker, send->zombie ? " (zombie)" : "");
        world->tally->zombies += send->zombie;
        if (send->zombie && !send->frozen_inside && !world->tainted[send->id])
                world_fail(world, "I2", "id %u effect %u sent by one who lost the job", send->id,
                           send->effect);
        for (uint32_t i = 0; i < world->send_count; i++) {
                const struct send *other = &world->sends[i];
                if (other == send || !other->accepted || other->id != send->id ||
                    other->content != send->content || other->effect != send->effect)
                        continue;
                char why = window(world, other, send);
                if (why == 0)
                        world_fail(world, "duplicate mail", "id %u effect %u: no window explains it",
                                   send->id, send->effect);
                else
                        world->tally->windows[why - 'A']++;
                NOTE(world, "duplicate in window %c", why ? why : '-');
        }
}

/* May a later letter of the id be of an earlier redrive: because nothing remembers how many there were? */
static bool forgets_redrives(const struct world *world, uint8_t id)
{
        return world->tainted[id] || world->specs[id].no_id || world->conflicted[id];
}

/* Does the message of `gone` live on in `other`? */
static bool covers(const struct copy *other, const struct copy *gone, bool any_redrive)
{
        if (other == gone || other->id != gone->id || other->content != gone->content)
                return false;
        switch (other->place) {
        case COPY_READY:
        case COPY_TIER:
        case COPY_UNACKED: /* whatever its generation: the lesser of two is not lost, it waits */
                return true;
        case COPY_DEAD:
                return other->generation.redrives >= gone->generation.redrives || any_redrive;
        case COPY_GONE:
        case COPY_MOVED:
        case COPY_PURGED:
                break;
        }
        return false;
}

void check_ack(struct world *world, const struct copy *copy, const char *check)
{
        if (world->completed[copy->id][copy->content] || world->dropped[copy->id][copy->content] ||
            world->cancelled[copy->id][copy->content] || copy->excused || copy->second)
                return;
        for (uint32_t i = 0; i < world->copy_count; i++)
                if (covers(&world->copies[i], copy, forgets_redrives(world, copy->id)))
                        return;
        world_fail(world, check, "id %u acked as %u.%u.%u, neither completed nor anywhere else", copy->id,
                   copy->generation.redrives, copy->generation.attempt, copy->generation.deferrals);
}

void check_settling(struct world *world, const struct worker *worker, const struct slot *slot,
                    const struct job_action *action)
{
        const struct spec *spec = &world->specs[slot->id];
        if (action->epoch != worker->epoch || !worker->connected) {
                world_fail(world, "I4", "id %u settles tag %u of an old connection", slot->id,
                           (unsigned)action->tag);
                return;
        }
        bool owner = world->store.records[slot->id].owner == slot->owner;
        if (action->kind == ACTION_RETURN && (owner || slot->send >= 0))
                world_fail(world, "I5", "id %u is returned after it was started", slot->id);
        if (action->kind == ACTION_REJECT && !spec->unencodable)
                world_fail(world, "I5", "id %u is rejected though a copy can be made", slot->id);
        if (action->kind != ACTION_ACK || !worker->broker_open)
                return;
        for (uint32_t i = 0; i < world->copy_count; i++) {
                struct copy *copy = &world->copies[i];
                if (copy->place == COPY_UNACKED && copy->worker == worker_number(world, worker) &&
                    copy->epoch == action->epoch && copy->tag == action->tag) {
                        copy->acking = true;
                        copy->excused |= slot->copy_lost;
                        copy->second = slot->claim.claim == CLAIM_FIRST;
                        check_ack(world, copy, "I1");
                }
        }
}

/* I11: it is a retry, but after the last attempt the service is asked before the job dies of it. */
static void check_after_unheard(struct world *world, const struct slot *slot)
{
        const struct spec *spec = &world->specs[slot->id];
        const struct job *job = &slot->job;
        if (slot->run < 0 || !world->runs[slot->run].unheard || !job->copyable)
                return;
        bool last = job->generation.attempt + 1 >= spec->attempts_max;
        enum job_decision_kind right = !last ? DECISION_RETRY : spec->lookup ? DECISION_DEFER : DECISION_DEAD;
        bool parks = job->decision.reason == REASON_AMBIGUOUS_SEND && spec->park;
        if (job->decision.kind != right && !parks)
                world_fail(world, "I11", "id %u: attempt %u ended ambiguously, and what follows is %s",
                           slot->id, job->generation.attempt, job_decision_word(job->decision.kind));
}

void check_publish(struct world *world, const struct worker *worker, const struct slot *slot)
{
        const struct job *job = &slot->job;
        if (job->phase == JOB_DELAYING)
                return;
        check_after_unheard(world, slot);
        struct job_generation copy = job_decision_generation(job);
        bool retry = job->decision.kind == DECISION_RETRY;
        if (copy.attempt != job->generation.attempt + retry || copy.redrives != job->generation.redrives)
                world_fail(world, "I3", "id %u: %s makes attempt %u of %u", slot->id,
                           job_decision_word(job->decision.kind), copy.attempt, job->generation.attempt);
        if (copy.attempt >= job->attempts_max && retry)
                world_fail(world, "I3", "id %u: attempt %u is one too many", slot->id, copy.attempt);
        if (job->recorded && engine_now(world, worker) > job->lease_until_ms)
                world_fail(world, "zombie publish", "id %u is published under a lease that ran out",
                           slot->id);
        const struct store_record *record = &world->store.records[slot->id];
        if (job->recorded && record->state == STATE_RUNNING && record->owner == slot->owner &&
            record->decision == 0 && !world->tainted[slot->id])
                world_fail(world, "decision", "id %u is published before its decision is recorded", slot->id);
}

static bool burnt(const struct world *world, uint8_t id, uint32_t redrives, uint32_t attempt)
{
        return world->burnt[id] >> (attempt % 8 + 8 * (redrives % 8)) & 1;
}

/* A crash loop needs as many starts without an end; poison of others may have been beside only one. */
static void check_crash_loop(struct world *world, const struct copy *copy)
{
        uint32_t unended = 0, beside = 0;
        for (uint32_t i = 0; i < world->run_count; i++) {
                const struct run *run = &world->runs[i];
                if (run->id != copy->id || run->ended || !run->start ||
                    job_generation_compare(run->generation, copy->generation) != 0)
                        continue;
                unended += run->crashed || run->frozen || run->cut || run->orphan;
                beside += run->beside_poison && !run->forced && !run->frozen && !run->cut && !run->orphan;
        }
        world->tally->crash_loops++;
        if (world->tainted[copy->id] || world->plan_deaths[copy->id] >= world->max_crashes)
                return;
        if (unended < world->max_crashes)
                world_fail(world, "crash loop", "id %u has %u starts without an end", copy->id, unended);
        if (beside > 1)
                world_fail(world, "crash loop", "id %u was beside poison %u times", copy->id, beside);
}

/* Had the service that was asked forgotten it, or was it not to be reached? */
static bool is_in_doubt(const struct world *world, uint8_t id)
{
        return world->unreachable || world->specs[id].look_limits.keeps_ms < KEEP_MS;
}

static void check_reason(struct world *world, const struct copy *copy)
{
        const struct spec *spec = &world->specs[copy->id];
        bool right = false;
        switch (copy->reason) {
        case REASON_ATTEMPTS_EXHAUSTED:
                right = copy->generation.attempt + 1 >= spec->attempts_max &&
                        burnt(world, copy->id, copy->generation.redrives, copy->generation.attempt);
                break;
        case REASON_PERMANENT_FAILURE:
                right = spec->permanent;
                break;
        case REASON_CRASH_LOOP:
                check_crash_loop(world, copy);
                right = true;
                break;
        case REASON_AMBIGUOUS_SEND:
                right = spec->park || (spec->lookup && is_in_doubt(world, copy->id));
                world->tally->parked++;
                break;
        case REASON_ID_CONFLICT:
                right = world->conflict_told[copy->id][copy->content];
                break;
        case REASON_UNKNOWN_TYPE:
                right = copy->reason == spec->bad_envelope &&
                        (!spec->named || world->now_ms >= spec->grace_ms);
                break;
        case REASON_TOO_LARGE:
                right = spec->unencodable && spec->due_ms > 0;
                break;
        case REASON_MISSING_ID:
        case REASON_MISSING_TYPE:
        case REASON_BAD_PAYLOAD:
                right = copy->reason == spec->bad_envelope || copy->reason == spec->bad_payload;
                break;
        case REASON_NONE:
        case REASON_BAD_ID:
        case REASON_UNSUPPORTED_ENCODING:
        case REASON_EXPIRED:
        case REASON_REJECTED:
        case REASON_BAD_PLAN:
        case REASON_DELIVERY_LIMIT:
        case REASON_BROKER_EXPIRED:
        case REASON_MAX_LENGTH:
        case REASON_COUNT:
                break;
        }
        if (!right)
                world_fail(world, "ledger", "id %u is dead-lettered %s, which is not so", copy->id,
                           reason_word(copy->reason));
}

void check_copy(struct world *world, const struct copy *copy, const struct happening *source)
{
        if (source->index == DECISION_RETRY &&
            !burnt(world, copy->id, copy->generation.redrives, copy->generation.attempt - 1))
                world_fail(world, "I3", "id %u: attempt %u burnt without a failed try", copy->id,
                           copy->generation.attempt - 1);
        if (source->index == DECISION_DEAD)
                check_reason(world, copy);
}

/* Were all its copies lost by an operator's tool, and was none sent since? */
static bool is_given_up(const struct world *world, uint8_t id)
{
        for (uint32_t i = 0; i < world->copy_count; i++)
                if (world->copies[i].id == id && world->copies[i].place == COPY_GONE &&
                    world->copies[i].content == world->store.records[id].fingerprint &&
                    !world->copies[i].excused)
                        return false;
        return world->purged[id];
}

/* A worker that was frozen, or its request that was late, took a job for new that had died meanwhile, and
 * came to no end. Nobody runs it, but its letter is where it was. */
static bool is_revived_by_a_ghost(const struct world *world, uint8_t id)
{
        const struct store_record *record = &world->store.records[id];
        const struct run *run = world->owner_run[id] < 0 ? NULL : &world->runs[world->owner_run[id]];
        bool ghost = run && run->revived && record->state == STATE_RUNNING;
        for (uint32_t i = 0; ghost && i < world->copy_count; i++)
                if (world->copies[i].id == id && world->copies[i].content == record->fingerprint &&
                    (world->copies[i].place == COPY_DEAD || world->purged[id]))
                        return true;
        return false;
}

static void check_record(struct world *world, uint8_t id)
{
        const struct store_record *record = &world->store.records[id];
        bool ended = record->state != STATE_RUNNING && record->state != STATE_RETRYING &&
                     record->state != STATE_SCHEDULED;
        if (!ended && !world->tainted[id] && !is_given_up(world, id) && !is_revived_by_a_ghost(world, id))
                world_fail(world, "ledger", "the record of id %u is left %s", id,
                           store_state_word(record->state));
}

/* Was it acked for another of its messages, which came second later on? */
static bool was_kept_until_second(const struct world *world, const struct copy *copy)
{
        for (uint32_t i = 0; i < world->copy_count; i++) {
                const struct copy *other = &world->copies[i];
                if (other->id == copy->id && other->content == copy->content && other->place == COPY_GONE &&
                    other->second && other->gone > copy->gone)
                        return true;
        }
        return false;
}

/* Was it acked for a copy of the same generation (checked then), which was acked in its turn for what an
 * operator's tool lost? */
static bool was_kept_as_a_copy(const struct world *world, const struct copy *copy)
{
        for (uint32_t i = 0; i < world->copy_count; i++) {
                const struct copy *other = &world->copies[i];
                if (other != copy && other->id == copy->id && other->content == copy->content &&
                    other->place == COPY_GONE && other->excused &&
                    job_generation_compare(other->generation, copy->generation) == 0)
                        return true;
        }
        return false;
}

/* Nothing moves any more: every published message must have one accounted end. */
void check_rest(struct world *world)
{
        for (uint32_t i = 0; i < world->copy_count; i++) {
                const struct copy *copy = &world->copies[i];
                if (copy->place < COPY_DEAD)
                        world_fail(world, "livelock", "a copy of id %u is stuck", copy->id);
                else if (copy->place == COPY_GONE && !was_kept_as_a_copy(world, copy) &&
                         !was_kept_until_second(world, copy))
                        check_ack(world, copy, "lost");
        }
        for (uint32_t i = 0; i < world->worker_count; i++)
                for (int k = 0; k < SLOTS_MAX; k++)
                        if (world->workers[i].slots[k].used)
                                world_fail(world, "leak", "id %u is left %s", world->workers[i].slots[k].id,
                                           job_phase_word(world->workers[i].slots[k].job.phase));
        for (uint8_t id = 0; id < world->id_count; id++)
                check_record(world, id);
}
