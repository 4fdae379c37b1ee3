#include "world.h"

#include "core/codec/rfc3339.h"
#include "core/memory/memory.h"
#include "core/time/ticker.h"
#include "io/admin/admin.h"
#include "io/broker/amqp_admin.h"
#include "io/log/fatal_signal.h"
#include "io/log/log.h"
#include "io/machine/aside.h"
#include "io/machine/clock.h"
#include "io/machine/notify.h"
#include "io/machine/process_usage.h"
#include "io/machine/turn.h"
#include "run/process/watchdog.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What a process finds around itself: its clocks, its log, its supervisor, its last words. */

/* ---- io/machine ---- */

int64_t clock_boot_ms(void)
{
        return process_clock_ms(process_now());
}

int64_t clock_wall_ms(void)
{
        return WALL_START_MS + loop_clock_ms;
}

int64_t clock_boot_ns(void)
{
        return clock_boot_ms() * 1000000;
}

int64_t clock_wall_ns(void)
{
        return clock_wall_ms() * 1000000;
}

int64_t clock_thread_cpu_us(void)
{
        return 0;
}

int64_t turn_begin(void)
{
        return (int64_t)random_below(&world.random, 2) * 100;
}

bool turn_is_long(void)
{
        return random_one_in(&world.random, 4);
}

void turn_worked(void)
{
}

bool turn_collects(void)
{
        return random_one_in(&world.random, 4);
}

void notify_send(const char *state)
{
        (void)state;
}

int64_t notify_watchdog_ms(void)
{
        return 1000;
}

void process_usage_read(struct metrics_process *usage)
{
        (void)usage;
}

/* The names of the process, which become part of its owner tokens; --wrap. */
int __wrap_gethostname(char *name, size_t size);
pid_t __wrap_getpid(void);

int __wrap_gethostname(char *name, size_t size)
{
        snprintf(name, size, "w%d", process_number(process_now()));
        return 0;
}

pid_t __wrap_getpid(void)
{
        return (pid_t)process_now()->incarnation;
}

/* ---- aside: the work is done at once, its end is told later ---- */

struct aside {
        const struct aside_job *job;
        void *context;
};

struct aside_end {
        struct aside *aside; /* NULL: abandoned */
};

static void on_aside_done(void *context)
{
        struct aside_end *end = context;
        struct aside *aside = end->aside;
        if (!aside)
                return;
        struct aside done = *aside;
        free(aside);
        done.job->done(done.context);
}

struct aside *aside_start(uv_loop_t *loop, const struct aside_job *job, void *context)
{
        (void)loop;
        if (random_one_in(&world.random, 16))
                return NULL;
        struct aside *aside = memory_zeroed(1, sizeof *aside);
        struct aside_end *end = world_alloc(sizeof *end);
        *aside = (struct aside){.job = job, .context = context};
        end->aside = aside;
        process_now()->aside_end = end;
        job->work(context);
        process_later(process_now(), world_latency(), on_aside_done, end);
        return aside;
}

void aside_abandon(struct aside *aside)
{
        struct aside_end *end = process_now()->aside_end;
        end->aside = NULL;
        aside->job->drop(aside->context);
        free(aside);
}

bool amqp_queue_depths(const struct config *config, struct queue_depth *queues, size_t count,
                       struct amqp_error *error)
{
        if (random_one_in(&world.random, 16)) {
                snprintf(error->text, sizeof error->text, "not now");
                return false;
        }
        if (count < config->queue_count)
                world_fail("depth", "the depths of %zu queues are asked, of %zu", count, config->queue_count);
        for (size_t i = 0; i < count; i++) {
                queues[i].exists = true;
                queues[i].messages = broker_ready(queues[i].name);
        }
        return true;
}

/* ---- the log: seen by whoever looks at one schedule ---- */

bool log_enabled(enum log_level level)
{
        (void)level;
        return true;
}

static void add_word(char *text, size_t size, const char *name, const char *word)
{
        size_t len = strlen(text);
        if (word)
                snprintf(text + len, size - len, " %s=%s", name, word);
}

/* "schedule/name/2023-11-14T22:13:20Z is not published yet", by the store's clock, which is only estimated.
 */
static void check_late(const char *text)
{
        int64_t tick_ms;
        const char *time = strrchr(text, '/');
        if (!time || !rfc3339_parse((struct slice){.data = time + 1, .len = 20}, &tick_ms))
                world_fail("late", "what is late? %s", text);
        else if (tick_ms > store_now() - TICKER_LATE_MS + 10000)
                world_fail("late", "that is not late: %s", text);
}

/* What went well has no error, and a planner that failed has one. */
static void check_error(const struct log_fields *fields)
{
        bool ended = strcmp(fields->event, "job_end") == 0;
        if (ended && strcmp(fields->outcome, "completed") == 0 && fields->error)
                world_fail("told", "a job is completed with the error %s", fields->error);
        if (strcmp(fields->event, "plan_failed") == 0 && (!fields->error || !fields->error[0]))
                world_fail("told", "a planner failed, and nobody knows why");
}

void log_event(enum log_level level, const struct log_fields *fields)
{
        char text[600];
        (void)level;
        if (strcmp(fields->event, "event_let_go") == 0)
                events_let_go(fields->id);
        process_log(process_now(), fields->event);
        alerts_owe(process_now(), fields);
        check_error(fields);
        if (strcmp(fields->event, "schedule_late") == 0)
                check_late(fields->msg);
        if (!world.verbose)
                return;
        snprintf(text, sizeof text, "w%d | %s", process_number(process_now()), fields->event);
        add_word(text, sizeof text, "queue", fields->queue);
        add_word(text, sizeof text, "outcome", fields->outcome);
        add_word(text, sizeof text, "reason", fields->reason);
        add_word(text, sizeof text, "error", fields->error);
        if (fields->id.data)
                world_note("%s id=%.*s %s", text, SLICE_PRINT(fields->id), fields->msg ? fields->msg : "");
        else
                world_note("%s %s", text, fields->msg ? fields->msg : "");
}

size_t log_mask(char *out, size_t size, struct slice text)
{
        snprintf(out, size, "%.*s", SLICE_PRINT(text));
        return strlen(out);
}

void log_open(const struct config *config)
{
        (void)config;
}

void log_worker(const char *worker)
{
        (void)worker;
}

void log_batch(bool batching)
{
        (void)batching;
}

void log_flush(void)
{
}

void log_tick(void)
{
}

uint64_t log_dropped(void)
{
        return 0;
}

/* ---- last words ---- */

void fatal_signal_open(const char *worker)
{
        (void)worker;
}

void fatal_signal_close(void)
{
}

void fatal_signal_enter(void)
{
}

void fatal_signal_leave(void)
{
}

void fatal_signal_redis(int fd, const char *prefix, const char *sha)
{
        (void)fd, (void)prefix, (void)sha;
}

void fatal_signal_running(const struct last_words_job *job)
{
        process_now()->running = job;
}

void fatal_signal_alone(const struct last_words_job *job)
{
        process_now()->alone = job;
}

struct watchdog {
        int64_t turned_ms;
};

struct watchdog *watchdog_start(void)
{
        struct watchdog *watchdog = memory_zeroed(1, sizeof *watchdog);
        watchdog->turned_ms = loop_clock_ms;
        return watchdog;
}

/* A loop that sleeps for as long as a watchdog waits would be killed by it. */
static void watchdog_look(const struct watchdog *watchdog)
{
        const struct process *process = process_now();
        if (loop_clock_ms - watchdog->turned_ms > 5000 && process->thaw_ms <= watchdog->turned_ms)
                world_fail("watchdog", "w%d did not turn for %d ms", process_number(process),
                           (int)(loop_clock_ms - watchdog->turned_ms));
}

void watchdog_turned(struct watchdog *watchdog)
{
        watchdog_look(watchdog);
        watchdog->turned_ms = loop_clock_ms;
}

void watchdog_stop(struct watchdog *watchdog)
{
        watchdog_look(watchdog);
        free(watchdog);
}

/* ---- the admin server: pages are asked for by the schedule ---- */

struct admin {
        const struct admin_source *source;
};

struct admin *admin_open(uv_loop_t *loop, const struct config *config, const struct admin_source *source,
                         char *error)
{
        (void)loop, (void)config, (void)error;
        struct admin *admin = memory_zeroed(1, sizeof *admin);
        admin->source = source;
        process_now()->pages = source;
        return admin;
}

void admin_close(struct admin *admin)
{
        process_now()->pages = NULL;
        free(admin);
}
