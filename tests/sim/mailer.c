#include "world.h"

#include <assert.h>

static const char *outcome_word(enum send_outcome outcome)
{
        static const char *const words[] = {"sent", "transient", "permanent", "config", "ambiguous"};
        return words[outcome];
}

static bool permanent(const struct world *world, const struct send *send)
{
        return world->specs[send->id].permanent >> send->effect & 1;
}

void mailer_send(struct world *world, struct worker *worker, struct slot *slot)
{
        check_send(world, worker, slot);
        assert(world->send_count < SENDS_MAX);
        slot->send = (int16_t)world->send_count;
        world->sends[world->send_count++] = (struct send){
                .id = slot->id,
                .content = slot->content,
                .effect = slot->job.effect,
                .worker = (uint8_t)worker_number(world, worker),
                .incarnation = worker->incarnation,
                .first = slot->run,
                .run = slot->run,
                .plan = slot->plan,
                .outlet = slot->job.tries[slot->job.effect].outlet,
        };
        struct happening *begin =
                world_later_slot(world, world_latency(world), HAPPEN_SEND_BEGIN, worker, slot);
        begin->index = slot->send;
}

/* Draws how the try will end. */
static void draw(struct world *world, const struct worker *worker, struct send *send)
{
        send->outcome = SEND_DONE;
        if (permanent(world, send)) {
                send->outcome = SEND_PERMANENT;
        } else if (world_fault(world, FAULT_ACCOUNT)) {
                /* the account is refused, in words that are final for a mail or not */
                send->outcome = random_one_in(&world->random, 2) ? SEND_PERMANENT : SEND_CONFIG;
                send->outage = true;
        } else if (world_fault(world, FAULT_REFUSED_ALONE)) {
                send->outcome = SEND_CONFIG;
        } else if (world_fault(world, FAULT_TRANSIENT)) {
                send->outcome = SEND_TRANSIENT;
        } else if (world_fault(world, FAULT_INNOCENT)) {
                send->outcome = SEND_TRANSIENT;
                send->innocent = true;
        } else if (world->now_ms < worker->breaker_until_ms) {
                send->outcome = SEND_TRANSIENT;
                send->outage = true;
        }
}

static void answer(struct world *world, const struct happening *source, int64_t delay_ms, bool fenced)
{
        struct happening *sent = world_later(world, delay_ms, HAPPEN_SENT);
        sent->local = true;
        sent->worker = source->worker;
        sent->incarnation = source->incarnation;
        sent->slot = source->slot;
        sent->serial = source->serial;
        sent->index = source->index;
        sent->flag = fenced;
}

/* The transport looks at the fence once more, then the request leaves. */
static void on_begin(struct world *world, const struct happening *happening)
{
        struct send *send = &world->sends[happening->index];
        struct worker *worker = &world->workers[happening->worker];
        struct slot *slot = engine_slot(world, happening);
        if (!slot)
                return;
        if (engine_now(world, worker) > slot->job.lease_until_ms - SEND_LIMIT_MS) {
                NOTE(world, "w%u id %u: fence passed before the send", happening->worker, send->id);
                send->over = true;
                answer(world, happening, 1, true);
                return;
        }
        draw(world, worker, send);
        send->frozen_inside = false;
        if (world_fault(world, FAULT_FREEZE))
                fault_freeze(world, worker);
        send->begun_ms = world->now_ms;
        struct happening *accept =
                world_later(world, random_between(&world->random, 1, SEND_LIMIT_MS / 2), HAPPEN_ACCEPT);
        accept->worker = happening->worker;
        accept->incarnation = happening->incarnation;
        accept->slot = happening->slot;
        accept->serial = happening->serial;
        accept->index = happening->index;
        /* Either the last byte has left the worker, or it has yet to be written by it. */
        accept->local = random_one_in(&world->random, 2);
}

/* The earlier send that the service takes this one for a repetition of, or NULL. */
static struct send *known_by_key(struct world *world, const struct send *send)
{
        int64_t key_ms = world->specs[send->id].look_limits.key_ms;
        for (uint32_t i = 0; i < world->send_count; i++) {
                struct send *other = &world->sends[i];
                if (other->accepted && other->id == send->id && other->content == send->content &&
                    other->effect == send->effect && other->outlet == send->outlet &&
                    world->now_ms - other->accepted_ms <= key_ms)
                        return other;
        }
        return NULL;
}

static void on_accept(struct world *world, const struct happening *happening)
{
        struct send *send = &world->sends[happening->index];
        bool unheard = false;
        if (send->outcome == SEND_DONE) {
                struct send *known = known_by_key(world, send);
                unheard = world_fault(world, FAULT_AMBIGUOUS);
                if (known)
                        known->run = send->run;
                else if (!unheard || random_one_in(&world->random, 2)) {
                        send->accepted = true;
                        send->accepted_ms = world->now_ms;
                        world->tally->mails++;
                        check_accept(world, send);
                }
                if (unheard)
                        send->outcome = SEND_AMBIGUOUS;
        }
        answer(world, happening, world_latency(world), false);
}

/* The outlet gave a definite answer: what was sent there before and had no end known to anybody is taken for
 * not accepted. */
static void clear_earlier(struct world *world, const struct send *send)
{
        for (uint32_t i = 0; i < world->send_count; i++) {
                struct send *other = &world->sends[i];
                if (other != send && other->id == send->id && other->content == send->content &&
                    other->effect == send->effect && other->outlet == send->outlet)
                        other->cleared |= !other->told;
        }
}

static bool can_look(const struct world *world, const struct send *send)
{
        const struct spec *spec = &world->specs[send->id];
        return spec->lookup && !(spec->park >> send->effect & 1);
}

static void on_sent(struct world *world, const struct happening *happening)
{
        struct send *send = &world->sends[happening->index];
        struct worker *worker = &world->workers[happening->worker];
        struct slot *slot = engine_slot(world, happening);
        if (!slot)
                return;
        bool late = world->now_ms > send->begun_ms + SEND_LIMIT_MS;
        if (!happening->flag && late && send->outcome == SEND_DONE && random_one_in(&world->random, 2))
                send->outcome = SEND_AMBIGUOUS; /* its time-out fired before the reply was read */
        send->over = true;
        slot->send = -1;
        struct job_event event = {
                .kind = EVENT_SENT,
                .now_ms = engine_now(world, worker),
                .others = send->outlet + 1 < world->specs[send->id].outlets &&
                          !random_one_in(&world->random, 4),
                .fallback_after = world->specs[send->id].fallback_after,
                .outcome = send->outcome,
                .fenced = happening->flag,
                .throttled = send->innocent && send->outcome == SEND_TRANSIENT,
                .outage = send->outage,
                .retry_after_ms = random_one_in(&world->random, 8) ? 3000 : -1,
        };
        if (send->outcome == SEND_AMBIGUOUS) {
                event.can_look = can_look(world, send);
                event.look_limits = world->specs[send->id].look_limits;
        }
        if (!event.fenced) {
                NOTE(world, "w%u id %u effect %u: %s", happening->worker, send->id, send->effect,
                     outcome_word(send->outcome));
                slot->void_effect = send->outcome == SEND_AMBIGUOUS ? 0 : (uint8_t)(send->effect + 1);
                send->ambiguous = send->outcome == SEND_AMBIGUOUS;
                if (!send->ambiguous)
                        clear_earlier(world, send);
                bool failed = send->outcome == SEND_TRANSIENT || send->outcome == SEND_AMBIGUOUS ||
                              send->outcome == SEND_CONFIG;
                bool blamed = !send->innocent && !send->outage;
                if (send->ambiguous && blamed && slot->run >= 0)
                        world->runs[slot->run].unheard |= (uint8_t)(1U << send->effect);
                if (failed && blamed)
                        world->burnt[send->id] |= (uint64_t)1 << (slot->job.generation.attempt % 8 +
                                                                  8 * (slot->job.generation.redrives % 8));
        }
        engine_step(world, worker, slot, &event);
}

/* ---- look-ups ---- */

void mailer_look(struct world *world, struct worker *worker, struct slot *slot)
{
        struct happening *look = world_later_slot(world, world_latency(world), HAPPEN_LOOK, worker, slot);
        look->local = false;
        look->index = slot->job.effect;
        look->copy = (struct copy){.id = slot->id, .content = slot->content};
        look->epoch = slot->job.tries[slot->job.effect].outlet;
}

static bool is_asked_for(const struct send *send, const struct happening *look)
{
        return send->id == look->copy.id && send->content == look->copy.content &&
               send->effect == look->index && send->outlet == look->epoch;
}

/* At the service: it finds what it accepted some time ago, and not too long ago. */
static void on_look(struct world *world, const struct happening *look)
{
        const struct job_look_limits *limits = &world->specs[look->copy.id].look_limits;
        enum look_answer answer = LOOK_NOT_FOUND;
        for (uint32_t i = 0; i < world->send_count; i++) {
                const struct send *send = &world->sends[i];
                int64_t age_ms = world->now_ms - send->accepted_ms;
                if (is_asked_for(send, look) && send->accepted && age_ms >= LOOK_LAG_MS &&
                    age_ms <= limits->keeps_ms)
                        answer = LOOK_FOUND;
        }
        if (world_fault(world, FAULT_LOOKUP)) {
                answer = LOOK_UNKNOWN;
                world->unreachable = true;
        }
        struct happening *looked = world_later(world, world_latency(world), HAPPEN_LOOKED);
        *looked = *look;
        looked->at_ms = world->now_ms + random_between(&world->random, 1, 900);
        looked->kind = HAPPEN_LOOKED;
        looked->local = true;
        looked->tag = answer;
}

static void on_looked(struct world *world, const struct happening *looked)
{
        struct worker *worker = &world->workers[looked->worker];
        struct slot *slot = engine_slot(world, looked);
        enum look_answer answer = (enum look_answer)looked->tag;
        if (!slot)
                return;
        world->tally->looks[answer]++;
        NOTE(world, "w%u id %u effect %d looked up: %s", looked->worker, slot->id, looked->index,
             answer == LOOK_FOUND     ? "found"
             : answer == LOOK_UNKNOWN ? "unknown"
                                      : "not found");
        for (uint32_t i = 0; i < world->send_count; i++) {
                struct send *send = &world->sends[i];
                if (!is_asked_for(send, looked))
                        continue;
                send->cleared |= answer == LOOK_NOT_FOUND;
                if (answer == LOOK_FOUND && send->accepted)
                        send->run = slot->run;
        }
        engine_step(world, worker, slot,
                    &(struct job_event){.kind = EVENT_LOOKED,
                                        .look = answer,
                                        .look_limits = world->specs[slot->id].look_limits,
                                        .now_ms = engine_now(world, worker)});
}

void mailer_happening(struct world *world, struct happening *happening)
{
        if (happening->kind == HAPPEN_SEND_BEGIN)
                on_begin(world, happening);
        else if (happening->kind == HAPPEN_ACCEPT)
                on_accept(world, happening);
        else if (happening->kind == HAPPEN_LOOK)
                on_look(world, happening);
        else if (happening->kind == HAPPEN_LOOKED)
                on_looked(world, happening);
        else
                on_sent(world, happening);
}
