#include "redis/store.h"

#include "core/memory/memory.h"
#include "core/record/due.h"
#include "core/record/try_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The server: carries requests out in order over the model of its scripts, and answers each connection in
 * order. */

int64_t store_now(void)
{
        return loop_clock_ms + world.store_offset_ms;
}

static struct job_decision decision_decode(uint32_t number)
{
        return (struct job_decision){.kind = (enum job_decision_kind)(number % 8),
                                     .reason = (enum reason)(number / 8 % 128),
                                     .tier = (int)(number / 1024 % 64) - 1,
                                     .reject = number / 65536 != 0};
}

/* ---- the fields that tell of tries: outlets are numbers from 1 in the model, 0: none is recorded ---- */

struct told_tries {
        struct slice fields[6 * STORE_TRIES_MAX + 4];
        size_t count;
        char texts[STORE_TRIES_MAX][TRY_RECORD_SIZE], spent[STORE_TRIES_MAX][TRY_RECORD_SIZE];
        char deaths[TRY_RECORD_SIZE];
};

static const char *outlet_name(uint8_t number)
{
        const struct config_outlet *outlet = config_outlet_at(&world.config, number - 1U);
        return outlet ? outlet->name : "publish";
}

static void tell_tries(const struct store_reply *reply, struct told_tries *told)
{
        told->count = 0;
        for (int i = 0; i < STORE_TRIES_MAX; i++) {
                const struct store_try *try = &reply->tries[i];
                if (try->outlet) {
                        told->fields[told->count++] = slice_of(store_outlet_names[i]);
                        told->fields[told->count++] = slice_of(outlet_name(try->outlet));
                }
                if (!try->told)
                        continue;
                try_record_format(&(struct try_record){.ambiguous = try->ambiguous,
                                                       .refusals = try->refusals,
                                                       .redrives = try->redrives,
                                                       .from_ms = try->from_ms,
                                                       .since_ms = try->since_ms,
                                                       .cleared_ms = try->cleared_ms},
                                  told->texts[i]);
                told->fields[told->count++] = slice_of(store_try_names[i]);
                told->fields[told->count++] = slice_of(told->texts[i]);
                if (try->spent.tries == 0)
                        continue;
                spent_record_format(try->spent.tries, try->spent.redrives, told->spent[i]);
                told->fields[told->count++] = slice_of(store_spent_names[i]);
                told->fields[told->count++] = slice_of(told->spent[i]);
        }
}

static void tell_plan(const struct store_reply *reply, struct told_tries *told)
{
        if (reply->plan) {
                told->fields[told->count++] = SLICE_LITERAL("plan");
                told->fields[told->count++] = slice_of(world.plans[reply->plan - 1].digest);
        }
        if (reply->plan_deaths) {
                plan_deaths_format(reply->plan_deaths, reply->generation.redrives, told->deaths);
                told->fields[told->count++] = SLICE_LITERAL("plan_deaths");
                told->fields[told->count++] = slice_of(told->deaths);
        }
}

/* ---- answers, as hiredis has them: in the memory of the process that reads them ---- */

static redisReply *reply_new(int type)
{
        redisReply *reply = memory_zeroed(1, sizeof *reply);
        reply->type = type;
        return reply;
}

static redisReply *reply_text(struct slice text)
{
        redisReply *reply = reply_new(REDIS_REPLY_STRING);
        reply->str = memory_zeroed(1, text.len + 1);
        if (text.len > 0)
                memcpy(reply->str, text.data, text.len);
        reply->len = text.len;
        return reply;
}

static redisReply *reply_word(const char *word)
{
        return reply_text(slice_of(word));
}

static redisReply *reply_number(int64_t number)
{
        redisReply *reply = reply_new(REDIS_REPLY_INTEGER);
        reply->integer = number;
        return reply;
}

static redisReply *reply_array(size_t count)
{
        redisReply *reply = reply_new(REDIS_REPLY_ARRAY);
        reply->elements = count;
        reply->element = memory_zeroed(count + 1, sizeof *reply->element);
        return reply;
}

static redisReply *reply_texts(const struct slice *texts, size_t count)
{
        redisReply *reply = reply_array(count);
        for (size_t i = 0; i < count; i++)
                reply->element[i] = reply_text(texts[i]);
        return reply;
}

static redisReply *reply_keys(uint32_t bits)
{
        struct slice keys[STORE_EFFECTS_MAX];
        size_t count = 0;
        for (int i = 0; i < STORE_EFFECTS_MAX; i++)
                if (bits >> i & 1)
                        keys[count++] = slice_of(store_effect_keys[i]);
        return reply_texts(keys, count);
}

static redisReply *reply_decision(uint32_t number)
{
        char text[64] = "";
        struct job_decision decision = decision_decode(number);
        if (decision.kind != DECISION_NONE)
                snprintf(text, sizeof text, "%s %d %d %s", job_decision_word(decision.kind), decision.tier,
                         decision.reject,
                         decision.reason == REASON_NONE ? "-" : reason_word(decision.reason));
        return reply_word(text);
}

enum { CLAIM_ELEMENTS = 17 };
#define CREATED_AT INT64_C(1700000000000)

static redisReply *reply_claim(const struct store_reply *claim)
{
        if (claim->claim == CLAIM_NEW)
                return reply_number(CREATED_AT);
        struct told_tries tries;
        tell_tries(claim, &tries);
        tell_plan(claim, &tries);
        redisReply *reply = reply_array(CLAIM_ELEMENTS), **element = reply->element;
        *element++ = reply_word(claim_answer_word(claim->claim));
        *element++ = reply_number(claim->lease_left_ms);
        *element++ = reply_number(CREATED_AT);
        *element++ = reply_number(claim->starts);
        *element++ = reply_decision(claim->decision);
        *element++ = reply_word(claim->error ? "an error" : "");
        *element++ = reply_word(claim->signal ? "SIGSEGV" : "");
        *element++ = reply_keys(claim->effects);
        *element++ = reply_keys(claim->intents);
        *element++ = reply_number(claim->generation.redrives);
        *element++ = reply_number(claim->generation.attempt);
        *element++ = reply_number(claim->generation.deferrals);
        *element++ = claim->letter ? reply_word("a queue") : reply_new(REDIS_REPLY_NIL);
        *element++ = reply_texts(tries.fields, tries.count);
        *element++ = reply_number(claim->doubt_ms);
        *element++ = reply_number(claim->doubt_age_ms);
        *element++ = reply_number(claim->doubt_from_age_ms);
        return reply;
}

static redisReply *reply_paused(uint32_t paused)
{
        struct slice names[QUEUES_MAX];
        size_t count = 0;
        for (uint32_t i = 0; i < world.queue_count; i++)
                if (paused >> i & 1)
                        names[count++] = slice_of(world.config.queues[i].name);
        return reply_texts(names, count);
}

static redisReply *reply_places(const struct share_answer *places)
{
        char text[160];
        snprintf(text, sizeof text, "%u %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
                 places->count, places->from_us, places->ahead_us, places->second, places->again_us,
                 places->pause_us);
        return reply_word(text);
}

/* What telling.c needs of the record. */
static redisReply *reply_due(const struct asked *asked)
{
        const struct store_due *due = &asked->call.reply.due;
        struct buffer text = {0};
        for (uint8_t i = 0; i < due->count; i++)
                buffer_printf(&text, "%s%s:%u.%u.%u:%" PRId64, i ? " " : "",
                              job_change_word(due->list[i].change), due->list[i].generation.redrives,
                              due->list[i].generation.attempt, due->list[i].generation.deferrals,
                              WALL_START_MS);
        const struct slice fields[] = {SLICE_LITERAL("created_ms"),     SLICE_LITERAL("1700000000000"),
                                       SLICE_LITERAL("type"),           SLICE_LITERAL("a.v1"),
                                       SLICE_LITERAL(RECORD_EVENT_DUE), {.data = text.data, .len = text.len}};
        bool asks = asked->call.request.told.count == 0;
        redisReply *reply = reply_texts(fields, asks && due->count > 0 ? sizeof fields / sizeof *fields : 0);
        buffer_fini(&text);
        return reply;
}

static void collect(void *context, bool lost, const struct slice *values, size_t count)
{
        redisReply **reply = context;
        (void)lost;
        *reply = reply_texts(values, count);
}

static redisReply *reply_tick(const struct asked *asked)
{
        redisReply *reply = NULL;
        ticks_answer(&asked->tick, collect, &reply);
        return reply;
}

static redisReply *reply_plan(const struct asked *asked)
{
        world.tally->replanned += world.specs[asked->plan_of].planned && asked->plan.len > 0;
        return asked->plan.len > 0 ? reply_text(asked->plan) : reply_new(REDIS_REPLY_NIL);
}

static redisReply *reply_script(const struct asked *asked)
{
        const struct store_reply *reply = &asked->call.reply;
        if (reply->known) {
                redisReply *error = reply_word("BUSYKEY Target key name already exists.");
                error->type = REDIS_REPLY_ERROR;
                return error;
        }
        if (asked->call.request.quick) {
                redisReply *ok = reply_word("OK");
                ok->type = REDIS_REPLY_STATUS;
                return ok;
        }
        if (asked->call.request.script == STORE_CLAIM)
                return reply_claim(reply);
        return reply_word(reply->lease == LEASE_OK ? "ok" : "lost");
}

static redisReply *reply_time(int64_t now_ms)
{
        char seconds[24], micros[24];
        snprintf(seconds, sizeof seconds, "%" PRId64, (WALL_START_MS + now_ms) / 1000);
        snprintf(micros, sizeof micros, "%" PRId64, (WALL_START_MS + now_ms) % 1000 * 1000);
        return reply_texts((const struct slice[]){slice_of(seconds), slice_of(micros)}, 2);
}

redisReply *server_reply(const struct asked *asked)
{
        if (asked->refusal) {
                redisReply *error = reply_word(asked->refusal);
                error->type = REDIS_REPLY_ERROR;
                return error;
        }
        switch (asked->kind) {
        case ASKED_SCRIPT:
                return reply_script(asked);
        case ASKED_COMMAND:
        case ASKED_PLAN_GONE:
                return reply_number(1);
        case ASKED_PAUSED:
                return reply_paused(asked->paused);
        case ASKED_RATE:
                return reply_places(&asked->places);
        case ASKED_PLAN:
                return reply_plan(asked);
        case ASKED_DUE:
                return reply_due(asked);
        case ASKED_TICK:
                return reply_tick(asked);
        case ASKED_STATE:
                return asked->state ? reply_word(asked->state) : reply_new(REDIS_REPLY_NIL);
        case ASKED_KEEPS:
                return reply_word("maxmemory:0\r\nmaxmemory_policy:noeviction\r\n");
        case ASKED_WAIT:
                return reply_number(asked->replicas);
        case ASKED_TIME:
                return reply_time(asked->time_ms);
        case ASKED_QUERY:
        case ASKED_QUEUED:
                break;
        }
        return reply_array(0);
}

/* ---- carrying out ---- */

static void take_from_index(const char *dead_id)
{
        for (uint32_t i = 0; i < world.indexed_count; i++)
                if (strcmp(world.indexed[i], dead_id) == 0)
                        memcpy(world.indexed[i], world.indexed[--world.indexed_count], DEAD_ID_SIZE);
}

static void add_to_index(const char *dead_id)
{
        for (uint32_t i = 0; i < world.indexed_count; i++)
                if (strcmp(world.indexed[i], dead_id) == 0)
                        return;
        if (world.indexed_count < INDEXED_MAX)
                memcpy(world.indexed[world.indexed_count++], dead_id, DEAD_ID_SIZE);
}

static void apply_script(struct asked *asked)
{
        struct call *call = &asked->call;
        world.store.now_ms = store_now();
        struct store_record before = world.store.records[call->request.id];
        call->reply_lost = asked->link->mute;
        if (call->request.fresh && before.owner == call->request.owner && (before.intents || before.decision))
                world_fail("fresh", "id %u is said to be fresh and is not", call->request.id);
        for (int i = 0; i < STORE_TRIES_MAX; i++) /* an outlet that is not named stays as it is */
                if (call->request.tries[i].outlet == 0)
                        call->request.tries[i].outlet = before.tries[i].outlet;
        failover_begin(call->request.id, asked);
        call->reply = fake_store_call(&world.store, &call->request);
        NOTE("store: id %u %s of %s: %s", call->request.id, store_script_word(call->request.script),
             world.owners[call->request.owner - 1],
             call->reply.known                     ? "known"
             : call->request.script == STORE_CLAIM ? claim_answer_word(call->reply.claim)
             : call->reply.lease == LEASE_OK       ? "ok"
                                                   : "lost");
        if (call->request.script == STORE_KEEP && call->reply.lease == LEASE_OK)
                world.plan_text[call->request.id] = call->request.plan;
        if (!call->reply.known) {
                check_answer(call, &before);
                events_recorded(call->request.id);
        }
        failover_end();
}

static void apply_due(struct asked *asked)
{
        failover_begin(asked->call.request.id, asked);
        asked->call.reply = fake_store_call(&world.store, &asked->call.request);
        failover_end();
}

static void apply_plan_gone(const struct asked *asked)
{
        failover_begin(asked->plan_of, asked);
        world.plan_text[asked->plan_of] = 0;
        failover_end();
}

static void apply(struct asked *asked)
{
        if (asked->kind == ASKED_SCRIPT)
                apply_script(asked);
        else if (asked->kind == ASKED_TIME)
                asked->time_ms = store_now();
        else if (asked->kind == ASKED_DUE)
                apply_due(asked);
        else if (asked->kind == ASKED_TICK)
                ticks_apply(&asked->tick);
        else if (asked->kind == ASKED_QUEUED)
                ticks_queued(asked->tick_job);
        else if (asked->kind == ASKED_STATE)
                asked->state = ticks_state(asked->tick_job);
        else if (asked->kind == ASKED_PLAN && world.plan_text[asked->plan_of])
                asked->plan = world.plans[world.plan_text[asked->plan_of] - 1].text;
        else if (asked->kind == ASKED_PLAN_GONE)
                apply_plan_gone(asked);
        else if (asked->kind == ASKED_RATE)
                asked->places = ledger_ask(&world.rates[asked->outlet], &asked->question, store_now() * 1000);
        else if (asked->kind == ASKED_PAUSED)
                for (uint32_t i = 0; i < world.queue_count; i++)
                        asked->paused |= (uint32_t)world.paused[i] << i;
        else if (asked->takes)
                take_from_index(asked->dead_id);
        else if (asked->dead_id[0])
                add_to_index(asked->dead_id);
}

static void on_reply(void *context)
{
        link_answered(context);
}

/* The answer leaves. */
static void answer(struct asked *asked)
{
        struct link *link = asked->link;
        if (link->mute || link->process->incarnation != link->incarnation)
                return;
        int64_t at_ms = loop_clock_ms + random_between(&world.random, 1, 5);
        if (at_ms < link->replied_last_ms)
                at_ms = link->replied_last_ms;
        link->replied_last_ms = at_ms;
        process_later(link->process, at_ms - loop_clock_ms, on_reply, asked);
}

static bool only_reads(const struct asked *asked)
{
        return asked->kind == ASKED_PAUSED || asked->kind == ASKED_QUERY || asked->kind == ASKED_PLAN ||
               asked->kind == ASKED_STATE || asked->kind == ASKED_KEEPS || asked->kind == ASKED_TIME;
}

/* A primary that is one no more. False: this one is, or it is only read. */
static bool refuses(struct asked *asked, const char *why)
{
        const struct link *link = asked->link;
        if (link->epoch == world.epoch || (link->demoted && only_reads(asked)))
                return false;
        asked->refusal = why;
        if (link->demoted)
                answer(asked);
        return true;
}

struct waiting {
        struct asked *asked;
        uint64_t position;
};

static void on_waited(void *context)
{
        const struct waiting *waiting = context;
        struct asked *asked = waiting->asked;
        if (world_fault(FAULT_FAILOVER))
                store_failover();
        if (refuses(asked, "UNBLOCKED force unblock from blocking operation"))
                return;
        if (asked->replicas > 0)
                failover_replicated(waiting->position);
        answer(asked);
}

/* Some replica has all that was written up to now after a while, or has it not in time. */
static void wait_for_replica(struct asked *asked)
{
        struct waiting *waiting = world_alloc(sizeof *waiting);
        *waiting = (struct waiting){.asked = asked, .position = failover_position()};
        asked->replicas = !world_fault(FAULT_REPLICA_LATE);
        world_later(asked->replicas ? world_latency() / 2 + 1 : STORE_TIMEOUT_MS / 2, on_waited, waiting);
}

static void on_apply(void *context)
{
        struct asked *asked = context;
        if (refuses(asked, "READONLY You can't write against a read only replica."))
                return;
        if (asked->kind == ASKED_WAIT) {
                wait_for_replica(asked);
                return;
        }
        if (!asked->refusal)
                apply(asked);
        if (asked->kind == ASKED_SCRIPT && world_fault(FAULT_FAILOVER))
                store_failover();
        answer(asked);
}

void server_hears(struct asked *asked)
{
        struct link *link = asked->link;
        bool matters = asked->kind == ASKED_SCRIPT || asked->kind == ASKED_PLAN || asked->kind >= ASKED_DUE;
        if (matters && world_fault(FAULT_REQUEST_LOST)) {
                link->deaf = link->mute = true;
                fault_mark(link->process, FAULT_STORE_CUT, -1);
        }
        if (matters && world_fault(FAULT_REPLY_LOST)) {
                link->mute = true;
                fault_mark(link->process, FAULT_STORE_CUT, -1);
                if (random_one_in(&world.random, 4)) /* it arrives late */
                        link->asked_last_ms = loop_clock_ms + random_between(&world.random, 1, LEASE_MS);
        }
        if (link->deaf)
                return;
        int64_t at_ms = loop_clock_ms + world_latency() / 2 + 1;
        if (at_ms < link->asked_last_ms)
                at_ms = link->asked_last_ms;
        link->asked_last_ms = at_ms;
        if (matters || asked->kind == ASKED_RATE || asked->kind == ASKED_PLAN_GONE ||
            asked->dead_id[0]) /* what else is asked keeps nobody from resting */
                world_later(at_ms - loop_clock_ms, on_apply, asked);
        else
                world_later_idly(at_ms - loop_clock_ms, on_apply, asked);
}
