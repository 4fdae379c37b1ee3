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
                .run = slot->run,
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

static void on_accept(struct world *world, const struct happening *happening)
{
        struct send *send = &world->sends[happening->index];
        bool unheard = false;
        if (send->outcome == SEND_DONE) {
                unheard = world_fault(world, FAULT_AMBIGUOUS);
                if (!unheard || random_one_in(&world->random, 2)) {
                        send->accepted = true;
                        world->tally->mails++;
                        check_accept(world, send);
                }
                if (unheard)
                        send->outcome = SEND_AMBIGUOUS;
        }
        answer(world, happening, world_latency(world), false);
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
                .outcome = send->outcome,
                .fenced = happening->flag,
                .throttled = send->innocent && send->outcome == SEND_TRANSIENT,
                .outage = send->outage,
                .retry_after_ms = random_one_in(&world->random, 8) ? 3000 : -1,
        };
        if (!event.fenced) {
                NOTE(world, "w%u id %u effect %u: %s", happening->worker, send->id, send->effect,
                     outcome_word(send->outcome));
                slot->void_effect = send->outcome == SEND_AMBIGUOUS ? 0 : (uint8_t)(send->effect + 1);
                send->ambiguous = send->outcome == SEND_AMBIGUOUS;
                bool failed = send->outcome == SEND_TRANSIENT || send->outcome == SEND_AMBIGUOUS ||
                              send->outcome == SEND_CONFIG;
                if (failed && !send->innocent && !send->outage)
                        world->burnt[send->id] |= (uint64_t)1 << (slot->job.generation.attempt % 8 +
                                                                  8 * (slot->job.generation.redrives % 8));
        }
        engine_step(world, worker, slot, &event);
}

void mailer_happening(struct world *world, struct happening *happening)
{
        if (happening->kind == HAPPEN_SEND_BEGIN)
                on_begin(world, happening);
        else if (happening->kind == HAPPEN_ACCEPT)
                on_accept(world, happening);
        else
                on_sent(world, happening);
}
