#include "world.h"

#include "core/memory/memory.h"
#include "core/record/due.h"
#include "core/record/try_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/*
 * io/redis/redis_store.h and redis_spare.h over the model of the store. Requests leave before the loop
 * sleeps, are carried out in order and answered in order; a connection that is given up takes all of its
 * replies with it, while what was written may still be carried out.
 */

enum asked_kind {
        ASKED_SCRIPT,
        ASKED_COMMAND,
        ASKED_PAUSED,
        ASKED_QUERY,
        ASKED_RATE,
        ASKED_PLAN,
        ASKED_PLAN_GONE,
        ASKED_DUE,
        ASKED_TICK,
        ASKED_QUEUED,
        ASKED_STATE
};

struct asked {
        struct call call;
        enum asked_kind kind;
        struct link *link;
        store_done *done;
        store_strings *strings;
        void *context;
        char dead_id[DEAD_ID_SIZE]; /* what the command adds to the index or takes from it, or "" */
        bool takes;
        uint8_t plan_of;   /* whose plan is asked for, or goes */
        struct slice plan; /* the answer */
        struct tick_asked tick;
        struct tick *tick_job;
        const char *state; /* the answer */
        uint32_t paused;   /* the answer, bit per queue */
        size_t outlet;     /* whose rate is asked for */
        struct share_question question;
        struct share_answer places; /* the answer */
        bool written;
        STAILQ_ENTRY(asked) waiting;
};

/* One connection. */
struct link {
        struct process *process;
        uint32_t incarnation;
        bool deaf; /* what is written from now on is not carried out */
        bool mute; /* nothing is answered any more */
        int64_t asked_last_ms, replied_last_ms;
};

struct redis_store {
        struct process *process;
        const struct config *config;
        const struct redis_store_events *events;
        void *context;
        struct link *link; /* NULL: down */
        STAILQ_HEAD(, asked) ring;
        uv_prepare_t *prepare;
        uv_timer_t *watch;
        bool closing;
};

static void handle_free(uv_handle_t *handle)
{
        free(handle);
}

int64_t store_now(void)
{
        return loop_clock_ms + world.store_offset_ms;
}

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

static struct job_decision decision_decode(uint32_t number)
{
        return (struct job_decision){.kind = (enum job_decision_kind)(number % 8),
                                     .reason = (enum reason)(number / 8 % 128),
                                     .tier = (int)(number / 1024 % 64) - 1,
                                     .reject = number / 65536 != 0};
}

/* ---- the connection's end ---- */

static void tell_lost(struct asked *asked)
{
        if (asked->strings)
                asked->strings(asked->context, true, NULL, 0);
        else if (asked->done)
                asked->done(asked->context,
                            &(struct store_result){.lost = true, .sent_ms = asked->call.sent_ms});
}

static void on_connected(void *context);

static void drop(struct redis_store *store, const char *why)
{
        if (!store->link)
                return;
        fault_mark(store->process, FAULT_STORE_CUT, -1);
        store->link->mute = true;
        store->link = NULL;
        NOTE("w%d gives its store up: %s", process_number(store->process), why);
        struct asked *asked;
        while ((asked = STAILQ_FIRST(&store->ring))) {
                STAILQ_REMOVE_HEAD(&store->ring, waiting);
                tell_lost(asked);
        }
        if (store->closing)
                return;
        store->events->down(store->context, why);
        int64_t away_ms = random_one_in(&world.random, 4) ? random_between(&world.random, 1, 2 * LEASE_MS)
                                                          : random_between(&world.random, 1, 800);
        process_later(store->process, away_ms, on_connected, store->process);
}

static void on_watch(uv_timer_t *timer)
{
        struct redis_store *store = timer->data;
        const struct asked *first = STAILQ_FIRST(&store->ring);
        if (store->link && first &&
            process_clock_ms(store->process) - first->call.sent_ms > store->config->redis.timeout_ms)
                drop(store, "no reply in time");
}

struct link_cut {
        struct process *process;
        struct link *link;
};

static void on_link_cut(void *context)
{
        const struct link_cut *cut = context;
        struct redis_store *store = cut->process->store;
        if (store && store->link == cut->link)
                drop(store, "cut");
}

void store_cut(struct process *process)
{
        struct redis_store *store = process->store;
        if (!process->alive || !store || !store->link)
                return;
        struct link_cut *cut = world_alloc(sizeof *cut);
        *cut = (struct link_cut){.process = process, .link = store->link};
        store->link->deaf = random_one_in(&world.random, 2);
        store->link->mute = true;
        process_later(process, 0, on_link_cut, cut);
}

/* ---- replies ---- */

static const char *const effect_keys[STORE_EFFECTS_MAX] = {"e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7"};

static size_t keys_of(uint32_t bits, struct slice keys[STORE_EFFECTS_MAX])
{
        size_t count = 0;
        for (int i = 0; i < STORE_EFFECTS_MAX; i++)
                if (bits >> i & 1)
                        keys[count++] = slice_of(effect_keys[i]);
        return count;
}

/* ---- the fields that tell of tries: outlets are numbers from 1 in the model, 0: none is recorded ---- */

struct told_tries {
        struct slice fields[6 * STORE_TRIES_MAX + 4];
        size_t count;
        char texts[STORE_TRIES_MAX][TRY_RECORD_SIZE], spent[STORE_TRIES_MAX][TRY_RECORD_SIZE];
        char deaths[TRY_RECORD_SIZE];
};

static const char *const try_names[STORE_TRIES_MAX] = {"try.e0", "try.e1", "try.e2"};
static const char *const spent_names[STORE_TRIES_MAX] = {"spent.e0", "spent.e1", "spent.e2"};
static const char *const outlet_names[STORE_TRIES_MAX] = {"outlet.e0", "outlet.e1", "outlet.e2"};

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
                        told->fields[told->count++] = slice_of(outlet_names[i]);
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
                told->fields[told->count++] = slice_of(try_names[i]);
                told->fields[told->count++] = slice_of(told->texts[i]);
                if (try->spent.tries == 0)
                        continue;
                spent_record_format(try->spent.tries, try->spent.redrives, told->spent[i]);
                told->fields[told->count++] = slice_of(spent_names[i]);
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

static void read_tries(const struct slice *fields, size_t count, struct store_try tries[STORE_TRIES_MAX])
{
        for (size_t i = 0; i + 1 < count; i += 2)
                for (int k = 0; k < STORE_TRIES_MAX; k++) {
                        struct try_record record;
                        if (slice_is(fields[i], outlet_names[k]))
                                tries[k].outlet = outlet_number(fields[i + 1]);
                        if (slice_is(fields[i], spent_names[k]))
                                spent_record_parse(fields[i + 1], &tries[k].spent.tries,
                                                   &tries[k].spent.redrives);
                        if (!slice_is(fields[i], try_names[k]))
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

static void answer_script(struct asked *asked)
{
        const struct store_reply *reply = &asked->call.reply;
        struct slice effects[STORE_EFFECTS_MAX], intents[STORE_EFFECTS_MAX];
        struct told_tries tries;
        tell_tries(reply, &tries);
        tell_plan(reply, &tries);
        struct store_result result = {
                .sent_ms = asked->call.sent_ms,
                .lease = reply->lease,
                .claim = reply->claim,
                .lease_left_ms = reply->lease_left_ms,
                .created_ms = 1700000000000,
                .starts = reply->starts,
                .generation = reply->generation,
                .letter_queue = reply->letter ? SLICE_LITERAL("a queue") : (struct slice){0},
                .decision = decision_decode(reply->decision),
                .error = reply->error ? SLICE_LITERAL("an error") : SLICE_LITERAL(""),
                .signal = reply->signal ? SLICE_LITERAL("SIGSEGV") : SLICE_LITERAL(""),
                .effects = effects,
                .intents = intents,
                .effect_count = keys_of(reply->effects, effects),
                .intent_count = keys_of(reply->intents, intents),
                .tries = tries.fields,
                .try_count = tries.count,
                .doubt_ms = reply->doubt_ms,
                .doubt_age_ms = reply->doubt_age_ms,
                .doubt_from_age_ms = reply->doubt_from_age_ms,
        };
        if (asked->call.request.script == STORE_CLAIM)
                world.tally->claims[reply->claim]++;
        if (asked->done)
                asked->done(asked->context, &result);
}

static void answer_strings(struct asked *asked)
{
        struct slice names[QUEUES_MAX];
        size_t count = 0;
        for (uint32_t i = 0; i < world.queue_count; i++)
                if (asked->paused >> i & 1)
                        names[count++] = slice_of(world.config.queues[i].name);
        asked->strings(asked->context, false, names, count);
}

static void answer_places(struct asked *asked)
{
        char text[160];
        const struct share_answer *places = &asked->places;
        snprintf(text, sizeof text, "%u %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
                 places->count, places->from_us, places->ahead_us, places->second, places->again_us,
                 places->pause_us);
        struct slice value = slice_of(text);
        asked->strings(asked->context, false, &value, 1);
}

/* What tell.c needs of the record. */
static void answer_due(struct asked *asked)
{
        static const struct slice created = SLICE_LITERAL("1700000000000");
        const struct store_due *due = &asked->call.reply.due;
        struct buffer text = {0};
        for (uint8_t i = 0; i < due->count; i++)
                buffer_printf(&text, "%s%s:%u.%u.%u:%" PRId64, i ? " " : "",
                              job_change_word(due->list[i].change), due->list[i].generation.redrives,
                              due->list[i].generation.attempt, due->list[i].generation.deferrals,
                              WALL_START_MS);
        struct slice fields[] = {SLICE_LITERAL("created_ms"),     created,
                                 SLICE_LITERAL("type"),           SLICE_LITERAL("a.v1"),
                                 SLICE_LITERAL(RECORD_EVENT_DUE), {.data = text.data, .len = text.len}};
        bool asks = asked->call.request.told.count == 0;
        asked->strings(asked->context, false, fields,
                       asks && due->count > 0 ? sizeof fields / sizeof *fields : 0);
        buffer_fini(&text);
}

static void answer_state(struct asked *asked)
{
        struct slice state = slice_of(asked->state ? asked->state : "");
        asked->strings(asked->context, false, &state, asked->state != NULL);
}

static void answer_plan(struct asked *asked)
{
        world.tally->replanned += world.specs[asked->plan_of].planned && asked->plan.len > 0;
        asked->strings(asked->context, false, &asked->plan, asked->plan.len > 0);
}

static void on_reply(void *context)
{
        struct asked *asked = context;
        struct redis_store *store = asked->link->process->store;
        if (!store || store->link != asked->link)
                return;
        if (STAILQ_FIRST(&store->ring) != asked) {
                world_fail("store", "replies out of order");
                return;
        }
        STAILQ_REMOVE_HEAD(&store->ring, waiting);
        if (STAILQ_EMPTY(&store->ring))
                uv_timer_stop(store->watch);
        if (asked->kind == ASKED_RATE)
                answer_places(asked);
        else if (asked->kind == ASKED_PLAN)
                answer_plan(asked);
        else if (asked->kind == ASKED_DUE)
                answer_due(asked);
        else if (asked->kind == ASKED_TICK)
                ticks_answer(&asked->tick, asked->strings, asked->context);
        else if (asked->kind == ASKED_STATE)
                answer_state(asked);
        else if (asked->kind == ASKED_QUEUED)
                asked->strings(asked->context, false, NULL, 0);
        else if (asked->strings)
                answer_strings(asked);
        else if (asked->kind == ASKED_SCRIPT)
                answer_script(asked);
        else if (asked->done)
                asked->done(asked->context, &(struct store_result){.sent_ms = asked->call.sent_ms});
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
        call->reply = fake_store_call(&world.store, &call->request);
        NOTE("store: id %u %s of %s: %s", call->request.id, store_script_word(call->request.script),
             world.owners[call->request.owner - 1],
             call->request.script == STORE_CLAIM ? claim_answer_word(call->reply.claim)
             : call->reply.lease == LEASE_OK     ? "ok"
                                                 : "lost");
        if (call->request.script == STORE_KEEP && call->reply.lease == LEASE_OK)
                world.plan_text[call->request.id] = call->request.plan;
        check_answer(call, &before);
        events_recorded(call->request.id);
}

static void on_apply(void *context)
{
        struct asked *asked = context;
        struct link *link = asked->link;
        if (asked->kind == ASKED_SCRIPT)
                apply_script(asked);
        else if (asked->kind == ASKED_DUE)
                asked->call.reply = fake_store_call(&world.store, &asked->call.request);
        else if (asked->kind == ASKED_TICK)
                ticks_apply(&asked->tick);
        else if (asked->kind == ASKED_QUEUED)
                ticks_queued(asked->tick_job);
        else if (asked->kind == ASKED_STATE)
                asked->state = ticks_state(asked->tick_job);
        else if (asked->kind == ASKED_PLAN && world.plan_text[asked->plan_of])
                asked->plan = world.plans[world.plan_text[asked->plan_of] - 1].text;
        else if (asked->kind == ASKED_PLAN_GONE)
                world.plan_text[asked->plan_of] = 0;
        else if (asked->kind == ASKED_RATE)
                asked->places = ledger_ask(&world.rates[asked->outlet], &asked->question, store_now() * 1000);
        else if (asked->kind == ASKED_PAUSED)
                for (uint32_t i = 0; i < world.queue_count; i++)
                        asked->paused |= (uint32_t)world.paused[i] << i;
        else if (asked->takes)
                take_from_index(asked->dead_id);
        else if (asked->dead_id[0])
                add_to_index(asked->dead_id);
        if (link->mute || link->process->incarnation != link->incarnation)
                return;
        int64_t at_ms = loop_clock_ms + random_between(&world.random, 1, 5);
        if (at_ms < link->replied_last_ms)
                at_ms = link->replied_last_ms;
        link->replied_last_ms = at_ms;
        process_later(link->process, at_ms - loop_clock_ms, on_reply, asked);
}

/* One request leaves. */
static void write_out(struct asked *asked)
{
        struct link *link = asked->link;
        asked->written = true;
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

static void on_prepare(uv_prepare_t *prepare)
{
        struct redis_store *store = prepare->data;
        struct asked *asked;
        bool any = false;
        STAILQ_FOREACH(asked, &store->ring, waiting)
        {
                if (!asked->written) {
                        write_out(asked);
                        any = true;
                }
        }
        if (any && !uv_is_active((uv_handle_t *)store->watch))
                uv_timer_start(store->watch, on_watch, STORE_TIMEOUT_MS / 4, STORE_TIMEOUT_MS / 4);
}

/* ---- life ---- */

static void on_connected(void *context)
{
        struct process *process = context;
        struct redis_store *store = process->store;
        if (!store || store->link)
                return;
        if (random_one_in(&world.random, 8)) {
                store->events->down(store->context, "not now");
                process_later(process, random_between(&world.random, 100, 500), on_connected, process);
                return;
        }
        store->link = world_alloc(sizeof *store->link);
        *store->link = (struct link){.process = process, .incarnation = process->incarnation};
        NOTE("w%d has the store", process_number(process));
        store->events->up(store->context);
}

struct redis_store *redis_store_open(uv_loop_t *loop, const struct config *config, const char *worker,
                                     const struct redis_store_events *events, void *context)
{
        (void)worker;
        struct process *process = process_now();
        struct redis_store *store = memory_zeroed(1, sizeof *store);
        store->process = process;
        store->config = config;
        store->events = events;
        store->context = context;
        STAILQ_INIT(&store->ring);
        store->prepare = memory_zeroed(1, sizeof *store->prepare);
        store->watch = memory_zeroed(1, sizeof *store->watch);
        uv_prepare_init(loop, store->prepare);
        uv_timer_init(loop, store->watch);
        store->prepare->data = store->watch->data = store;
        uv_prepare_start(store->prepare, on_prepare);
        process->store = store;
        process_later(process, world_latency(), on_connected, process);
        return store;
}

void redis_store_close(struct redis_store *store)
{
        store->closing = true;
        on_prepare(store->prepare);
        drop(store, "closing");
        store->process->store = NULL;
        uv_close((uv_handle_t *)store->prepare, handle_free);
        uv_close((uv_handle_t *)store->watch, handle_free);
        free(store);
}

bool redis_store_is_up(const struct redis_store *store)
{
        return store->link != NULL;
}

void redis_store_trouble(const struct redis_store *store, char *text)
{
        strcpy(text, store->link ? "" : "not now");
}

void redis_store_found(const struct redis_store *store, char text[REDIS_FOUND_SIZE])
{
        (void)store;
        text[0] = '\0';
}

bool redis_store_keeps_unknown(const struct redis_store *store)
{
        (void)store;
        return false;
}

/* ---- requests ---- */

struct late {
        uv_timer_t timer;
        struct asked *asked;
};

static void on_late(uv_timer_t *timer)
{
        struct late *late = timer->data;
        tell_lost(late->asked);
        uv_close((uv_handle_t *)timer, handle_free);
}

static void ask(struct redis_store *store, const struct asked *request)
{
        struct asked *asked = world_alloc(sizeof *asked);
        *asked = *request;
        asked->call.process = store->process;
        asked->call.incarnation = store->process->incarnation;
        asked->call.sent_ms = process_clock_ms(store->process);
        asked->link = store->link;
        if (store->link) {
                STAILQ_INSERT_TAIL(&store->ring, asked, waiting);
                return;
        }
        if (asked->kind == ASKED_SCRIPT)
                fault_mark(store->process, FAULT_STORE_CUT, -1);
        if (asked->done && random_one_in(&world.random, 8)) /* it is back before the loss is told */
                process_later(store->process, 0, on_connected, store->process);
        if (!asked->done && !asked->strings)
                return;
        struct late *late = memory_zeroed(1, sizeof *late);
        late->asked = asked;
        uv_timer_init(&store->process->engine->loop, &late->timer);
        late->timer.data = late;
        uv_timer_start(&late->timer, on_late, random_below(&world.random, 3), 0);
}

static uint8_t effect_number(struct slice key)
{
        for (uint8_t i = 0; i < STORE_EFFECTS_MAX; i++)
                if (slice_is(key, effect_keys[i]))
                        return (uint8_t)(i + 1);
        return 0;
}

static uint32_t content_of(uint8_t id, struct slice fingerprint)
{
        return slice_is(fingerprint, world.fingerprints[id][1]);
}

static void ask_script(struct redis_store *store, const struct store_identity *identity,
                       struct store_request request, store_done *done, void *context)
{
        uint8_t id = (uint8_t)(identity->id.len == 2 ? identity->id.data[1] - '0' : IDS_MAX);
        if (id >= IDS_MAX) {
                world_fail("store", "a record for the id %.*s", SLICE_PRINT(identity->id));
                return;
        }
        request.id = id;
        request.owner = store_owner(identity->owner);
        request.lease_ms = store->config->claim.lease_ms;
        request.keep_ms = KEEP_MS;
        request.generation = identity->generation;
        request.fingerprint = content_of(id, identity->fingerprint);
        ask(store,
            &(struct asked){.kind = ASKED_SCRIPT, .call.request = request, .done = done, .context = context});
}

void redis_store_claim(struct redis_store *store, const struct store_identity *identity,
                       const struct store_claim *claim, store_done *done, void *context)
{
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
}

void redis_store_renew(struct redis_store *store, const struct store_identity *identity, store_done *done,
                       void *context)
{
        ask_script(store, identity, (struct store_request){.script = STORE_RENEW}, done, context);
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

void redis_store_keep(struct redis_store *store, const struct store_identity *identity,
                      const struct store_plan *plan, store_done *done, void *context)
{
        uint8_t id = (uint8_t)(identity->id.data[1] - '0');
        ask_script(store, identity,
                   (struct store_request){.script = STORE_KEEP,
                                          .plan = plan_number(id, plan->record, plan->digest)},
                   done, context);
}

void redis_store_intend(struct redis_store *store, const struct store_identity *identity,
                        const struct store_intent *intent, store_done *done, void *context)
{
        struct store_request request = {.script = STORE_INTEND, .effect = effect_number(intent->effect)};
        const struct store_move *move = intent->move;
        for (uint8_t i = 0; move && i < STORE_TRIES_MAX; i++)
                if (slice_is(move->field, outlet_names[i]))
                        request.moved_effect = (uint8_t)(i + 1);
        if (move) {
                request.moves = (uint16_t)move->count;
                request.outlet = outlet_number(move->outlet);
        }
        ask_script(store, identity, request, done, context);
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

void redis_store_record(struct redis_store *store, const struct store_identity *identity,
                        const struct store_effect *effect, store_done *done, void *context)
{
        check_effect(store, identity, effect);
        ask_script(store, identity,
                   (struct store_request){.script = STORE_RECORD,
                                          .effect = effect_number(effect->key),
                                          .sent = effect->sent,
                                          .effects_total = (uint8_t)effect->total,
                                          .effects_done = (uint8_t)effect->done},
                   done, context);
}

void redis_store_complete(struct redis_store *store, const struct store_identity *identity,
                          const struct store_effect *effect, store_done *done, void *context)
{
        check_effect(store, identity, effect);
        ask_script(store, identity,
                   (struct store_request){.script = STORE_COMPLETE,
                                          .effect = effect->key.data ? effect_number(effect->key) : 0,
                                          .fresh = effect->fresh,
                                          .tells = effect->tells,
                                          .effects_total = (uint8_t)effect->total},
                   done, context);
}

void redis_store_decide(struct redis_store *store, const struct store_identity *identity,
                        const struct store_decision *decision, store_done *done, void *context)
{
        struct store_request request = {.script = STORE_DECIDE,
                                        .decision = decision_encode(&decision->decision),
                                        .reason = (uint32_t)decision->decision.reason,
                                        .error = decision->error.len > 0,
                                        .effects_total = (uint8_t)decision->effects_total,
                                        .void_effect = effect_number(decision->refused)};
        check_decide(store->process, identity, decision);
        read_tries(decision->tries, decision->try_count, request.tries);
        request.plan_deaths = read_plan_deaths(decision, identity->generation.redrives);
        ask_script(store, identity, request, done, context);
}

void redis_store_settle(struct redis_store *store, const struct store_identity *identity,
                        const struct store_settlement *settlement, store_done *done, void *context)
{
        const struct job_decision *decision = &settlement->decision;
        ask_script(
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

void redis_store_command(struct redis_store *store, const struct slice *arguments, size_t count,
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
        ask(store, &asked);
}

void redis_store_query(struct redis_store *store, const struct slice *arguments, size_t count,
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
        ask(store, &asked);
}

void redis_store_tick(struct redis_store *store, const struct slice *arguments, size_t count,
                      store_strings *done, void *context)
{
        if (count != 8 || memcmp(arguments[0].data, "sim:schedule:{s/", 16) != 0)
                world_fail("schedule", "the store is asked %.*s", SLICE_PRINT(arguments[0]));
        else
                ask(store, &(struct asked){.kind = ASKED_TICK,
                                           .tick = ticks_read(arguments),
                                           .strings = done,
                                           .context = context});
}

void redis_store_queued(struct redis_store *store, const struct slice *arguments, size_t count,
                        store_strings *done, void *context)
{
        struct tick *tick = ticks_by_key(arguments[0]);
        if (count != 3 || !tick)
                world_fail("schedule", "%.*s is said to be queued", SLICE_PRINT(arguments[0]));
        else
                ask(store,
                    &(struct asked){
                            .kind = ASKED_QUEUED, .tick_job = tick, .strings = done, .context = context});
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

void redis_store_due(struct redis_store *store, const struct slice *arguments, size_t count,
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
        ask(store,
            &(struct asked){.kind = ASKED_DUE, .call.request = request, .strings = done, .context = context});
}

void redis_store_rate(struct redis_store *store, struct store_rate rate,
                      const struct share_question *question, store_strings *done, void *context)
{
        size_t outlet = 0;
        while (!rate.domain && !slice_is(rate.name, config_outlet_at(&world.config, outlet)->name))
                outlet++;
        if (rate.domain) /* those of all domains are one */
                outlet = CONFIG_OUTLETS_MAX + 1;
        ask(store, &(struct asked){.kind = ASKED_RATE,
                                   .outlet = outlet,
                                   .question = *question,
                                   .strings = done,
                                   .context = context});
}

/* The last words of a process, over the connection that it kept for them. */
void store_killed(uint8_t id, const char *owner)
{
        world.store.now_ms = store_now();
        fake_store_call(&world.store, &(struct store_request){.script = STORE_KILLED,
                                                              .id = id,
                                                              .owner = store_owner(slice_of(owner)),
                                                              .signal = 1});
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

struct redis_spare *redis_spare_open(uv_loop_t *loop, const struct config *config, const char *worker,
                                     redis_spare_changed *changed, void *context)
{
        (void)loop, (void)config, (void)worker;
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
