#include "handler.h"
#include "world.h"

#include "core/message/own_headers.h"
#include "core/send/mail_look.h"

#include <string.h>

/* The laws of SPEC section 2 and the ledger of section 1, judged with what only the world can know. */

static struct run *owner_run(uint8_t id)
{
        return world.owner_run[id] < 0 ? NULL : &world.runs[world.owner_run[id]];
}

int16_t check_run_of(uint8_t id, uint32_t owner)
{
        for (int i = (int)world.run_count - 1; i >= 0; i--)
                if (world.runs[i].id == id && world.runs[i].owner == owner)
                        return (int16_t)i;
        return -1;
}

/* Does the delivery that asked still want this claim's answer? */
static bool still_claims(const struct call *call)
{
        const struct process *process = call->process;
        if (!process->alive || process->incarnation != call->incarnation || !process->engine)
                return false;
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, &process->engine->inflight.all, all)
        {
                if (strcmp(delivery->owner, world.owners[call->request.owner - 1]) == 0)
                        return delivery->job.phase == JOB_CLAIMING;
        }
        return false;
}

static int16_t run_new(const struct call *call)
{
        const struct process *process = call->process;
        if (world.run_count == RUNS_MAX) {
                world_fail("livelock", "more than %d claims granted", RUNS_MAX);
                return 0;
        }
        int16_t index = (int16_t)world.run_count++;
        bool is_new = call->request.script != STORE_CLAIM || call->reply.claim == CLAIM_NEW;
        world.runs[index] = (struct run){
                .id = call->request.id,
                .content = (uint8_t)call->request.fingerprint,
                .process = call->process,
                .incarnation = call->incarnation,
                .owner = call->request.owner,
                .claimed_ms = call->sent_ms,
                .generation = is_new ? call->request.generation : call->reply.generation,
                .crashed = !process->alive || process->incarnation != call->incarnation,
                .frozen = process->frozen,
                .start = true,
                .quick = call->request.quick,
                .cut = call->reply_lost || !process->store,
                .orphan = !still_claims(call),
        };
        return index;
}

/* The asker owns the job: in a run of its own, unless the store has only forgotten that it did. */
static void grant(const struct call *call)
{
        uint8_t id = call->request.id;
        int16_t known = check_run_of(id, call->request.owner);
        world.owner_run[id] = known >= 0 && world.owner_run[id] < 0 ? known : run_new(call);
        if (call->request.script == STORE_CLAIM)
                world.runs[world.owner_run[id]].start =
                        call->reply.claim != CLAIM_CRASHED && call->reply.decision == 0;
}

/* A letter that somebody moved, and a message that was sent again after its job died, are carried out. */
static void check_revival(const struct call *call, const struct store_record *before)
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
                world_fail("moved", "id %u was moved or sent again, and is not carried out", request->id);
}

/* A message takes over from a greater one only if that has not come in time. */
static void check_succession(const struct call *call, const struct store_record *before)
{
        const struct store_request *request = &call->request;
        bool waits = before->state == STATE_RETRYING || before->state == STATE_SCHEDULED;
        bool succeeds = call->reply.claim == CLAIM_RESUMED && waits &&
                        job_generation_compare(request->generation, before->generation) < 0;
        for (uint32_t i = 0; succeeds && !world.tainted[request->id] && i < world.copy_count; i++) {
                const struct copy *copy = &world.copies[i];
                if (copy->id == request->id && copy->content == request->fingerprint &&
                    copy->place == COPY_TIER &&
                    job_generation_compare(copy->generation, before->generation) >= 0)
                        world_fail("succession", "id %u is taken over though its copy waits", request->id);
        }
}

/* Whoever cancelled the job was told that nobody begins it any more. */
static void check_not_cancelled(uint8_t id, uint32_t content, const char *what)
{
        if (world.cancelled[id][content] && !world.tainted[id])
                world_fail("cancel", "id %u is %s though it was cancelled", id, what);
}

void check_cancel(uint8_t id, bool cancelled)
{
        const struct run *run = owner_run(id);
        if (!cancelled)
                return;
        if (run && !run->ended && !world.tainted[id])
                world_fail("cancel", "id %u is cancelled though it runs", id);
        world.cancelled[id][world.store.records[id].fingerprint] = true;
}

void check_heard(const struct call *call, enum claim_answer answer)
{
        int16_t run = check_run_of(call->request.id, call->request.owner);
        bool takes = answer == CLAIM_NEW || answer == CLAIM_RESUMED || answer == CLAIM_CRASHED ||
                     answer == CLAIM_MINE;
        if (takes && run >= 0)
                world.runs[run].heard = true;
}

/* Whoever works on a job keeps its lease, whatever it waits for. */
static void check_lease_kept(const struct call *call, const struct store_record *before)
{
        uint8_t id = call->request.id;
        const struct run *last = owner_run(id);
        bool ran_out = before->state == STATE_RUNNING && before->owner != 0 &&
                       before->lease_until_ms <= world.store.now_ms;
        if (!last || last->ended || (last->quick && !last->heard) || world.tainted[id] || !ran_out ||
            before->owner != last->owner)
                return;
        if (!last->crashed && !last->frozen && !last->cut && !last->orphan)
                world_fail("lease", "the lease of id %u ran out while its worker was well", id);
}

static bool is_first_wins(uint8_t id)
{
        const struct spec *spec = &world.specs[id];
        int type = spec->planned ? PLANNED_HANDLER : !spec->park;
        bool known = spec->bad != REASON_MISSING_TYPE && spec->bad != REASON_UNKNOWN_TYPE;
        return known && world.config.handlers[type].on_conflict == ON_CONFLICT_FIRST;
}

static void check_claim(const struct call *call, const struct store_record *before)
{
        uint8_t id = call->request.id;
        struct run *last = owner_run(id);
        check_lease_kept(call, before);
        check_revival(call, before);
        check_succession(call, before);
        switch (call->reply.claim) {
        case CLAIM_NEW:
        case CLAIM_RESUMED:
        case CLAIM_CRASHED:
                check_not_cancelled(id, call->request.fingerprint, "taken");
                if (last && last->owner == call->request.owner) { /* asked again */
                        last->revived |= before->state == STATE_DEAD;
                        last->ended = false; /* a late settlement of another came between */
                        return;
                }
                if (last && !last->ended && !world.tainted[id] &&
                    job_generation_compare(last->generation, call->request.generation) >= 0 &&
                    before->lease_until_ms > world.store.now_ms)
                        world_fail("lease", "id %u granted while another's lease runs", id);
                grant(call);
                owner_run(id)->revived |= before->state == STATE_DEAD;
                return;
        case CLAIM_MINE:
                if (!last || last->owner != call->request.owner)
                        world_fail("lease", "id %u: mine, but it is another's", id);
                else
                        last->claimed_ms = call->sent_ms;
                return;
        case CLAIM_DONE:
                if (!world.completed[id][call->request.fingerprint])
                        world_fail("ledger", "id %u: done, but it never was", id);
                return;
        case CLAIM_CANCELLED:
                if (!world.cancelled[id][call->request.fingerprint])
                        world_fail("ledger", "id %u: cancelled, but it never was", id);
                return;
        case CLAIM_FIRST:
                if (!is_first_wins(id))
                        world_fail("conflict", "id %u is superfluous, and its type is not of that kind", id);
                world.superfluous[id][call->request.fingerprint] = true;
                return;
        case CLAIM_CONFLICT:
                if (is_first_wins(id) && before->state != STATE_DEAD && before->state != STATE_CANCELLED)
                        world_fail("conflict", "id %u is a conflict, and what came first counts", id);
                return;
        case CLAIM_STALE:
        case CLAIM_BUSY:
        case CLAIM_WAITING:
        case CLAIM_DEAD:
        case CLAIM_SUSPECT:
                return;
        }
}

/* How many things of the effect have to be accepted, bit by bit. */
static uint32_t all_items(uint8_t id, int effect)
{
        const struct spec *spec = &world.specs[id];
        return spec->kinds[effect] == EFFECT_PUBLISH ? (1u << spec->batch[effect]) - 1 : 1;
}

/* Whoever can ask the service does, and sends nothing that it has. */
static bool is_asked_for(const struct send *send)
{
        const struct config_outlet *outlet = config_outlet_at(&world.config, send->outlet);
        return outlet && mail_look_policy(outlet) == ON_AMBIGUOUS_LOOKUP;
}

/* Whose send it was matters not where the service was asked. */
static void effect_recorded(const struct call *call)
{
        const struct store_request *request = &call->request;
        uint32_t accepted = 0;
        for (uint32_t i = 0; i < world.send_count; i++) {
                struct send *send = &world.sends[i];
                if (send->id != request->id || send->run < 0 || send->effect + 1 != request->effect ||
                    !send->accepted || send->content != request->fingerprint)
                        continue;
                if (world.runs[send->run].owner != request->owner && !is_asked_for(send))
                        continue;
                accepted |= 1u << send->item;
                send->recorded = true;
        }
        if (accepted != all_items(request->id, request->effect - 1))
                world_fail("ledger", "id %u effect %d recorded, but not all of it was accepted", request->id,
                           request->effect - 1);
}

static void completed(const struct call *call)
{
        uint8_t id = call->request.id, content = (uint8_t)call->request.fingerprint;
        check_not_cancelled(id, content, "completed");
        events_changed(id, content, CHANGE_COMPLETED, world.store.records[id].generation);
        world.completed[id][content] = true;
        world.tally->completed++;
        for (int effect = 0; effect < world.specs[id].effects; effect++) {
                uint32_t accepted = 0;
                for (uint32_t i = 0; i < world.send_count; i++)
                        if (world.sends[i].id == id && world.sends[i].content == content &&
                            world.sends[i].effect == effect && world.sends[i].accepted)
                                accepted |= 1u << world.sends[i].item;
                if (accepted != all_items(id, effect))
                        world_fail("ledger", "id %u completed, but effect %d was not sent", id, effect);
        }
}

/* The record knows now which tries ended ambiguously. */
static void tell_ambiguous(const struct store_request *request)
{
        for (uint32_t i = 0; i < world.send_count; i++) {
                struct send *send = &world.sends[i];
                if (send->id == request->id && send->run >= 0 &&
                    world.runs[send->run].owner == request->owner && send->over &&
                    request->tries[send->effect].told && request->tries[send->effect].ambiguous)
                        send->told |= send->outcome == SEND_AMBIGUOUS;
        }
}

static void check_settled(const struct store_request *request)
{
        if (request->rejected)
                return;
        for (uint32_t i = 0; i < world.copy_count; i++)
                if (world.copies[i].id == request->id && world.copies[i].content == request->fingerprint &&
                    job_generation_compare(world.copies[i].generation, request->copy) == 0)
                        return;
        world_fail("I3", "id %u counts attempt %u without a copy", request->id, request->copy.attempt);
}

void check_answer(const struct call *call, const struct store_record *before)
{
        const struct store_request *request = &call->request;
        uint8_t id = request->id;
        if (request->script == STORE_CLAIM) {
                check_claim(call, before);
                return;
        }
        if (call->reply.lease == LEASE_LOST)
                return;
        if (request->script == STORE_COMPLETE && before->state == STATE_COMPLETED &&
            before->fingerprint == request->fingerprint)
                return;
        if (world.owner_run[id] < 0)
                grant(call);
        struct run *run = owner_run(id);
        bool carried_out = request->script == STORE_SETTLE && before->decision == request->decision &&
                           job_generation_compare(before->generation, request->generation) == 0;
        if ((run->owner != request->owner && !carried_out) || (run->ended && !world.tainted[id])) {
                world_fail("lease", "id %u: %s answered ok to one who does not own it", id,
                           store_script_word(request->script));
                return;
        }
        if ((request->script == STORE_RECORD && request->sent) ||
            (request->script == STORE_COMPLETE && request->effect))
                effect_recorded(call);
        if (request->script == STORE_COMPLETE)
                completed(call);
        if (request->script == STORE_DECIDE)
                tell_ambiguous(request);
        if (request->script == STORE_SETTLE)
                check_settled(request);
        run->ended |= request->script == STORE_COMPLETE || request->script == STORE_SETTLE;
}

/* ---- sends ---- */

void check_send(const struct process *process, uint8_t id, uint32_t owner)
{
        const struct store_record *record = &world.store.records[id];
        int16_t run = check_run_of(id, owner);
        if (run < 0)
                world_fail("I2", "id %u is sent without a claim", id);
        else if (!world.runs[run].start)
                world_fail("crash loop", "id %u is sent though it is to die", id);
        if (loop_clock_ms + WALL_START_MS < world.specs[id].due_ms)
                world_fail("I8", "id %u is sent before its time", id);
        if (process->engine->life.stage == STAGE_ENDED)
                world_fail("end", "id %u is sent by a worker that has ended", id);
        if (world.tainted[id])
                return;
        if (record->owner != owner)
                world_fail("I2", "id %u is sent by one who does not own it", id);
        else if (record->lease_until_ms - store_now() < SEND_LIMIT_MS)
                world_fail("I2", "id %u is sent under a lease that ends before the send may", id);
}

/* I11: nothing is sent in an attempt that is over, however long the service that is asked takes to answer. */
void check_attempt(const struct send *send)
{
        if (send->run < 0 || world.tainted[send->id])
                return;
        const struct job_generation *now = &world.runs[send->run].generation;
        for (uint32_t i = 0; i < world.run_count; i++) {
                const struct run *run = &world.runs[i];
                if (run->id == send->id && run->content == send->content && run->ended &&
                    run->unheard >> send->effect & 1 && run->generation.redrives == now->redrives &&
                    run->generation.attempt == now->attempt)
                        world_fail("I11", "id %u effect %u is sent in attempt %u, which is over", send->id,
                                   send->effect, now->attempt);
        }
}

/* ---- plans of planners ---- */

/* Nothing is sent but of the plan that is recorded, and what was accepted is all of one plan. */
void check_plan(const struct send *send)
{
        const struct store_record *record = &world.store.records[send->id];
        if (!world.specs[send->id].planned || world.tainted[send->id])
                return;
        if (record->plan == 0 || world.plans[record->plan - 1].version != send->version)
                world_fail("I9", "id %u effect %u is sent of plan %u, which is not the recorded one",
                           send->id, send->effect, send->version);
        for (uint32_t i = 0; i < world.send_count; i++) {
                const struct send *earlier = &world.sends[i];
                bool counts = earlier->accepted || !world.plan_lost[send->id];
                if (counts && earlier->id == send->id && earlier->content == send->content &&
                    earlier->version != send->version)
                        world_fail("plan", "id %u is sent of plan %u, and was of plan %u", send->id,
                                   send->version, earlier->version);
        }
}

/* Whoever owns a job whose plan is there reads it. */
void check_question(const struct process *process, uint8_t id, const void *context)
{
        const struct store_record *record = &world.store.records[id];
        const struct delivery *delivery = context;
        bool owns = record->owner == store_owner(slice_of(delivery->owner));
        if (process->engine->life.stage == STAGE_ENDED)
                world_fail("end", "id %u is planned by a worker that has ended", id);
        if (owns && record->plan && world.plan_text[id] && !world.plan_lost[id] && !world.tainted[id])
                world_fail("plan", "id %u is planned again, and its plan is recorded", id);
}

static const struct type_planner *planner_of(const struct process *process)
{
        return process->engine->planner_count ? process->engine->planners[0] : NULL;
}

/* A planner that fails is the job's fault, unless it fails for others, too. */
void check_unplanned(const struct process *process, uint8_t id, enum planner_end end, const void *context)
{
        const struct delivery *delivery = context;
        bool failed = end == PLANNER_LATE || end == PLANNER_FAILED;
        if (delivery->job.phase != JOB_PLANNING)
                world_fail("planner", "an answer comes for id %u, which is not planned", id);
        if (failed && planner_of(process)->breaker.state == BREAKER_CLOSED)
                check_burnt(id, delivery->job.generation);
        world.plan_deaths[id] += end == PLANNER_DIED;
}

static bool tells_of_deaths(const struct store_decision *decision)
{
        for (size_t i = 0; i + 1 < decision->try_count; i += 2)
                if (slice_is(decision->tries[i], "plan_deaths"))
                        return true;
        return false;
}

/* A planner that died costs no try but is remembered, one that was late or failed does, but for an outage. */
static void check_unplanned_end(const struct process *process, const struct store_decision *decision)
{
        enum job_decision_kind kind = decision->decision.kind;
        bool outage = planner_of(process)->breaker.state != BREAKER_CLOSED;
        bool died = world.unplanned.end == PLANNER_DIED;
        if (kind == DECISION_DEAD || outage)
                return;
        if (kind != (died ? DECISION_DEFER : DECISION_RETRY))
                world_fail("planner", "id %u: %s after a planner %s", world.unplanned.id,
                           job_decision_word(kind), died ? "died" : "failed");
        if (died && !tells_of_deaths(decision))
                world_fail("planner", "nobody records that a planner died of id %u", world.unplanned.id);
}

/* The window of SPEC section 1 that explains why both mails went out, or 0. `earlier` was accepted before. */
static char window(const struct send *earlier, const struct send *later)
{
        const struct run *first = &world.runs[earlier->run], *second = &world.runs[later->run];
        if (world.tainted[earlier->id])
                return 'C';
        if (earlier->run == later->run)
                return 0;
        if (world.specs[earlier->id].park) { /* only an operator may have it sent again */
                bool redriven = second->generation.redrives != first->generation.redrives;
                return redriven && world.redriven[earlier->id] ? 'A' : 0;
        }
        if (later->zombie)
                return later->frozen_inside ? 'B' : 0;
        if (earlier->zombie)
                return earlier->frozen_inside ? 'B' : 0;
        if (earlier->recorded)
                return 0;
        if (earlier->frozen_inside)
                return 'B';
        if (is_asked_for(earlier) && earlier->outlet == later->outlet)
                return 0;
        bool unknown = earlier->ambiguous || earlier->crashed || earlier->frozen_after || earlier->cut_after;
        return unknown ? 'A' : 0;
}

static void check_twice(const struct send *send)
{
        for (uint32_t i = 0; i < world.send_count; i++) {
                const struct send *other = &world.sends[i];
                if (other == send || !other->accepted || other->id != send->id ||
                    other->content != send->content || other->effect != send->effect || other->run < 0)
                        continue;
                char why = window(other, send);
                if (why == 0)
                        world_fail("sent twice", "id %u effect %u: no window explains it", send->id,
                                   send->effect);
                else
                        world.tally->windows[why - 'A']++;
                NOTE("duplicate in window %c", why ? why : '-');
        }
}

void check_accept(struct send *send)
{
        const struct process *process = send->process;
        const struct run *owner = owner_run(send->id);
        send->accepted = true;
        if (send->run < 0)
                return; /* it has failed already */
        enum effect_kind kind = world.specs[send->id].kinds[send->effect];
        send->zombie = !owner || owner->owner != world.runs[send->run].owner;
        send->frozen_after |= process->frozen && process->incarnation == send->incarnation;
        NOTE("ACCEPTED id %u content %u effect %u by w%d%s", send->id, send->content, send->effect,
             process_number(process), send->zombie ? " (zombie)" : "");
        world.tally->sent[kind]++;
        if (kind == EFFECT_PUBLISH) /* the ids make a repetition a duplicate, whoever sent it */
                return;
        world.tally->zombies += send->zombie;
        if (send->zombie && !send->frozen_inside && !world.tainted[send->id])
                world_fail("I2", "id %u effect %u sent by one who lost the job", send->id, send->effect);
        check_twice(send);
}

/* Is it known for certain that the service did not take it? */
static bool surely_refused(const struct send *send)
{
        bool definite = send->outcome == SEND_TRANSIENT || send->outcome == SEND_PERMANENT ||
                        send->outcome == SEND_CONFIG;
        return send->over && definite && !send->accepted;
}

/* A worker that died is taken to have sent nothing once its outlet has given a definite answer. That a try
 * ended ambiguously, once it is recorded, no refusal undoes. */
static bool is_answered_since(const struct send *earlier)
{
        for (const struct send *send = earlier + 1; send < world.sends + world.send_count; send++)
                if (send->id == earlier->id && send->content == earlier->content &&
                    send->effect == earlier->effect && send->outlet == earlier->outlet &&
                    surely_refused(send))
                        return !earlier->told;
        return false;
}

/* Another service would not know it for the same mail. */
void check_one_outlet(const struct send *send)
{
        for (uint32_t i = 0; i < world.send_count && !world.tainted[send->id]; i++) {
                const struct send *earlier = &world.sends[i];
                if (earlier != send && earlier->id == send->id && earlier->content == send->content &&
                    earlier->effect == send->effect && earlier->outlet != send->outlet &&
                    !surely_refused(earlier) && !earlier->missed && !is_answered_since(earlier))
                        world_fail("fallback",
                                   "id %u effect %u leaves by a second outlet after a try that may "
                                   "have been accepted",
                                   send->id, send->effect);
        }
}

void check_fallback(const struct send *send)
{
        const struct store_record *record = &world.store.records[send->id];
        const struct run *owner = owner_run(send->id);
        world.tally->fallbacks++;
        NOTE("id %u effect %u falls back to outlet %u", send->id, send->effect, send->outlet);
        if (world.tainted[send->id] || send->run < 0 || owner != &world.runs[send->run])
                return;
        if (record->tries[send->effect].outlet != send->outlet + 1)
                world_fail("I7", "id %u effect %u leaves by outlet %u, and outlet %d is recorded", send->id,
                           send->effect, send->outlet, record->tries[send->effect].outlet - 1);
}

/* ---- settling ---- */

/* May a later letter of the id be of an earlier redrive: because nothing remembers how many there were? */
static bool forgets_redrives(uint8_t id)
{
        return world.tainted[id] || world.specs[id].no_id || world.conflicted[id];
}

/* Does the message of `gone` live on in `other`? */
static bool covers(const struct copy *other, const struct copy *gone)
{
        if (other == gone || other->id != gone->id || other->content != gone->content)
                return false;
        if (other->place == COPY_DEAD)
                return other->generation.redrives >= gone->generation.redrives || forgets_redrives(gone->id);
        return other->place <
               COPY_DEAD; /* whatever its generation: the lesser of two is not lost, it waits */
}

void check_ack(const struct copy *copy, const char *check)
{
        if (world.completed[copy->id][copy->content] || world.dropped[copy->id][copy->content] ||
            world.cancelled[copy->id][copy->content] || world.superfluous[copy->id][copy->content] ||
            copy->excused)
                return;
        for (uint32_t i = 0; i < world.copy_count; i++)
                if (covers(&world.copies[i], copy))
                        return;
        world_fail(check, "id %u acked as %u.%u.%u, neither completed nor anywhere else", copy->id,
                   copy->generation.redrives, copy->generation.attempt, copy->generation.deferrals);
}

void check_settling(const struct connection *connection, const struct copy *copy, uint32_t owner,
                    enum settling how)
{
        const struct spec *spec = &world.specs[copy->id];
        bool owns = world.store.records[copy->id].owner == owner && !spec->no_id;
        /* Whose claim another has taken over may ask for it again in vain. */
        int16_t run = check_run_of(copy->id, owner);
        bool ran = run >= 0 && run == world.owner_run[copy->id];
        if (how == SETTLE_REQUEUE && (owns || ran))
                world_fail("I5", "id %u is returned after it was started", copy->id);
        if (how == SETTLE_REJECT && !spec->unencodable)
                world_fail("I5", "id %u is rejected though a copy can be made", copy->id);
        if (how == SETTLE_ACK && connection->open)
                check_ack(copy, "I1");
}

/* ---- decisions and copies ---- */

static uint64_t generation_bit(struct job_generation generation)
{
        return (uint64_t)1 << (generation.attempt % 8 + 8 * (generation.redrives % 8));
}

/* A try that is given up for its time is as good as a failed one. */
/* Try n + 1 waits tier n, or one that covers what the service asked for. */
static void check_tier(const struct process *process, const struct store_identity *identity,
                       const struct job_decision *decision)
{
        const struct config_queue *queue = &process->config.queues[0]; /* all have the same tiers */
        uint32_t last = (uint32_t)queue->tier_count - 1, attempt = identity->generation.attempt;
        int tier = (int)(attempt < last ? attempt : last);
        if (decision->kind == DECISION_RETRY && !decision->reject && decision->tier != tier &&
            queue->tiers_ms[tier] >= decision->delay_min_ms)
                world_fail("tier", "id %c: try %u waits tier %d in place of %d", identity->id.data[1],
                           attempt + 2, decision->tier + 1, tier + 1);
}

/* A type's own number of tries goes before its queue's. */
static void check_attempts(const struct config_handler *settings, const struct store_identity *identity,
                           enum job_decision_kind kind)
{
        uint8_t id = (uint8_t)(identity->id.data[1] - '0');
        int64_t queue = world.config.queues[world.specs[id].queue].attempts;
        int64_t most = settings && settings->attempts > 0 ? settings->attempts : queue;
        int64_t tries = (int64_t)identity->generation.attempt + 1;
        bool early = kind == DECISION_DEAD && tries < most && !world.specs[id].unencodable;
        if (early || (kind == DECISION_RETRY && tries >= most))
                world_fail("attempts", "id %u: after try %d of %d the decision is %s", id, (int)tries,
                           (int)most, job_decision_word(kind));
}

static int64_t attempts_of(const struct spec *spec)
{
        const struct config *config = &world.config;
        int type = spec->planned ? PLANNED_HANDLER : !spec->park;
        int64_t own = config->handlers[type].attempts;
        return own > 0 ? own : config->queues[spec->queue].attempts;
}

/* I11: an attempt that ended ambiguously is followed by the next; after the last one the service is asked
 * before the job dies of it. */
static void check_after_unheard(struct run *run, const struct job_decision *decision)
{
        const struct spec *spec = &world.specs[run->id];
        if (run->unheard && run->unheard_by->breaker.state != BREAKER_CLOSED)
                run->unheard = 0; /* the service's fault: nothing is burnt */
        bool last = run->generation.attempt + 1 >= attempts_of(spec);
        enum job_decision_kind right = !last ? DECISION_RETRY : run->can_ask ? DECISION_DEFER : DECISION_DEAD;
        bool parks = decision->reason == REASON_AMBIGUOUS_SEND && spec->park;
        if (run->unheard && decision->kind != right && !parks && !spec->unencodable)
                world_fail("I11", "id %u: attempt %u ended ambiguously, and what follows is %s", run->id,
                           run->generation.attempt, job_decision_word(decision->kind));
}

void check_decide(const struct process *process, const struct store_identity *identity,
                  const struct store_decision *decision)
{
        uint8_t id = (uint8_t)(identity->id.data[1] - '0');
        check_tier(process, identity, &decision->decision);
        if (world.unplanned.told)
                check_unplanned_end(process, decision);
        int16_t run = check_run_of(id, store_owner(identity->owner));
        if (run >= 0)
                check_after_unheard(&world.runs[run], &decision->decision);
        bool tries = decision->decision.kind == DECISION_RETRY ||
                     decision->decision.reason == REASON_ATTEMPTS_EXHAUSTED;
        if (!tries || run < 0)
                return;
        const struct config_handler *settings = NULL;
        for (size_t i = 0; i < process->config.handler_count; i++)
                if (slice_is(identity->type, process->config.handlers[i].type))
                        settings = &process->config.handlers[i];
        check_attempts(settings, identity, decision->decision.kind);
        if (settings && world.runs[run].tried &&
            process_clock_ms(process) - world.runs[run].claimed_ms >= settings->timeout_ms)
                world.burnt[id] |= generation_bit(identity->generation);
}

void check_publish(const struct process *process, const struct message *message, const void *context)
{
        const struct delivery *delivery;
        uint8_t id, content;
        TAILQ_FOREACH(delivery, &process->engine->inflight.all, all)
        {
                if (delivery == context)
                        break;
        }
        if (!delivery || !message_read(message, &id, &content)) {
                world_fail("publish", "a copy is published by nobody");
                return;
        }
        const struct job *job = &delivery->job;
        if (job->phase == JOB_DELAYING)
                return;
        struct job_generation copy = job_decision_generation(job);
        if (job->decision.kind == DECISION_RETRY && copy.attempt >= job->attempts_max)
                world_fail("I3", "id %u: attempt %u is one too many", id, copy.attempt);
        if (job->recorded && process_clock_ms(process) > job->lease_until_ms)
                world_fail("zombie publish", "id %u is published under a lease that ran out", id);
        const struct store_record *record = &world.store.records[id];
        if (job->recorded && record->state == STATE_RUNNING &&
            record->owner == store_owner(slice_of(delivery->owner)) && record->decision == 0 &&
            !world.tainted[id])
                world_fail("decision", "id %u is published before its decision is recorded", id);
}

void check_burnt(uint8_t id, struct job_generation generation)
{
        world.burnt[id] |= generation_bit(generation);
}

static bool burnt(uint8_t id, struct job_generation generation)
{
        return world.burnt[id] & generation_bit(generation);
}

/* A crash loop needs as many starts without an end; poison of others may have been beside only one. */
static void check_crash_loop(const struct copy *copy)
{
        uint32_t unended = 0, beside = 0;
        for (uint32_t i = 0; i < world.run_count; i++) {
                const struct run *run = &world.runs[i];
                if (run->id != copy->id || run->ended || !run->start ||
                    job_generation_compare(run->generation, copy->generation) != 0)
                        continue;
                unended += run->crashed || run->frozen || run->cut || run->orphan;
                beside += run->beside_poison && !run->forced && !run->frozen && !run->cut && !run->orphan;
        }
        world.tally->crash_loops++;
        if (world.tainted[copy->id])
                return;
        if (unended < (uint32_t)world.config.claim.max_crashes)
                world_fail("crash loop", "id %u has %u starts without an end", copy->id, unended);
        if (beside > 1)
                world_fail("crash loop", "id %u was beside poison %u times", copy->id, beside);
}

/* Whether anything of it may have left: until then another plan may take the place of one that is lost. */
static bool has_begun(const struct copy *copy)
{
        const struct store_record *record = &world.store.records[copy->id];
        bool begun = copy->generation.attempt > 0 || copy->generation.redrives > 0 || record->intents ||
                     record->effects || record->doubt_ms > 0;
        for (uint32_t i = 0; i < world.run_count; i++)
                begun |= world.runs[i].id == copy->id && world.runs[i].tried;
        for (uint32_t i = 0; i < world.send_count; i++)
                begun |= world.sends[i].id == copy->id;
        return begun;
}

static void check_reason(const struct copy *copy)
{
        const struct spec *spec = &world.specs[copy->id];
        bool right = copy->reason != REASON_NONE && copy->reason == spec->bad;
        if (copy->reason == REASON_ATTEMPTS_EXHAUSTED)
                right = copy->generation.attempt + 1 >= attempts_of(spec) &&
                        burnt(copy->id, copy->generation);
        if (copy->reason == REASON_PERMANENT_FAILURE)
                right = spec->permanent;
        if (copy->reason == REASON_CRASH_LOOP) {
                if (world.plan_deaths[copy->id] < (uint32_t)world.config.claim.max_crashes)
                        check_crash_loop(copy);
                right = true;
        }
        if (copy->reason == REASON_BAD_PLAN)
                right = world.plan_refusals[copy->id] & 1 || world.tainted[copy->id] ||
                        (world.plan_lost[copy->id] && has_begun(copy));
        if (copy->reason == REASON_REJECTED && world.plan_refusals[copy->id] & 2)
                right = true;
        if (copy->reason == REASON_AMBIGUOUS_SEND) {
                right = spec->park;
                world.tally->parked++;
        }
        if (copy->reason == REASON_ID_CONFLICT)
                right = world.conflicted[copy->id];
        if (!right)
                world_fail("ledger", "id %u is dead-lettered %s, which is not so", copy->id,
                           reason_word(copy->reason));
}

static bool generation_is_known(const struct copy *copy)
{
        for (uint32_t i = 0; i < world.copy_count; i++)
                if (world.copies[i].id == copy->id && world.copies[i].content == copy->content &&
                    job_generation_compare(world.copies[i].generation, copy->generation) == 0)
                        return true;
        for (uint32_t i = 0; i < world.run_count; i++) /* what the store made of it */
                if (world.runs[i].id == copy->id && world.runs[i].content == copy->content &&
                    job_generation_compare(world.runs[i].generation, copy->generation) == 0)
                        return true;
        return false;
}

/* A generation that nobody has seen grew out of the one before it. */
void check_copy(const struct copy *copy, bool dead)
{
        struct job_generation before = copy->generation;
        if (dead)
                check_reason(copy);
        if (generation_is_known(copy))
                return;
        if (dead) {
                world_fail("I3", "id %u is dead in a generation that never was", copy->id);
        } else if (copy->generation.deferrals == 0) {
                before.attempt--;
                if (copy->generation.attempt == 0 || !burnt(copy->id, before))
                        world_fail("I3", "id %u: attempt %u without a failed try before", copy->id,
                                   copy->generation.attempt);
        } else {
                before.deferrals--;
                struct copy last = *copy;
                last.generation = before;
                if (!generation_is_known(&last))
                        world_fail("I3", "id %u: a deferral too many", copy->id);
        }
}

/* ---- rest ---- */

static bool is_indexed(const char *dead_id)
{
        for (uint32_t i = 0; i < world.indexed_count; i++)
                if (strcmp(world.indexed[i], dead_id) == 0)
                        return true;
        return false;
}

/* A message without a record of its own is another death each time that it is delivered. */
static bool is_indexed_otherwise(const struct copy *copy)
{
        bool unrecorded = copy->reason == REASON_MISSING_ID || copy->reason == REASON_ID_CONFLICT;
        for (uint32_t i = 0; i < world.copy_count && unrecorded; i++) {
                const struct copy *other = &world.copies[i];
                if (other->id == copy->id && other->content == copy->content && other->dead_id &&
                    is_indexed(other->dead_id))
                        return true;
        }
        return false;
}

/* Were all its copies lost by an operator's tool, and was none sent since? */
static bool is_given_up(uint8_t id)
{
        for (uint32_t i = 0; i < world.copy_count; i++)
                if (world.copies[i].id == id && world.copies[i].place == COPY_GONE &&
                    world.copies[i].content == world.store.records[id].fingerprint &&
                    !world.copies[i].excused)
                        return false;
        return world.purged[id];
}

/* A worker that was frozen, or its request that was late, took a job for new that had died meanwhile, and
 * came to no end. Nobody runs it, but its letter is where it was. */
static bool is_revived_by_a_ghost(uint8_t id)
{
        const struct store_record *record = &world.store.records[id];
        const struct run *run = owner_run(id);
        bool ghost = run && run->revived && record->state == STATE_RUNNING;
        for (uint32_t i = 0; ghost && i < world.copy_count; i++)
                if (world.copies[i].id == id && world.copies[i].content == record->fingerprint &&
                    (world.copies[i].place == COPY_DEAD || world.purged[id]))
                        return true;
        return false;
}

/* A letter that was moved is in no index, nor is another of the same death. Nor may one be whose worker died
 * before it was written, and whose other copies were purged. */
static bool may_be_unindexed(const struct copy *letter)
{
        if (world.purged[letter->id]) /* and with it who was to write the index */
                return true;
        if (world.superfluous[letter->id][letter->content]) /* when it came again, the first job ran again */
                return true;
        const struct store_record *record = &world.store.records[letter->id];
        if (world.redriven[letter->id] && letter->generation.redrives < record->generation.redrives)
                return true; /* a second letter of a life that was redriven before its worker came back */
        for (uint32_t i = 0; i < world.copy_count; i++)
                if (world.copies[i].moved && strcmp(world.copies[i].dead_id, letter->dead_id) == 0)
                        return true;
        return false;
}

/* What is planned by a planner is carried out as it was, if it is redriven. */
static void check_plan_kept(uint8_t id)
{
        const struct store_record *record = &world.store.records[id];
        if (record->state == STATE_DEAD && record->plan && !world.plan_text[id] && !world.plan_lost[id] &&
            !world.tainted[id])
                world_fail("plan", "id %u is dead, and its plan is gone", id);
}

static void check_record(uint8_t id)
{
        check_plan_kept(id);
        const struct store_record *record = &world.store.records[id];
        bool ended = record->state != STATE_RUNNING && record->state != STATE_RETRYING &&
                     record->state != STATE_SCHEDULED;
        if (!ended && !world.tainted[id] && !is_given_up(id) && !is_revived_by_a_ghost(id))
                world_fail("ledger", "the record of id %u is left %s", id, store_state_word(record->state));
}

/* Nothing moves any more: every published message must have one accounted end. */
void check_rest(void)
{
        for (uint32_t i = 0; i < world.copy_count; i++) {
                const struct copy *copy = &world.copies[i];
                if (copy->place == COPY_GONE)
                        check_ack(copy, "lost");
                else if (copy->place == COPY_DEAD && copy->dead_id && !copy->explained &&
                         !world.tainted[copy->id] && world.indexed_count < INDEXED_MAX &&
                         !is_indexed(copy->dead_id) && !is_indexed_otherwise(copy) && !may_be_unindexed(copy))
                        world_fail("index", "the dead letter of id %u is in no index", copy->id);
        }
        for (uint8_t id = 0; id < world.id_count; id++)
                check_record(id);
        for (uint32_t i = 0; i < world.worker_count; i++)
                process_check_rest(&world.processes[i]);
        events_check_rest();
        ticks_check_rest();
}
