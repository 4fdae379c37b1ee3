#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *fault_word(enum fault fault)
{
        static const char *const words[FAULT_COUNT] = {
#define X(name, word) [FAULT_##name] = (word),
                FAULT_LIST(X)
#undef X
        };
        return words[fault];
}

void world_note(const struct world *world, const char *format, ...)
{
        va_list list;
        va_start(list, format);
        printf("%9.3f  ", (double)world->now_ms / 1000);
        vprintf(format, list);
        putchar('\n');
        va_end(list);
}

void world_fail(struct world *world, const char *check, const char *format, ...)
{
        if (world->failure)
                return;
        va_list list;
        va_start(list, format);
        world->failure = check;
        vsnprintf(world->failure_text, sizeof world->failure_text, format, list);
        va_end(list);
        NOTE(world, "FAILED %s: %s", check, world->failure_text);
}

int worker_number(const struct world *world, const struct worker *worker)
{
        return (int)(worker - world->workers);
}

struct happening *world_later(struct world *world, int64_t delay_ms, enum happening_kind kind)
{
        if (world->pending_count == PENDING_MAX) {
                world_fail(world, "livelock", "more than %d things under way", PENDING_MAX);
                world->pending_count--;
        }
        struct happening *happening = &world->pending[world->pending_count++];
        memset(happening, 0, sizeof *happening);
        happening->at_ms = world->now_ms + delay_ms;
        happening->kind = kind;
        if (kind == HAPPEN_RENEW)
                world->renewals++;
        return happening;
}

struct happening *world_later_worker(struct world *world, int64_t delay_ms, enum happening_kind kind,
                                     const struct worker *worker)
{
        struct happening *happening = world_later(world, delay_ms, kind);
        happening->local = true;
        happening->worker = (uint8_t)worker_number(world, worker);
        happening->incarnation = worker->incarnation;
        return happening;
}

struct happening *world_later_slot(struct world *world, int64_t delay_ms, enum happening_kind kind,
                                   const struct worker *worker, const struct slot *slot)
{
        struct happening *happening = world_later_worker(world, delay_ms, kind, worker);
        happening->slot = (uint8_t)(slot - worker->slots);
        happening->serial = slot->serial;
        return happening;
}

/* Mostly short, sometimes long enough to change every order, always shorter than the time-outs. */
int64_t world_latency(struct world *world)
{
        return random_one_in(&world->random, 8) ? random_between(&world->random, 1, 900)
                                                : random_between(&world->random, 1, 15);
}

bool world_fault(struct world *world, enum fault fault)
{
        if (!(world->faults >> fault & 1) || world->budget == 0 ||
            !random_one_in(&world->random, world->fault_rate))
                return false;
        world->budget--;
        world->tally->faults[fault]++;
        NOTE(world, "-- fault: %s", fault_word(fault));
        return true;
}

static bool has(const struct world *world, enum fault fault)
{
        return world->faults >> fault & 1;
}

/* A type that nobody knows yet, or ever. */
static void draw_unknown(struct random *random, struct spec *spec)
{
        spec->bad_envelope = REASON_UNKNOWN_TYPE;
        spec->named = random_one_in(random, 2);
        spec->grace_ms = random_between(random, 1, 4 * LEASE_MS);
        spec->deployed_ms = random_one_in(random, 2) ? random_between(random, 1, 4 * LEASE_MS) : INT64_MAX;
}

static void draw_spec(struct world *world, struct spec *spec)
{
        struct random *random = &world->random;
        memset(spec, 0, sizeof *spec);
        spec->effects = (uint8_t)random_between(random, 1, world->bounds.effects);
        uint8_t all = (uint8_t)((1U << spec->effects) - 1);
        spec->attempts_max = (uint8_t)random_between(random, 1, 3);
        if (has(world, FAULT_PARK) && random_one_in(random, 2))
                spec->park = random_one_in(random, 2) ? all : (uint8_t)(random_below(random, 8) & all);
        spec->outlets = (uint8_t)(has(world, FAULT_OUTLETS) ? random_between(random, 1, 3) : 1);
        spec->fallback_after = (uint8_t)(spec->outlets > 1 ? random_between(random, 1, 2) : 0);
        spec->lookup = has(world, FAULT_LOOKUP) && random_one_in(random, 2);
        if (spec->lookup)
                spec->look_limits = (struct job_look_limits){
                        .lag_ms = LOOK_LAG_MS,
                        .keeps_ms = random_one_in(random, 4) ? 2 * LEASE_MS : KEEP_MS,
                        .key_ms = random_one_in(random, 3) ? 4 * LEASE_MS : 0,
                        .give_up_ms = random_one_in(random, 2) ? LEASE_MS : 10 * LEASE_MS};
        if (has(world, FAULT_SCHEDULE) && random_one_in(random, 2))
                spec->due_ms = random_between(random, 1, 3 * LEASE_MS);
        if (has(world, FAULT_PERMANENT) && random_one_in(random, 2))
                spec->permanent = (uint8_t)(random_below(random, 8) & all);
        if (has(world, FAULT_POISON) && random_one_in(random, 3))
                spec->poison = true;
        spec->planner = has(world, FAULT_PLANNER) && random_one_in(random, 2);
        spec->deadly = spec->planner && has(world, FAULT_PLANNER_DEAD) && random_one_in(random, 4);
        if (has(world, FAULT_UNCOPYABLE) && random_one_in(random, 2)) {
                spec->uncopyable = random_one_in(random, 2);
                spec->unencodable = true;
        }
        if (has(world, FAULT_CONFLICT)) {
                spec->first = random_one_in(random, 2);
                spec->strangers = random_one_in(random, 3);
        }
        if (has(world, FAULT_REFUSED) && random_one_in(random, 2)) {
                switch (random_below(random, 4)) {
                case 0:
                        spec->no_id = true;
                        spec->bad_envelope = REASON_MISSING_ID;
                        break;
                case 1:
                        spec->bad_envelope = REASON_MISSING_TYPE;
                        break;
                case 2:
                        draw_unknown(random, spec);
                        break;
                default:
                        spec->bad_payload = REASON_BAD_PAYLOAD;
                        break;
                }
        }
}

static uint64_t draw_faults(struct world *world)
{
        uint64_t mask = world->bounds.every ? UINT64_MAX : 0;
        uint32_t one_in = (uint32_t)random_between(&world->random, 2, 6);
        for (int i = 0; i < FAULT_COUNT; i++)
                if (random_one_in(&world->random, one_in))
                        mask |= (uint64_t)1 << i;
        return mask & world->bounds.faults;
}

static void world_init(struct world *world, uint64_t seed, const struct bounds *bounds)
{
        memset(world, 0, offsetof(struct world, pending));
        memset(&world->pending_count, 0, sizeof *world - offsetof(struct world, pending_count));
        world->random.state = seed * 0x9e3779b97f4a7c15 + 1;
        world->bounds = *bounds;
        world->faults = draw_faults(world);
        world->fault_rate = 3U << random_below(&world->random, 5);
        world->budget = random_below(&world->random, bounds->budget + 1);
        world->max_crashes = (uint32_t)random_between(&world->random, 2, 3);
        world->worker_count = (uint32_t)random_between(&world->random, bounds->workers > 1, bounds->workers);
        if (world->worker_count == 0)
                world->worker_count = 1;
        world->id_count = (uint32_t)random_between(&world->random, 1, bounds->ids);
        if (has(world, FAULT_EVENTS))
                world->tells = random_one_in(&world->random, 2) ? (1U << JOB_CHANGE_COUNT) - 1
                                                                : random_below(&world->random, 16);
        fake_store_init(&world->store, 0);
        world->store_offset_ms = 1000000;
        world->handler_timeout_ms = random_one_in(&world->random, 2) ? LEASE_MS : 4 * LEASE_MS;
        for (uint32_t i = 0; i < world->id_count; i++) {
                draw_spec(world, &world->specs[i]);
                world->owner_run[i] = -1;
                struct happening *happening =
                        world_later(world, random_between(&world->random, 0, 2000), HAPPEN_PUBLISH_ORIGINAL);
                happening->copy.id = (uint8_t)i;
        }
        for (uint32_t i = 0; i < world->worker_count; i++)
                fault_restart(world, &world->workers[i]);
}

static void take(struct world *world, struct happening *happening)
{
        uint32_t best = 0;
        for (uint32_t i = 1; i < world->pending_count; i++)
                if (world->pending[i].at_ms < world->pending[best].at_ms)
                        best = i;
        *happening = world->pending[best];
        world->pending[best] = world->pending[--world->pending_count];
        if (happening->kind == HAPPEN_RENEW)
                world->renewals--;
}

/* A happening of a worker that is gone is no more; of a frozen one it comes after the thaw. */
static bool put_off(struct world *world, const struct happening *happening)
{
        if (!happening->local)
                return false;
        const struct worker *worker = &world->workers[happening->worker];
        if (!worker->alive || worker->incarnation != happening->incarnation) {
                if (happening->kind == HAPPEN_APPLY || happening->kind == HAPPEN_REPLY)
                        world->calls[happening->index].used = false;
                return true;
        }
        if (!worker->frozen)
                return false;
        struct happening *again = world_later(world, 0, happening->kind);
        *again = *happening;
        again->at_ms = worker->thaw_ms + random_between(&world->random, 0, 30);
        return true;
}

static void dispatch(struct world *world, struct happening *happening)
{
        switch (happening->kind) {
        case HAPPEN_PUBLISH_ORIGINAL:
        case HAPPEN_DISPATCH:
        case HAPPEN_ACK:
        case HAPPEN_NACK:
        case HAPPEN_ENQUEUE:
        case HAPPEN_TIER_DUE:
        case HAPPEN_OPERATOR:
                broker_happening(world, happening);
                return;
        case HAPPEN_APPLY:
                store_apply(world, happening);
                return;
        case HAPPEN_REPLY:
                store_reply(world, happening);
                return;
        case HAPPEN_STORE_REFUSED:
                store_refused(world, happening);
                return;
        case HAPPEN_STORE_TIMEOUT:
                if (world->workers[happening->worker].store_epoch == happening->epoch)
                        store_timeout(world, &world->workers[happening->worker]);
                return;
        case HAPPEN_STORE_BACK:
                store_back(world, &world->workers[happening->worker]);
                return;
        case HAPPEN_EVENT_ARRIVES:
        case HAPPEN_EVENT_CONFIRMED:
        case HAPPEN_EVENT_UNCONFIRMED:
        case HAPPEN_EVENT_FORGET:
                events_happening(world, happening);
                return;
        case HAPPEN_ACCEPT:
        case HAPPEN_SEND_BEGIN:
        case HAPPEN_SENT:
        case HAPPEN_LOOK:
        case HAPPEN_LOOKED:
                mailer_happening(world, happening);
                return;
        case HAPPEN_RESTART:
                fault_restart(world, &world->workers[happening->worker]);
                return;
        case HAPPEN_DELIVERY:
        case HAPPEN_PLANNED:
        case HAPPEN_KICK:
        case HAPPEN_CONFIRM:
        case HAPPEN_PUBLISH_AGAIN:
        case HAPPEN_RENEW:
        case HAPPEN_CONNECTION_DOWN:
        case HAPPEN_CONNECTION_UP:
        case HAPPEN_DRAINED:
        case HAPPEN_GRACE_OVER:
                engine_happening(world, happening);
                return;
        }
}

static void thaw(struct world *world)
{
        for (uint32_t i = 0; i < world->worker_count; i++)
                if (world->workers[i].frozen && world->workers[i].thaw_ms <= world->now_ms) {
                        world->workers[i].frozen = false;
                        NOTE(world, "w%u thaws", i);
                }
}

void world_run(struct world *world, uint64_t seed, const struct bounds *bounds, struct tally *tally,
               bool verbose)
{
        world->tally = tally;
        world_init(world, seed, bounds);
        world->tally = tally;
        world->verbose = verbose;
        struct happening happening;
        while (!world->failure && world->pending_count > world->renewals) {
                take(world, &happening);
                world->now_ms = happening.at_ms;
                if (++world->events > EVENTS_MAX)
                        world_fail(world, "livelock", "no rest after %d happenings", EVENTS_MAX);
                if (world->events > 160)
                        world->budget = 0;
                thaw(world);
                if (put_off(world, &happening))
                        continue;
                dispatch(world, &happening);
                if (world->budget && random_one_in(&world->random, 6))
                        fault_anywhere(world,
                                       &world->workers[random_below(&world->random, world->worker_count)]);
        }
        if (!world->failure)
                check_rest(world);
        if (!world->failure)
                events_rest(world);
        tally->events += world->events;
}
