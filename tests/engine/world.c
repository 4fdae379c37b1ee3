#include "world.h"
#include "core/codec/json.h"
#include "core/memory/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world world;

static struct heap memory; /* the world's own */

const char *fault_word(enum sim_fault fault)
{
        static const char *const words[FAULT_COUNT] = {
#define X(name, word) [FAULT_##name] = (word),
                FAULT_LIST(X)
#undef X
        };
        return words[fault];
}

void world_note(const char *format, ...)
{
        va_list list;
        va_start(list, format);
        printf("%9.3f  ", (double)loop_clock_ms / 1000);
        vprintf(format, list);
        putchar('\n');
        va_end(list);
}

void world_fail(const char *check, const char *format, ...)
{
        if (world.failure)
                return;
        va_list list;
        va_start(list, format);
        world.failure = check;
        vsnprintf(world.failure_text, sizeof world.failure_text, format, list);
        va_end(list);
        NOTE("FAILED %s: %s", check, world.failure_text);
}

void *world_alloc(size_t size)
{
        struct heap *before = heap_use(&memory);
        void *allocated = arena_alloc(&world.memory, size);
        heap_use(before);
        return allocated;
}

static struct heap *heap_before;

struct arena *world_memory_enter(void)
{
        heap_before = heap_use(&memory);
        return &world.memory;
}

void world_memory_leave(void)
{
        heap_use(heap_before);
}

int process_number(const struct process *process)
{
        return (int)(process - world.processes);
}

struct process *process_now(void)
{
        return world.now_running;
}

int64_t process_clock_ms(const struct process *process)
{
        return loop_clock_ms + process->clock_offset_ms;
}

/* ---- what is to happen: a heap by time, then by order ---- */

static bool sooner(const struct happening *a, const struct happening *b)
{
        return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct happening *a, struct happening *b)
{
        struct happening kept = *a;
        *a = *b;
        *b = kept;
}

static void add(struct happening happening)
{
        if (world.pending_count == world.pending_room) {
                struct heap *before = heap_use(&memory);
                world.pending_room = world.pending_room ? 2 * world.pending_room : 256;
                world.pending = memory_resized(world.pending, world.pending_room * sizeof *world.pending);
                heap_use(before);
        }
        size_t at = world.pending_count++;
        happening.order = world.order++;
        world.pending[at] = happening;
        for (; at > 0 && sooner(&world.pending[at], &world.pending[(at - 1) / 2]); at = (at - 1) / 2)
                swap(&world.pending[at], &world.pending[(at - 1) / 2]);
}

static struct happening take(void)
{
        struct happening first = world.pending[0];
        world.pending[0] = world.pending[--world.pending_count];
        for (size_t at = 0;;) {
                size_t best = at;
                for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < world.pending_count; child++)
                        if (sooner(&world.pending[child], &world.pending[best]))
                                best = child;
                if (best == at)
                        return first;
                swap(&world.pending[at], &world.pending[best]);
                at = best;
        }
}

void world_later(int64_t delay_ms, happen *call, void *context)
{
        world.errands++;
        add((struct happening){.at_ms = loop_clock_ms + delay_ms, .call = call, .context = context});
}

void world_later_idly(int64_t delay_ms, happen *call, void *context)
{
        add((struct happening){
                .at_ms = loop_clock_ms + delay_ms, .call = call, .context = context, .idle = true});
}

void process_later(struct process *process, int64_t delay_ms, happen *call, void *context)
{
        add((struct happening){.at_ms = loop_clock_ms + delay_ms,
                               .call = call,
                               .context = context,
                               .process = process,
                               .incarnation = process->incarnation});
}

/* Mostly short, sometimes long enough to change every order, always shorter than the time-outs. */
int64_t world_latency(void)
{
        return random_one_in(&world.random, 8) ? random_between(&world.random, 1, 300)
                                               : random_between(&world.random, 1, 10);
}

bool world_has(enum sim_fault fault)
{
        return world.faults >> fault & 1;
}

bool world_fault(enum sim_fault fault)
{
        if (!world_has(fault) || world.budget == 0 || !random_one_in(&world.random, world.fault_rate))
                return false;
        world.budget--;
        world.tally->faults[fault]++;
        NOTE("-- fault: %s", fault_word(fault));
        return true;
}

/* ---- a schedule ---- */

/* Half of the messages have mails alone. */
static void draw_effects(struct spec *spec)
{
        struct random *random = &world.random;
        bool mixed = random_one_in(random, 2);
        for (int i = 0; i < spec->effects; i++) {
                if (mixed)
                        spec->kinds[i] = (enum effect_kind)random_below(random, EFFECT_PUBLISH + 1);
                spec->batch[i] = (uint8_t)random_between(random, 1, BATCH_MAX);
                if (spec->kinds[i] == EFFECT_MAIL && random_one_in(random, 6))
                        spec->files |= (uint8_t)(1u << i);
        }
        spec->other_origin = (uint8_t)random_below(random, 8);
}

/* A planner's mails have no files, and it publishes one message at a time. */
static void draw_planned(struct spec *spec)
{
        spec->files = 0;
        for (int i = 0; i < spec->effects; i++)
                spec->batch[i] = 1;
}

static void draw_spec(struct spec *spec)
{
        struct random *random = &world.random;
        *spec = (struct spec){.queue = (uint8_t)random_below(random, world.queue_count)};
        spec->effects = (uint8_t)random_between(random, 1, world.bounds.effects);
        spec->park = world_has(FAULT_PARK) && random_one_in(random, 2);
        spec->planned = world_has(FAULT_PLANNER) && !spec->park && random_one_in(random, 2);
        if (random_one_in(random, 3))
                spec->named = (uint8_t)random_below(random, 8);
        draw_effects(spec);
        if (spec->planned)
                draw_planned(spec);
        if (world_has(FAULT_PERMANENT) && random_one_in(random, 2))
                spec->permanent = (uint8_t)(random_below(random, 8) & ((1U << spec->effects) - 1));
        if (world_has(FAULT_LATER) && random_one_in(random, 2))
                spec->due_ms = WALL_START_MS + 1000 * random_between(random, 1, 15);
        spec->poison = world_has(FAULT_POISON) && !spec->planned && random_one_in(random, 3);
        if (world_has(FAULT_UNCOPYABLE) && random_one_in(random, 2)) {
                spec->unencodable = true;
                spec->due_ms = 0; /* no copy of it could wait */
                spec->too_large = random_one_in(random, 2);
                if (spec->too_large)
                        spec->bad = REASON_TOO_LARGE;
        } else if (world_has(FAULT_REFUSED) && !spec->planned && random_one_in(random, 2)) {
                static const enum reason reasons[] = {REASON_MISSING_ID, REASON_MISSING_TYPE,
                                                      REASON_UNKNOWN_TYPE, REASON_BAD_PAYLOAD,
                                                      REASON_REJECTED};
                spec->bad = reasons[random_below(random, 5)];
                spec->no_id = spec->bad == REASON_MISSING_ID;
        }
}

static uint64_t draw_faults(void)
{
        uint64_t mask = world.bounds.every ? UINT64_MAX : 0;
        uint32_t one_in = (uint32_t)random_between(&world.random, 2, 6);
        for (int i = 0; i < FAULT_COUNT; i++)
                if (random_one_in(&world.random, one_in))
                        mask |= (uint64_t)1 << i;
        mask &= world.bounds.faults;
        if (!world.bounds.every && !random_one_in(&world.random, 3)) /* they last for minutes */
                mask &= ~((uint64_t)1 << FAULT_SCHEDULE);
        if (mask >> FAULT_SCHEDULE & 1) /* all its ticks go by the store's clock */
                mask &= ~((uint64_t)1 << FAULT_CLOCK_JUMP);
        return mask;
}

static void draw_outlet(struct config_outlet *outlet, const char *name, enum outlet_kind kind)
{
        struct random *random = &world.random;
        int64_t connections = random_between(random, 1, 3);
        *outlet = (struct config_outlet){
                .name = name,
                .kind = kind,
                .from = "sim@example.com",
                .retry_after_max_ms = 300000,
                .fallback_after = random_between(random, 1, 2),
                .timeout_ms = SEND_LIMIT_MS,
                .rate = random_one_in(random, 4) ? (double)random_between(random, 1, 20) : 0,
                .http = {.connections = connections},
                .post = {.connections = connections,
                         .allow = {.count = ORIGINS_MAX, .list = {world_origins[0], world_origins[1]}}},
                .lookup_for_ms = 3600000,
                .breaker = {.failures = random_between(random, 2, 6), .open_ms = 1000, .open_max_ms = 4000}};
        if ((int)outlet->rate % 2 == 1) { /* one that all workers share */
                outlet->rate_shared = outlet->rate;
                outlet->rate = 0;
        } else if (outlet->rate > 10 && kind == OUTLET_MAIL) {
                outlet->rate_domain = (struct config_texts){.count = 1, .list = {"*\n5/s"}};
                outlet->rate = 0;
        }
        if (kind == OUTLET_MAIL && world_has(FAULT_LOOKUP) && random_one_in(random, 2))
                outlet->http.preset = MAIL_PRESET_MAILPIT; /* it can be asked for what it took */
}

/* The outlets of one kind, which are `count` from that number on: who falls back to whom. */
static void draw_fallbacks(struct config *config, uint32_t from, uint32_t count)
{
        for (uint32_t i = 0; i < count; i++) {
                uint32_t which = from + i;
                struct config_outlet *outlet = which == 0 ? &config->mail : &config->outlets[which - 1];
                for (uint32_t k = 1; k < count && random_one_in(&world.random, 2); k++)
                        outlet->fallback.list[outlet->fallback.count++] =
                                config_outlet_at(config, from + (i + k) % count)->name;
        }
}

/* Up to two more than mail for mails, and one or two for posts. */
static void draw_outlets(struct config *config)
{
        static const char *const mails[MAIL_OUTLETS_MAX] = {"mail", "second", "third"};
        static const char *const posts[POST_OUTLETS_MAX] = {"hooks", "hooks2"};
        struct random *random = &world.random;
        world.mail_count = (uint32_t)random_between(random, 1, MAIL_OUTLETS_MAX);
        world.post_count = (uint32_t)random_between(random, 1, POST_OUTLETS_MAX);
        draw_outlet(&config->mail, mails[0], OUTLET_MAIL);
        for (uint32_t i = 1; i < world.mail_count; i++)
                draw_outlet(&config->outlets[config->outlet_count++], mails[i], OUTLET_MAIL);
        for (uint32_t i = 0; i < world.post_count; i++)
                draw_outlet(&config->outlets[config->outlet_count++], posts[i], OUTLET_POST);
        draw_fallbacks(config, 0, world.mail_count);
        draw_fallbacks(config, world.mail_count, world.post_count);
        if (world.mail_count == 1)
                return;
        config->handlers[0].outlet = random_one_in(random, 2) ? mails[1] : NULL;
        config->queues[0].outlet = random_one_in(random, 3) ? mails[world.mail_count - 1] : NULL;
}

/* Others are told of some changes; how long it takes may hold the work up for ever, or not for long. */
static void draw_events(struct config *config)
{
        config->events.exchange = EVENTS_EXCHANGE;
        config->events.hold_ms = random_one_in(&world.random, 3) ? 3000 : 100000;
        for (int i = 0; i < JOB_CHANGE_COUNT; i++)
                if (!random_one_in(&world.random, 4))
                        config->events.states.list[config->events.states.count++] =
                                job_change_word((enum job_change)i);
}

static void draw_config(struct config *config)
{
        static const char *const names[QUEUES_MAX] = {"work", "other"};
        struct random *random = &world.random;
        *config = (struct config){
                .redis = {.prefix = "sim", .timeout_ms = STORE_TIMEOUT_MS},
                .claim = {.lease_ms = LEASE_MS,
                          .keep_ms = KEEP_MS,
                          .max_crashes = random_between(random, 2, 3)},
                .alerts = {.interval_ms = 60000, .idle_ms = 600000, .webhook = "http://127.0.0.1:9/alerts"},
                .admin = {.listen = "off"},
                .shutdown = {.grace_ms = GRACE_MS},
                .max_body = 65536,
                .queue_count = world.queue_count,
                .handlers = {{.type = "park.v1",
                              .timeout_ms = random_one_in(random, 2) ? LEASE_MS : 4 * LEASE_MS,
                              .on_ambiguous = ON_AMBIGUOUS_PARK,
                              .has_on_ambiguous = true},
                             {.type = "plain.v1",
                              .attempts = random_between(random, 0, 3),
                              .timeout_ms = random_one_in(random, 2) ? LEASE_MS : 4 * LEASE_MS},
                             [PLANNED_HANDLER] = {.type = "planned.v1",
                                                  .attempts = random_between(random, 0, 3),
                                                  .timeout_ms =
                                                          random_one_in(random, 2) ? LEASE_MS : 4 * LEASE_MS,
                                                  .plan = {.exec = {"planner"},
                                                           .exec_count = 1,
                                                           .processes = random_between(random, 1, 2),
                                                           .timeout_ms = random_between(random, 1000,
                                                                                        2 * LEASE_MS)}}},
                .handler_count = PLANNED_HANDLER + 1,
        };
        for (uint32_t i = 0; i < world.queue_count; i++)
                config->queues[i] = (struct config_queue){.name = names[i],
                                                          .bindings = {"#"},
                                                          .binding_count = 1,
                                                          .declare = true,
                                                          .prefetch = random_between(random, 1, 4),
                                                          .weight = random_between(random, 1, 3),
                                                          .attempts = random_between(random, 1, 3),
                                                          .tiers_ms = {1000, 5000},
                                                          .tiers = {"1s", "5s"},
                                                          .tier_count = 2};
        draw_outlets(config);
        /* Half of the worlds are traced; nothing is drawn for it, so that the others stay as they were. */
        if (config->queues[0].prefetch % 2 == 0)
                config->otlp.url = "http://127.0.0.1:4318";
        config->otlp.roots = 50;
        if (world_has(FAULT_FAILOVER))
                config->redis.replicas = random_between(random, 0, 1);
        if (world_has(FAULT_EVENTS))
                draw_events(config);
        if (world_has(FAULT_SCHEDULE))
                ticks_draw(config);
        for (size_t i = 0; i < config->handler_count; i++)
                if (world_has(FAULT_FIRST) && random_one_in(random, 2))
                        config->handlers[i].on_conflict = ON_CONFLICT_FIRST;
}

static void on_original(void *context)
{
        const uint8_t *which = context;
        broker_original(which[0], which[1]);
}

void world_publish_later(uint8_t id, uint8_t content, int64_t delay_ms)
{
        uint8_t *which = world_alloc(2);
        which[0] = id;
        which[1] = content;
        world_later(delay_ms, on_original, which);
}

static void world_init(uint64_t seed, const struct bounds *bounds)
{
        loop_clock_ms = 1000;
        world.random.state = seed * 0x9e3779b97f4a7c15 + 1;
        world.bounds = *bounds;
        world.faults = draw_faults();
        world.fault_rate = 3U << random_below(&world.random, 5);
        world.budget = random_below(&world.random, bounds->budget + 1);
        world.worker_count = (uint32_t)random_between(&world.random, bounds->workers > 1, bounds->workers);
        if (world.worker_count == 0)
                world.worker_count = 1;
        world.id_count = (uint32_t)random_between(&world.random, 1, bounds->ids);
        world.queue_count = random_one_in(&world.random, 3) ? 2 : 1;
        world.store_offset_ms = 1000000;
        draw_config(&world.config);
        fake_store_init(&world.store, 0);
        failover_init();
        if (world_has(FAULT_OUTAGE) && random_one_in(&world.random, 2))
                service_first_outage();
        int64_t last_ms = random_one_in(&world.random, 3) ? 8000 : 2000;
        for (uint32_t i = 0; i < world.id_count; i++) {
                draw_spec(&world.specs[i]);
                world.owner_run[i] = -1;
                world_publish_later((uint8_t)i, 0, random_between(&world.random, 0, last_ms));
        }
        for (uint32_t i = 0; i < world.worker_count; i++)
                process_start(&world.processes[i]);
}

static void world_clear(void)
{
        json_use_memory(); /* what a handler had in hand when it ended its process goes with it */
        struct heap *before = heap_use(&memory);
        for (int i = 0; i < PROCESSES_MAX; i++)
                heap_drop(&world.processes[i].heap);
        struct arena kept = world.memory;
        struct happening *pending = world.pending;
        size_t room = world.pending_room;
        arena_reset(&kept);
        memset(&world, 0, sizeof world);
        world.memory = kept;
        world.pending = pending;
        world.pending_room = room;
        heap_use(before);
}

/* When this process runs next; INT64_MAX: never by itself. */
static int64_t wake_ms(const struct process *process)
{
        if (!process->alive)
                return INT64_MAX;
        int64_t at_ms = loop_wake_ms(&process->engine->loop);
        if (at_ms < process->ready_ms)
                at_ms = process->ready_ms;
        return process->frozen && at_ms < process->thaw_ms ? process->thaw_ms : at_ms;
}

static struct process *next_process(int64_t *at_ms)
{
        struct process *next = NULL;
        *at_ms = INT64_MAX;
        for (uint32_t i = 0; i < world.worker_count; i++) {
                int64_t wakes_ms = wake_ms(&world.processes[i]);
                if (wakes_ms < *at_ms) {
                        *at_ms = wakes_ms;
                        next = &world.processes[i];
                }
        }
        return next;
}

static void happen_now(const struct happening *happening)
{
        if (!happening->process) {
                world.errands -= !happening->idle;
                happening->call(happening->context);
                return;
        }
        struct process *process = happening->process;
        if (!process->alive || process->incarnation != happening->incarnation)
                return;
        struct heap *before = heap_use(&process->heap);
        loop_deliver(&process->engine->loop, happening->call, happening->context);
        heap_use(before);
}

/* The next thing that happens, wherever. */
static void step(void)
{
        int64_t at_ms;
        struct process *process = next_process(&at_ms);
        if (world.pending_count > 0 && world.pending[0].at_ms <= at_ms) {
                struct happening happening = take();
                if (happening.at_ms > loop_clock_ms)
                        loop_clock_ms = happening.at_ms;
                happen_now(&happening);
                return;
        }
        if (!process) {
                world_fail("livelock", "nothing will ever happen again");
                return;
        }
        if (at_ms > loop_clock_ms)
                loop_clock_ms = at_ms;
        if (process->frozen && process->thaw_ms <= loop_clock_ms) {
                process->frozen = false;
                NOTE("w%d thaws", process_number(process));
        }
        process_turn(process);
        if (++world.turns > TURNS_MAX)
                world_fail("livelock", "no rest after %d turns", TURNS_MAX);
}

static bool at_rest(void)
{
        if (world.errands > 0 || !broker_is_at_rest())
                return false;
        for (uint32_t i = 0; i < world.worker_count; i++)
                if (!process_is_at_rest(&world.processes[i]))
                        return false;
        return true;
}

static bool all_ended(void)
{
        for (uint32_t i = 0; i < world.worker_count; i++)
                if (world.processes[i].alive)
                        return false;
        return true;
}

/* Nothing moves any more: every process ends, asked to, and has given everything back. */
static void end_all(void)
{
        world.budget = 0;
        world.ending = true;
        for (uint32_t i = 0; i < world.worker_count; i++)
                if (!world.processes[i].terminated)
                        process_signal(&world.processes[i], SIGTERM);
        int64_t until_ms = loop_clock_ms + GRACE_MS / 2;
        while (!world.failure && !all_ended()) {
                step();
                if (loop_clock_ms > until_ms)
                        world_fail("drain", "a process with nothing to do does not end");
        }
}

static void watch(void)
{
        for (uint32_t i = 0; i < world.worker_count; i++)
                process_check_always(&world.processes[i]);
}

void world_run(uint64_t seed, const struct bounds *bounds, struct tally *tally, bool verbose)
{
        world_clear();
        world.tally = tally;
        world.verbose = verbose;
        world_init(seed, bounds);
        while (!world.failure && !at_rest()) {
                step();
                watch();
                if (loop_clock_ms > FAULTS_UNTIL_MS)
                        world.budget = 0;
                struct process *any = &world.processes[random_below(&world.random, world.worker_count)];
                if (world.budget && random_one_in(&world.random, 40))
                        fault_anywhere(any);
                if (random_one_in(&world.random, 200))
                        process_show_page(any);
        }
        if (!world.failure)
                check_rest();
        if (!world.failure)
                end_all();
        tally->turns += world.turns;
}

/* ---- for who plays the engine ---- */

struct process *world_stage(struct tally *tally)
{
        world_clear();
        loop_clock_ms = 1000;
        world.tally = tally;
        world.staged = true;
        world.random.state = 1;
        world.worker_count = world.id_count = world.queue_count = 1;
        world.specs[0] = (struct spec){.effects = 1, .unencodable = true};
        world.completed[0][0] = true;
        draw_config(&world.config);
        struct process *process = &world.processes[0];
        *process = (struct process){.alive = true, .incarnation = 1, .config = world.config};
        heap_use(&process->heap);
        world.now_running = process;
        process->engine = memory_zeroed(1, sizeof *process->engine);
        TAILQ_INIT(&process->engine->inflight.all);
        uv_loop_init(&process->engine->loop);
        return process;
}

bool world_happens(void)
{
        if (world.pending_count == 0)
                return false;
        struct happening happening = take();
        if (happening.at_ms > loop_clock_ms)
                loop_clock_ms = happening.at_ms;
        happen_now(&happening);
        return true;
}
