#include "redis/store.h"

#include "core/memory/memory.h"
#include "core/record/due.h"
#include "core/record/try_record.h"
#include "io/redis/redis_spare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What the engine asks of io/redis/redis_store.h, noted and looked at before the client has it (--wrap), and
 * io/redis/redis_spare.h over the model of the store.
 */

const char *const store_effect_keys[STORE_EFFECTS_MAX] = {"e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7"};
const char *const store_try_names[STORE_TRIES_MAX] = {"try.e0", "try.e1", "try.e2"};
const char *const store_spent_names[STORE_TRIES_MAX] = {"spent.e0", "spent.e1", "spent.e2"};
const char *const store_outlet_names[STORE_TRIES_MAX] = {"outlet.e0", "outlet.e1", "outlet.e2"};

uint32_t store_owner(struct slice text)
{
        for (uint32_t i = 0; i < world.owner_count; i++)
                if (slice_is(text, world.owners[i]))
                        return i + 1;
        if (world.owner_count == OWNERS_MAX) {
                world_fail("livelock", "more than %d deliveries", OWNERS_MAX);
                return OWNERS_MAX;
        }
        snprintf(world.owners[world.owner_count], sizeof world.owners[0], "%.*s", SLICE_PRINT(text));
        return ++world.owner_count;
}

static uint32_t dead_id_number(struct slice text)
{
        if (text.len == 0)
                return 0;
        for (uint32_t i = 0; i < world.dead_id_count; i++)
                if (slice_is(text, world.dead_ids[i]))
                        return i + 1;
        if (world.dead_id_count == DEAD_IDS_MAX) {
                world_fail("livelock", "more than %d deaths", DEAD_IDS_MAX);
                return DEAD_IDS_MAX;
        }
        snprintf(world.dead_ids[world.dead_id_count], DEAD_ID_SIZE, "%.*s", SLICE_PRINT(text));
        return ++world.dead_id_count;
}

/* A decision as the model keeps it: one number. */
static uint32_t decision_encode(const struct job_decision *decision)
{
        if (decision->kind == DECISION_NONE)
                return 0;
        return (uint32_t)decision->kind + 8 * (uint32_t)decision->reason +
               1024 * (uint32_t)(decision->tier + 1) + 65536 * (uint32_t)decision->reject;
}

static uint8_t outlet_number(struct slice name)
{
        const struct config_outlet *outlet;
        for (size_t i = 0; (outlet = config_outlet_at(&world.config, i)); i++)
                if (slice_is(name, outlet->name))
                        return (uint8_t)(i + 1);
        if (!slice_is(name, "publish"))
                world_fail("store", "an outlet %.*s is recorded", SLICE_PRINT(name));
        return PUBLISH_WAY + 1;
}

static void read_tries(const struct slice *fields, size_t count, struct store_try tries[STORE_TRIES_MAX])
{
        for (size_t i = 0; i + 1 < count; i += 2)
                for (int k = 0; k < STORE_TRIES_MAX; k++) {
                        struct try_record record;
                        if (slice_is(fields[i], store_outlet_names[k]))
                                tries[k].outlet = outlet_number(fields[i + 1]);
                        if (slice_is(fields[i], store_spent_names[k]))
                                spent_record_parse(fields[i + 1], &tries[k].spent.tries,
                                                   &tries[k].spent.redrives);
                        if (!slice_is(fields[i], store_try_names[k]))
                                continue;
                        if (!try_record_parse(fields[i + 1], &record))
                                world_fail("store", "a try is recorded as %.*s", SLICE_PRINT(fields[i + 1]));
                        tries[k].told = true;
                        tries[k].ambiguous = record.ambiguous;
                        tries[k].refusals = (uint8_t)record.refusals;
                        tries[k].redrives = record.redrives;
                        tries[k].from_ms = record.from_ms;
                        tries[k].since_ms = record.since_ms;
                        tries[k].cleared_ms = record.cleared_ms;
                }
}

static uint32_t read_plan_deaths(const struct store_decision *decision, uint32_t redrives)
{
        for (size_t i = 0; i + 1 < decision->try_count; i += 2)
                if (slice_is(decision->tries[i], "plan_deaths"))
                        return plan_deaths_parse(decision->tries[i + 1], redrives);
        return 0;
}

/* --wrap: what the engine calls, and the client itself. */
#define WRAPPED(name) __typeof__(name) __real_##name, __wrap_##name
WRAPPED(redis_store_claim);
WRAPPED(redis_store_renew);
WRAPPED(redis_store_keep);
WRAPPED(redis_store_intend);
WRAPPED(redis_store_record);
WRAPPED(redis_store_complete);
WRAPPED(redis_store_decide);
WRAPPED(redis_store_settle);
WRAPPED(redis_store_command);
WRAPPED(redis_store_query);
WRAPPED(redis_store_tick);
WRAPPED(redis_store_queued);
WRAPPED(redis_store_due);
WRAPPED(redis_store_rate);
WRAPPED(redis_store_open);
WRAPPED(redis_store_close);

/* ---- requests ---- */

static void on_done(void *context, const struct store_result *result)
{
        struct asked *asked = context;
        asked->told = !result->lost;
        if (asked->told && asked->call.request.script == STORE_CLAIM && asked->kind == ASKED_SCRIPT) {
                *(result->known ? &world.tally->known : &world.tally->claims[result->claim]) += 1;
                if (!result->known)
                        check_heard(&asked->call, result->claim);
        }
        if (asked->done)
                asked->done(asked->context, result);
}

static void on_strings(void *context, bool lost, const struct slice *values, size_t count)
{
        struct asked *asked = context;
        asked->told = !lost;
        asked->strings(asked->context, lost, values, count);
}

static struct asked *ask(struct redis_store *store, const struct asked *request)
{
        struct process *process = process_now();
        struct asked *asked = world_alloc(sizeof *asked);
        *asked = *request;
        asked->call.process = process;
        asked->call.incarnation = process->incarnation;
        asked->call.sent_ms = process_clock_ms(process);
        asked->link = process->link;
        if (redis_store_is_up(store)) {
                STAILQ_INSERT_TAIL(&process->link->said, asked, listed);
                return asked;
        }
        if (asked->kind == ASKED_SCRIPT)
                fault_mark(process, FAULT_STORE_CUT, -1);
        if (asked->done && random_one_in(&world.random, 8)) /* it is back before the loss is told */
                store_hurry(process);
        return asked;
}

static uint8_t effect_number(struct slice key)
{
        for (uint8_t i = 0; i < STORE_EFFECTS_MAX; i++)
                if (slice_is(key, store_effect_keys[i]))
                        return (uint8_t)(i + 1);
        return 0;
}

static uint32_t content_of(uint8_t id, struct slice fingerprint)
{
        return slice_is(fingerprint, world.fingerprints[id][1]);
}

static struct asked *ask_script(struct redis_store *store, const struct store_identity *identity,
                                struct store_request request, store_done *done, void *context)
{
        uint8_t id = (uint8_t)(identity->id.len == 2 ? identity->id.data[1] - '0' : IDS_MAX);
        if (id >= IDS_MAX) {
                world_fail("store", "a record for the id %.*s", SLICE_PRINT(identity->id));
                id = 0;
        }
        request.id = id;
        request.owner = store_owner(identity->owner);
        request.lease_ms = store->config->claim.lease_ms;
        request.keep_ms = KEEP_MS;
        request.generation = identity->generation;
        request.fingerprint = content_of(id, identity->fingerprint);
        return ask(store,
                   &(struct asked){
                           .kind = ASKED_SCRIPT, .call.request = request, .done = done, .context = context});
}

void __wrap_redis_store_claim(struct redis_store *store, const struct store_identity *identity,
                              const struct store_claim *claim, store_done *done, void *context)
{
        struct asked *asked =
                ask_script(store, identity,
                           (struct store_request){.script = STORE_CLAIM,
                                                  .alone = claim->alone,
                                                  .outside = claim->outside,
                                                  .first = claim->first,
                                                  .tells_of = claim->tells,
                                                  .death_ms = claim->death_ms,
                                                  .dead_id = dead_id_number(claim->dead_id),
                                                  .tier_ms = TIER_MAX_MS,
                                                  .max_crashes = (uint32_t)store->config->claim.max_crashes},
                           done, context);
        __real_redis_store_claim(store, identity, claim, on_done, asked);
}

void __wrap_redis_store_renew(struct redis_store *store, const struct store_identity *identity,
                              store_done *done, void *context)
{
        struct asked *asked =
                ask_script(store, identity, (struct store_request){.script = STORE_RENEW}, done, context);
        __real_redis_store_renew(store, identity, on_done, asked);
}

/* The number of that plan, from 1. */
static uint32_t plan_number(uint8_t id, struct slice text, struct slice digest)
{
        for (uint32_t i = 0; i < world.plan_count; i++)
                if (world.plans[i].id == id && slice_is(digest, world.plans[i].digest))
                        return i + 1;
        if (world.plan_count == PLANS_MAX) {
                world_fail("livelock", "more than %d plans", PLANS_MAX);
                return PLANS_MAX;
        }
        struct kept_plan *plan = &world.plans[world.plan_count++];
        char *copy = world_alloc(text.len + 1);
        unsigned version = 0;
        memcpy(copy, text.data, text.len);
        copy[text.len] = '\0';
        const char *effect = strstr(copy, " of j");
        if (effect)
                sscanf(effect, " of j%*u.%*u v%u", &version);
        *plan = (struct kept_plan){
                .id = id, .version = (uint8_t)version, .text = {.data = copy, .len = text.len}};
        snprintf(plan->digest, sizeof plan->digest, "%.*s", SLICE_PRINT(digest));
        return world.plan_count;
}

void __wrap_redis_store_keep(struct redis_store *store, const struct store_identity *identity,
                             const struct store_plan *plan, store_done *done, void *context)
{
        uint8_t id = (uint8_t)(identity->id.data[1] - '0');
        struct asked *asked =
                ask_script(store, identity,
                           (struct store_request){.script = STORE_KEEP,
                                                  .plan = plan_number(id, plan->record, plan->digest)},
                           done, context);
        __real_redis_store_keep(store, identity, plan, on_done, asked);
}

void __wrap_redis_store_intend(struct redis_store *store, const struct store_identity *identity,
                               const struct store_intent *intent, store_done *done, void *context)
{
        struct store_request request = {.script = STORE_INTEND, .effect = effect_number(intent->effect)};
        const struct store_move *move = intent->move;
        for (uint8_t i = 0; move && i < STORE_TRIES_MAX; i++)
                if (slice_is(move->field, store_outlet_names[i]))
                        request.moved_effect = (uint8_t)(i + 1);
        if (move) {
                request.moves = (uint16_t)move->count;
                request.outlet = outlet_number(move->outlet);
        }
        struct asked *asked = ask_script(store, identity, request, done, context);
        __real_redis_store_intend(store, identity, intent, on_done, asked);
}

/* What was sent is recorded with the outlet that it left by, and what was not with none. */
static void check_effect(const struct redis_store *store, const struct store_identity *identity,
                         const struct store_effect *effect)
{
        uint8_t id = (uint8_t)(identity->id.data[1] - '0');
        bool left = !effect->sent;
        for (uint32_t i = 0; effect->key.data && i < world.send_count && !left; i++) {
                const struct send *send = &world.sends[i];
                const char *name = send->outlet == PUBLISH_WAY
                                           ? "publish"
                                           : config_outlet_at(store->config, send->outlet)->name;
                left = send->id == id && send->effect + 1 == effect_number(effect->key) &&
                       slice_is(effect->outlet, name);
        }
        if (effect->key.data && (!left || (!effect->sent && effect->outlet.len > 0)))
                world_fail("record", "id %u: outlet \"%.*s\" is recorded of what %s", id,
                           SLICE_PRINT(effect->outlet), effect->sent ? "left by another" : "was not sent");
}

void __wrap_redis_store_record(struct redis_store *store, const struct store_identity *identity,
                               const struct store_effect *effect, store_done *done, void *context)
{
        check_effect(store, identity, effect);
        struct asked *asked = ask_script(store, identity,
                                         (struct store_request){.script = STORE_RECORD,
                                                                .effect = effect_number(effect->key),
                                                                .sent = effect->sent,
                                                                .effects_total = (uint8_t)effect->total,
                                                                .effects_done = (uint8_t)effect->done},
                                         done, context);
        __real_redis_store_record(store, identity, effect, on_done, asked);
}

void __wrap_redis_store_complete(struct redis_store *store, const struct store_identity *identity,
                                 const struct store_effect *effect, store_done *done, void *context)
{
        check_effect(store, identity, effect);
        struct asked *asked =
                ask_script(store, identity,
                           (struct store_request){.script = STORE_COMPLETE,
                                                  .effect = effect->key.data ? effect_number(effect->key) : 0,
                                                  .fresh = effect->fresh,
                                                  .tells = effect->tells,
                                                  .effects_total = (uint8_t)effect->total},
                           done, context);
        __real_redis_store_complete(store, identity, effect, on_done, asked);
}

void __wrap_redis_store_decide(struct redis_store *store, const struct store_identity *identity,
                               const struct store_decision *decision, store_done *done, void *context)
{
        struct store_request request = {.script = STORE_DECIDE,
                                        .decision = decision_encode(&decision->decision),
                                        .reason = (uint32_t)decision->decision.reason,
                                        .error = decision->error.len > 0,
                                        .effects_total = (uint8_t)decision->effects_total,
                                        .void_effect = effect_number(decision->refused)};
        check_decide(process_now(), identity, decision);
        read_tries(decision->tries, decision->try_count, request.tries);
        request.plan_deaths = read_plan_deaths(decision, identity->generation.redrives);
        struct asked *asked = ask_script(store, identity, request, done, context);
        __real_redis_store_decide(store, identity, decision, on_done, asked);
}

void __wrap_redis_store_settle(struct redis_store *store, const struct store_identity *identity,
                               const struct store_settlement *settlement, store_done *done, void *context)
{
        const struct job_decision *decision = &settlement->decision;
        struct asked *asked = ask_script(
                store, identity,
                (struct store_request){.script = STORE_SETTLE,
                                       .dead = decision->kind == DECISION_DEAD,
                                       .tells = settlement->tells,
                                       .rejected = decision->reject,
                                       .decision = decision_encode(decision),
                                       .scheduled = decision->kind == DECISION_SCHEDULE,
                                       .due_ms = settlement->wait_ms - WALL_START_MS + world.store_offset_ms,
                                       .delay_ms = decision->kind == DECISION_SCHEDULE ? settlement->later_ms
                                                                                       : settlement->wait_ms,
                                       .dead_id = dead_id_number(settlement->dead_id),
                                       .copy = settlement->generation},
                done, context);
        __real_redis_store_settle(store, identity, settlement, on_done, asked);
}

static bool is_plan_key(struct slice key, uint8_t *id)
{
        unsigned number;
        char text[40];
        snprintf(text, sizeof text, "%.*s", SLICE_PRINT(key));
        if (sscanf(text, "sim:plan:{j%u}", &number) != 1 || number >= IDS_MAX)
                return false;
        *id = (uint8_t)number;
        return true;
}

void __wrap_redis_store_command(struct redis_store *store, const struct slice *arguments, size_t count,
                                store_done *done, void *context)
{
        struct asked asked = {.kind = ASKED_COMMAND, .done = done, .context = context};
        static const char index[] = "sim:deadletter:{";
        bool takes = slice_is(arguments[0], "DEL");
        commands_seen(arguments, count);
        if ((takes || (count > 2 && slice_is(arguments[0], "HSET"))) &&
            arguments[1].len == sizeof index - 1 + DEAD_ID_SIZE &&
            memcmp(arguments[1].data, index, sizeof index - 1) == 0)
                memcpy(asked.dead_id, arguments[1].data + sizeof index - 1, DEAD_ID_SIZE - 1);
        if (takes && is_plan_key(arguments[1], &asked.plan_of))
                asked.kind = ASKED_PLAN_GONE;
        __real_redis_store_command(store, arguments, count, done ? on_done : NULL, ask(store, &asked));
}

void __wrap_redis_store_query(struct redis_store *store, const struct slice *arguments, size_t count,
                              store_strings *done, void *context)
{
        struct asked asked = {.kind = ASKED_QUERY, .strings = done, .context = context};
        commands_seen(arguments, count);
        if (count == 2 && slice_is(arguments[0], "SMEMBERS"))
                asked.kind = ASKED_PAUSED;
        if (count == 2 && slice_is(arguments[0], "GET") && is_plan_key(arguments[1], &asked.plan_of))
                asked.kind = ASKED_PLAN;
        asked.tick_job = count == 3 && slice_is(arguments[0], "HGET") ? ticks_by_key(arguments[1]) : NULL;
        if (asked.tick_job)
                asked.kind = ASKED_STATE;
        __real_redis_store_query(store, arguments, count, on_strings, ask(store, &asked));
}

void __wrap_redis_store_tick(struct redis_store *store, const struct slice *arguments, size_t count,
                             store_strings *done, void *context)
{
        if (count != 8 || memcmp(arguments[0].data, "sim:schedule:{s/", 16) != 0)
                world_fail("schedule", "the store is asked %.*s", SLICE_PRINT(arguments[0]));
        else
                __real_redis_store_tick(store, arguments, count, on_strings,
                                        ask(store, &(struct asked){.kind = ASKED_TICK,
                                                                   .tick = ticks_read(arguments),
                                                                   .strings = done,
                                                                   .context = context}));
}

void __wrap_redis_store_queued(struct redis_store *store, const struct slice *arguments, size_t count,
                               store_strings *done, void *context)
{
        struct tick *tick = ticks_by_key(arguments[0]);
        if (count != 3 || !tick)
                world_fail("schedule", "%.*s is said to be queued", SLICE_PRINT(arguments[0]));
        else
                __real_redis_store_queued(store, arguments, count, on_strings,
                                          ask(store, &(struct asked){.kind = ASKED_QUEUED,
                                                                     .tick_job = tick,
                                                                     .strings = done,
                                                                     .context = context}));
}

static struct store_due due_read(struct slice text)
{
        struct due_event list[DUE_MAX];
        struct store_due due = {0};
        size_t count = due_parse(text, list);
        for (size_t i = 0; i < count && i < STORE_DUE_MAX; i++) {
                due.list[due.count].change = list[i].change;
                due.list[due.count++].generation = list[i].generation;
        }
        return due;
}

void __wrap_redis_store_due(struct redis_store *store, const struct slice *arguments, size_t count,
                            store_strings *done, void *context)
{
        unsigned id = IDS_MAX;
        char key[40];
        snprintf(key, sizeof key, "%.*s", SLICE_PRINT(arguments[0]));
        if (count != 2 || sscanf(key, "sim:job:{j%u}", &id) != 1 || id >= IDS_MAX) {
                world_fail("events", "%s is asked what is due", key);
                return;
        }
        struct store_request request = {
                .script = STORE_DUE, .id = (uint8_t)id, .told = due_read(arguments[1])};
        __real_redis_store_due(store, arguments, count, on_strings,
                               ask(store, &(struct asked){.kind = ASKED_DUE,
                                                          .call.request = request,
                                                          .strings = done,
                                                          .context = context}));
}

void __wrap_redis_store_rate(struct redis_store *store, struct store_rate rate,
                             const struct share_question *question, store_strings *done, void *context)
{
        size_t outlet = 0;
        while (!rate.domain && !slice_is(rate.name, config_outlet_at(&world.config, outlet)->name))
                outlet++;
        if (rate.domain) /* those of all domains are one */
                outlet = CONFIG_OUTLETS_MAX + 1;
        __real_redis_store_rate(store, rate, question, on_strings,
                                ask(store, &(struct asked){.kind = ASKED_RATE,
                                                           .outlet = outlet,
                                                           .question = *question,
                                                           .strings = done,
                                                           .context = context}));
}

/* ---- life ---- */

struct redis_store *__wrap_redis_store_open(uv_loop_t *loop, const struct config *config, const char *worker,
                                            const struct redis_store_events *events, void *context)
{
        process_now()->store = __real_redis_store_open(loop, config, worker, events, context);
        return process_now()->store;
}

void __wrap_redis_store_close(struct redis_store *store)
{
        process_now()->store = NULL;
        __real_redis_store_close(store);
}

/* The last words of a process, over the connection that it kept for them. */
void store_killed(uint8_t id, const char *owner)
{
        world.store.now_ms = store_now();
        failover_begin(id, NULL);
        fake_store_call(&world.store, &(struct store_request){.script = STORE_KILLED,
                                                              .id = id,
                                                              .owner = store_owner(slice_of(owner)),
                                                              .signal = 1});
        failover_end();
}

/* ---- the spare connection ---- */

struct redis_spare {
        struct process *process;
        redis_spare_changed *changed;
        void *context;
        bool tried;
};

static void on_spare(void *context)
{
        struct process *process = context;
        struct redis_spare *spare = process->spare;
        if (!spare)
                return;
        spare->tried = true;
        if (!random_one_in(&world.random, 8))
                spare->changed(spare->context, 3, "sha");
}

struct redis_spare *redis_spare_open(uv_loop_t *loop, const struct config *config,
                                     redis_spare_changed *changed, void *context)
{
        (void)loop, (void)config;
        struct redis_spare *spare = memory_zeroed(1, sizeof *spare);
        *spare = (struct redis_spare){.process = process_now(), .changed = changed, .context = context};
        process_now()->spare = spare;
        process_later(process_now(), world_latency(), on_spare, process_now());
        return spare;
}

void redis_spare_close(struct redis_spare *spare)
{
        spare->process->spare = NULL;
        free(spare);
}

bool redis_spare_tried(const struct redis_spare *spare)
{
        return spare->tried;
}
