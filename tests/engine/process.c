#include "handler.h"
#include "world.h"

#include "core/memory/memory.h"
#include "core/template/file_faults.h"
#include "io/machine/crashpoint.h"

#include <stdio.h>
#include <string.h>

/* A process: the engine as it is, turned in virtual time, ended by a jump out of wherever it is. */

/* Runs a part of the process; a crash ends it there. */
static void enter(struct process *process, void (*part)(struct process *))
{
        struct heap *before = heap_use(&process->heap);
        world.now_running = process;
        world.unplanned.told = false; /* the turn that told it may have ended in a crash */
        if (setjmp(world.crash) == 0)
                part(process);
        world.now_running = NULL;
        heap_use(before);
}

static void on_restart(void *context)
{
        struct process *process = context;
        if (!process->alive && !world.ending)
                process_start(process);
}

static void ended(struct process *process)
{
        process->alive = false;
        process->frozen = false;
        consumer_crashed(process);
        process->consumer = NULL;
        process->publishers = NULL;
        process->store = NULL;
        process->link = NULL;
        process->connecting = NULL;
        process->spare = NULL;
        process->transports = NULL;
        process->files = NULL;
        process->planners = NULL;
        process->types = NULL;
        process->running = process->alone = NULL;
        if (world.ending)
                return;
        int64_t away_ms = random_one_in(&world.random, 4)
                                  ? random_between(&world.random, LEASE_MS, 2 * LEASE_MS)
                                  : random_between(&world.random, 50, 3000);
        world_later(away_ms, on_restart, process);
}

void process_crash(struct process *process, int culprit)
{
        bool inside = world.now_running == process;
        NOTE("w%d ends%s", process_number(process), culprit >= 0 ? ": poison" : "");
        fault_mark(process, FAULT_CRASH, culprit);
        ended(process);
        heap_drop(&process->heap);
        if (inside)
                longjmp(world.crash, 1);
}

void crashpoint_pass(const char *name)
{
        struct process *process = process_now();
        if (process && world_fault(FAULT_CRASH)) {
                NOTE("w%d at the crash point %s", process_number(process), name);
                process_crash(process, -1);
        }
}

static void on_stuck(const char *why)
{
        world_fail("leak", "the loop of a worker never goes on: %s", why);
        process_crash(process_now(), -1);
}

/* The types of a process: another set each time, as the files are read. */
static struct type_set *read_types(void)
{
        struct type_set *types = type_set_new();
        const struct config_handler *planned = &world.config.handlers[PLANNED_HANDLER];
        type_set_add_planned(types, planned_type_new(&types->arena, planned, NULL));
        struct file_faults faults = {0};
        if (!type_set_close(types, handlers, &faults))
                world_fail("start", "the types do not fit together");
        file_faults_fini(&faults);
        return types;
}

static void reload_outlet(struct config_outlet *outlet)
{
        struct random *random = &world.random;
        outlet->rate = random_one_in(random, 2) ? (double)random_between(random, 1, 20) : 0;
        outlet->breaker.failures = random_between(random, 2, 6);
}

/* SIGHUP: some of what may change. */
static struct type_set *reload(void *context)
{
        struct process *process = context;
        struct random *random = &world.random;
        if (random_one_in(random, 4))
                return NULL;
        uint32_t which = random_below(random, (uint32_t)process->config.outlet_count + 1);
        reload_outlet(which == 0 ? &process->config.mail : &process->config.outlets[which - 1]);
        for (uint32_t i = 0; i < world.queue_count; i++)
                process->config.queues[i].prefetch = random_between(random, 1, 4);
        if (random_one_in(random, 4)) /* its planners are others then */
                process->config.handlers[PLANNED_HANDLER].plan.timeout_ms += 1;
        if (random_one_in(random, 2)) {
                type_set_give(process->types);
                process->types = read_types();
        }
        return process->types;
}

static void open_engine(struct process *process)
{
        process->types = read_types();
        struct engine_options options = {
                .types = process->types, .reload = reload, .reload_context = process};
        process->engine = engine_new(&process->config, &options);
        if (!engine_open(process->engine))
                world_fail("start", "the engine cannot be opened");
}

/* It comes back with another configuration: the longest tier of each queue is gone. */
static void shorten_tiers(struct config *config)
{
        for (uint32_t i = 0; i < world.queue_count; i++) {
                struct config_queue *queue = &config->queues[i];
                queue->tier_count--;
                queue->tiers[queue->tier_count] = NULL;
                queue->tiers_ms[queue->tier_count] = 0;
        }
}

void process_start(struct process *process)
{
        *process = (struct process){
                .alive = true,
                .incarnation = ++world.next_incarnation,
                .config = world.config,
                .clock_offset_ms = random_between(&world.random, 1, 10000000),
        };
        snprintf(process->worker, sizeof process->worker, "w%d-%u", process_number(process),
                 process->incarnation);
        if (process->incarnation > world.worker_count && world_has(FAULT_RELOAD) &&
            random_one_in(&world.random, 2))
                shorten_tiers(&process->config);
        NOTE("w%d starts", process_number(process));
        loop_stuck = on_stuck;
        enter(process, open_engine);
}

static bool holds_any(const struct engine *engine)
{
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, &engine->inflight.all, all)
        {
                if (delivery->job.phase == JOB_HELD &&
                    !amqp_consumer_may_deliver(engine->consumer, delivery->queue))
                        return true;
        }
        return false;
}

/* The loop is over: what run() does after uv_run. */
static void close_engine(struct process *process)
{
        const struct engine *engine = process->engine;
        bool drained = engine->inflight.count == 0;
        int status = engine->life.exit_status;
        world.tally->drained += status == 0;
        world.tally->hurried += status == 1;
        for (int i = 0; i < METRICS_OUTCOME_COUNT; i++)
                world.tally->ends[i] += engine->ends[i];
        if (engine->life.stage != STAGE_ENDED)
                world_fail("end", "a worker's loop is over though it has not ended");
        if (status == 0 && !drained)
                world_fail("drain", "w%d ends as drained with %zu in flight", process_number(process),
                           engine->inflight.count);
        if (status == 1 && !process->hurried && engine->broker.up && process->held_turns > TURNS_LATE_MAX &&
            holds_any(engine))
                world_fail("drain", "w%d holds to its end what it never started", process_number(process));
        if (world.ending && status != 0)
                world_fail("drain", "a worker at rest ends with status %d", status);
        fault_mark(process, FAULT_CRASH, -1);
        NOTE("w%d ends with status %d", process_number(process), status);
        if (engine_close(process->engine) != status)
                world_fail("end", "the exit status changed while it was closed");
        type_set_give(process->types);
        process->types = NULL;
}

/* What ended first is still kept, as it was after the last turn. */
static bool keeps_what_ended(struct process *process)
{
        const struct delivery *first = TAILQ_FIRST(&process->engine->inflight.over);
        bool kept = first && strcmp(process->first_over, first->owner) == 0;
        snprintf(process->first_over, sizeof process->first_over, "%s", first ? first->owner : "");
        return kept;
}

/* Who waits for a planner for longer than a job may take is put off, at the tick. */
static bool waits_too_long(const struct process *process)
{
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, &process->engine->inflight.all, all)
        {
                int64_t waited_ms = process_clock_ms(process) - delivery->job.claimed_ms;
                if (delivery->ask && !planner_ask_began(delivery->ask) &&
                    waited_ms > delivery->job.timeout_ms + 2000)
                        return true;
        }
        return false;
}

/* What is heard in one turn is looked at in the next, and done. */
static void check_followed(struct process *process)
{
        const struct engine *engine = process->engine;
        bool late = process->hurried && engine->life.stage != STAGE_ENDED;
        late |= keeps_what_ended(process);
        late |= engine->life.stage == STAGE_RUNNING && (waits_too_long(process) || alerts_are_late(process));
        for (uint32_t i = 0; i < world.queue_count && engine->life.stage == STAGE_RUNNING; i++)
                late |= engine->queues[i].paused && engine->queues[i].wanted > 0;
        process->turns_late = late ? process->turns_late + 1 : 0;
        if (process->turns_late > TURNS_LATE_MAX)
                world_fail("late",
                           "w%d goes on after a second signal, keeps what has ended, consumes what is "
                           "paused, "
                           "waits for a planner without end, or tells nobody of what its log says",
                           process_number(process));
}

static void turn(struct process *process)
{
        process->held_turns = holds_any(process->engine) ? process->held_turns + 1 : 0;
        loop_turn(&process->engine->loop);
        check_followed(process);
        if (loop_is_over(&process->engine->loop))
                close_engine(process);
        else
                return;
        if (process->heap.blocks > 0)
                world_fail("leak", "w%d has ended and holds %zu pieces of memory", process_number(process),
                           process->heap.blocks);
        ended(process);
}

void process_turn(struct process *process)
{
        /* A turn takes a while, in which more arrives. */
        process->ready_ms = loop_clock_ms + random_below(&world.random, 3);
        enter(process, turn);
        if (!process->alive)
                heap_drop(&process->heap);
}

void process_freeze(struct process *process)
{
        static const int64_t most[] = {500, LEASE_MS, 2 * LEASE_MS, 3 * LEASE_MS};
        int64_t length_ms = random_between(&world.random, 50, most[random_below(&world.random, 4)]);
        process->frozen = true;
        process->thaw_ms = loop_clock_ms + length_ms;
        NOTE("w%d freezes for %lld ms", process_number(process), (long long)length_ms);
        fault_mark(process, FAULT_FREEZE, -1);
        /* The broker may miss the heartbeats. */
        if (length_ms > LEASE_MS / 2 && random_one_in(&world.random, 2))
                consumer_cut(process, /* broker_first = */ true);
}

void process_signal(struct process *process, int number)
{
        if (!process->alive)
                return;
        NOTE("w%d gets signal %d", process_number(process), number);
        process->hurried |= process->terminated && number != SIGHUP;
        process->terminated |= number != SIGHUP;
        struct heap *before = heap_use(&process->heap);
        if (!loop_signal(&process->engine->loop, number))
                world_fail("signal", "nobody waits for signal %d", number);
        heap_use(before);
}

static const struct {
        const char *up, *down;
        const char *metric;
} connections_told[] = {
        {"redis_up", "redis_down", "leveret_connection_up{connection=\"redis\"} 1\n"},
        {"amqp_up", "amqp_down", "leveret_connection_up{connection=\"amqp_consumer\"} 1\n"},
};

/* Between two events the metrics say of each connection what the log said last. */
static void check_shown(const struct process *process, const char *text)
{
        for (size_t i = 0; i < sizeof connections_told / sizeof *connections_told; i++)
                if ((strstr(text, connections_told[i].metric) != NULL) != (process->told_up >> i & 1))
                        world_fail("told", "w%d told otherwise: %s", process_number(process),
                                   connections_told[i].metric);
}

static void on_page(void *context)
{
        struct process *process = context;
        if (!process->pages)
                return;
        struct buffer body = {0};
        int status = 200;
        enum admin_page page = (enum admin_page)random_below(&world.random, ADMIN_PAGE_COUNT);
        process->pages->render(process->pages->context, page, random_one_in(&world.random, 2), &body,
                               &status);
        if (body.len == 0)
                world_fail("page", "page %d is empty", page);
        if (page == ADMIN_READYZ && (status == 200) != (memcmp(body.data, "ready", 5) == 0))
                world_fail("page", "a readiness of status %d says %.9s", status, body.data);
        if (page == ADMIN_METRICS)
                check_shown(process, body.data);
        buffer_fini(&body);
}

void process_show_page(struct process *process)
{
        if (process->alive)
                process_later(process, 0, on_page, process);
}

/* ---- what is told ---- */

/* What comes was not there. */
void process_log(struct process *process, const char *event)
{
        for (size_t i = 0; i < sizeof connections_told / sizeof *connections_told; i++) {
                uint32_t bit = 1u << i;
                bool up = strcmp(event, connections_told[i].up) == 0;
                bool down = strcmp(event, connections_told[i].down) == 0;
                if (up && process->told_up & bit)
                        world_fail("told", "w%d tells %s twice", process_number(process), event);
                process->told_up = (process->told_up | (up ? bit : 0)) & ~(down ? bit : 0);
        }
}

/* At rest everything is there, and log and metrics say so. */
static void check_told(const struct process *process)
{
        struct buffer text = {0};
        metrics_render(process->engine->metrics, &text);
        for (size_t i = 0; i < sizeof connections_told / sizeof *connections_told; i++) {
                if (!(process->told_up >> i & 1))
                        world_fail("told", "w%d never told %s", process_number(process),
                                   connections_told[i].up);
                if (!strstr(text.data, connections_told[i].metric))
                        world_fail("told", "w%d does not count as up: %s", process_number(process),
                                   connections_told[i].metric);
        }
        buffer_fini(&text);
}

/* ---- what holds ---- */

static size_t count_listed(const struct delivery_list *list)
{
        size_t count = 0;
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, list, listed)
        {
                count++;
        }
        return count;
}

struct accounts {
        size_t in_flight, active, bytes, queues[QUEUES_MAX];
        size_t chargeable; /* a crash now would count as theirs */
};

static void check_outlet(const struct process *process, const struct outlet *outlet)
{
        size_t places = 0, waiting[QUEUES_MAX] = {0};
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, &process->engine->inflight.all, all)
        {
                if (delivery->outlet != outlet)
                        continue;
                places += delivery->place.held;
                waiting[delivery->queue] += delivery->listing == LIST_PLACES;
        }
        const char *name = outlet->config->name;
        if (outlet->used != places)
                world_fail("account", "w%d counts %zu of %zu places at outlet %s", process_number(process),
                           outlet->used, places, name);
        for (uint32_t k = 0; k < world.queue_count; k++)
                if (outlet->waiting_count[k] != waiting[k] ||
                    (outlet->waiting_queues >> k & 1) != (waiting[k] > 0))
                        world_fail("account", "w%d counts %u of %zu who wait at outlet %s",
                                   process_number(process), outlet->waiting_count[k], waiting[k], name);
}

static void check_outlets(const struct process *process)
{
        const struct engine *engine = process->engine;
        const struct outlet *lane;
        for (size_t i = 0; i < engine->outlet_count; i++)
                check_outlet(process, &engine->outlets[i]);
        TAILQ_FOREACH(lane, &engine->lanes, lane)
        {
                check_outlet(process, lane);
        }
}

static struct accounts count_all(const struct engine *engine)
{
        struct accounts accounts = {0};
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, &engine->inflight.all, all)
        {
                accounts.in_flight++;
                accounts.active += delivery->active;
                accounts.chargeable +=
                        delivery->job.phase >= JOB_CLAIMING && delivery->job.phase <= JOB_COMPLETING;
                accounts.bytes += delivery->message->body.len;
                accounts.queues[delivery->queue]++;
        }
        return accounts;
}

void process_check_always(const struct process *process)
{
        const struct engine *engine = process->engine;
        if (!process->alive || world.failure)
                return;
        int number = process_number(process);
        struct accounts counted = count_all(engine);
        if (counted.in_flight != engine->inflight.count || counted.active != engine->gate.active ||
            counted.bytes != engine->inflight.body_bytes)
                world_fail("account", "w%d counts in flight %zu of %zu, active %zu of %zu, bytes %zu of %zu",
                           number, engine->inflight.count, counted.in_flight, engine->gate.active,
                           counted.active, engine->inflight.body_bytes, counted.bytes);
        check_outlets(process);
        for (uint32_t i = 0; i < world.queue_count; i++)
                if (counted.queues[i] != engine->queues[i].in_flight)
                        world_fail("account", "w%d counts %zu of queue %u", number,
                                   engine->queues[i].in_flight, i);
        if (engine->gate.alone && counted.chargeable > 1)
                world_fail("alone", "w%d runs %zu jobs beside a suspect", number, counted.chargeable - 1);
        if (process->alone && (!engine->gate.alone || process->alone != &engine->gate.alone->words))
                world_fail("alone", "w%d would blame a job that is not alone", number);
}

bool process_is_at_rest(const struct process *process)
{
        const struct engine *engine = process->engine;
        if (!process->alive)
                return false;
        return engine->life.stage == STAGE_RUNNING && engine->inflight.count == 0 && !process->frozen &&
               redis_store_is_up(engine->store) && engine->pauses_known && engine->broker.up;
}

void process_check_rest(const struct process *process)
{
        const struct engine *engine = process->engine;
        int number = process_number(process);
        check_told(process);
        if (engine->gate.active != 0 || engine->inflight.body_bytes != 0)
                world_fail("account", "w%d at rest: active %zu, bytes %zu", number, engine->gate.active,
                           engine->inflight.body_bytes);
        if (count_listed(&engine->gate.held) + count_listed(&engine->gate.suspects) > 0)
                world_fail("leak", "w%d at rest has jobs on its lists", number);
        if (engine->gate.alone || process->alone || process->running)
                world_fail("alone", "w%d at rest has a job alone", number);
        for (size_t i = 0; i < ID_BUCKETS; i++)
                if (!LIST_EMPTY(&engine->inflight.buckets[i]))
                        world_fail("leak", "w%d at rest knows an id", number);
}
