#include "cli/fleet.h"
#include "core/memory/memory.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Everything at a glance, once a second. */

#define LOOK_EVERY_MS 1000
#define ENTER_SCREEN "\033[?1049h\033[?25l\033[?7l"
#define LEAVE_SCREEN "\033[?7h\033[?25h\033[?1049l"
#define HOME_AND_CLEAR "\033[H\033[J"

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
        (void)number;
        ended = 1;
}

/* ---- the terminal ---- */

/* The screen, and keys that come one by one, unseen. */
struct terminal {
        bool screen, keys;
        struct termios before; /* of the keyboard, if `keys` */
};

static void terminal_open(struct terminal *terminal, bool screen)
{
        *terminal = (struct terminal){.screen = screen};
        if (!screen)
                return;
        fputs(ENTER_SCREEN, stdout);
        terminal->keys = tcgetattr(STDIN_FILENO, &terminal->before) == 0;
        if (!terminal->keys)
                return;
        struct termios raw = terminal->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = raw.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void terminal_close(const struct terminal *terminal)
{
        if (terminal->keys)
                tcsetattr(STDIN_FILENO, TCSANOW, &terminal->before);
        if (terminal->screen)
                fputs(LEAVE_SCREEN, stdout);
        fflush(stdout);
}

/* What does not fit would push the first lines out of sight. */
static void cut_to_screen(struct buffer *text)
{
        struct winsize size;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2)
                return;
        size_t lines = 0, at = 0;
        while (at < text->len && lines + 1 < size.ws_row)
                lines += text->data[at++] == '\n';
        text->len = at;
}

static void wait_until_ms(const struct terminal *terminal, int64_t due_ms)
{
        int64_t left_ms;
        while (!ended && (left_ms = due_ms - clock_boot_ms()) > 0) {
                struct pollfd keyboard = {.fd = terminal->keys ? STDIN_FILENO : -1, .events = POLLIN};
                char key;
                if (poll(&keyboard, 1, (int)left_ms) > 0)
                        ended = read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q';
        }
}

/* ---- what is shown ---- */

/* What the last look saw, for the rates. */
struct before {
        int64_t at_ms, dead;
};

struct sums {
        int64_t ready, in_flight, retry, dead, workers, breakers_open;
        double completed_rate, dead_rate; /* a second */
};

static struct sums sum_up(const struct fleet *fleet, struct before *before)
{
        struct sums sums = {.workers = (int64_t)fleet->worker_count};
        for (size_t i = 0; i < fleet->worker_count; i++) {
                sums.in_flight += fleet->workers[i].in_flight;
                sums.completed_rate += fleet->workers[i].rate;
                sums.breakers_open += strcmp(fleet->workers[i].breaker, "closed") != 0;
        }
        for (size_t i = 0; i < fleet->queue_count; i++) {
                const struct fleet_queue *queue = &fleet->queues[i];
                sums.ready += i + 1 < fleet->queue_count ? queue->ready : 0;
                sums.dead += queue->dead > 0 ? queue->dead : 0;
                for (size_t tier = 0; tier < queue->tier_count; tier++)
                        sums.retry += queue->tiers[tier].messages;
        }
        if (fleet->trouble) {
                sums.ready = sums.dead = sums.retry = -1;
                return sums;
        }
        int64_t now_ms = clock_boot_ms(), passed_ms = now_ms - before->at_ms;
        if (before->at_ms > 0 && passed_ms > 0 && sums.dead > before->dead)
                sums.dead_rate = (double)(sums.dead - before->dead) * 1000 / (double)passed_ms;
        *before = (struct before){.at_ms = now_ms, .dead = sums.dead};
        return sums;
}

/* "-" for what is not known. */
static const char *number(struct cli *cli, int64_t value)
{
        return value < 0 ? "-" : arena_printf(&cli->arena, "%" PRId64, value);
}

static void add_queues(struct cli *cli, const struct fleet *fleet, struct buffer *out)
{
        buffer_printf(out, "\n%-32s %-8s %8s %-9s %9s %9s %8s %s\n", "QUEUE", "STATE", "READY", "OLDEST",
                      "IN FLIGHT", "CONSUMERS", "DEAD", "RETRY");
        for (size_t i = 0; i < fleet->queue_count; i++) {
                const struct fleet_queue *queue = &fleet->queues[i];
                const char *state = !queue->exists ? "missing" : queue->paused ? "paused" : "open";
                buffer_printf(out, "%-32s %-8s %8s %-9s %9s %9s %8s %s\n", queue->name,
                              fleet->trouble ? "unknown" : state, number(cli, queue->ready),
                              fleet_duration_text(cli, queue->oldest_ms), number(cli, queue->in_flight),
                              number(cli, queue->consumers), number(cli, queue->dead),
                              fleet_tiers_text(cli, queue));
        }
}

static void add_workers(struct cli *cli, const struct fleet *fleet, struct buffer *out)
{
        buffer_printf(out, "\n%-40s %-9s %-9s %9s %9s %10s %s\n", "WORKER", "STATE", "BREAKER", "IN FLIGHT",
                      "RATE/S", "COMPLETED", "UPTIME");
        for (size_t i = 0; i < fleet->worker_count; i++) {
                const struct fleet_worker *worker = &fleet->workers[i];
                buffer_printf(out, "%-40s %-9s %-9s %9" PRId64 " %9.1f %10" PRId64 " %s\n", worker->name,
                              worker->state, worker->breaker, worker->in_flight, worker->rate,
                              worker->completed, fleet_age_text(cli, worker->started_ms));
        }
        if (fleet->worker_count == 0)
                buffer_add_text(out, "none: nothing consumes\n");
}

static void add_text(struct cli *cli, const struct fleet *fleet, const struct sums *sums, struct buffer *out)
{
        buffer_printf(out, "leveret top  %s\n\n", cli_time(cli, clock_wall_ms()));
        buffer_printf(out,
                      "completed %.1f/s   dying %.1f/s   ready %s   in flight %" PRId64
                      "   retrying %s   dead %s   workers %" PRId64 "   breakers open %" PRId64 "\n",
                      sums->completed_rate, sums->dead_rate, number(cli, sums->ready), sums->in_flight,
                      number(cli, sums->retry), number(cli, sums->dead), sums->workers, sums->breakers_open);
        if (fleet->trouble)
                buffer_printf(out, "the broker cannot be asked: %s\n", fleet->trouble);
        add_queues(cli, fleet, out);
        add_workers(cli, fleet, out);
}

static void add_number(struct buffer *out, const char *name, int64_t number)
{
        if (number < 0)
                buffer_printf(out, ",\"%s\":null", name);
        else
                buffer_printf(out, ",\"%s\":%" PRId64, name, number);
}

static void add_json(const struct fleet *fleet, const struct sums *sums, struct buffer *out)
{
        buffer_printf(out, "{\"ts\":%" PRId64 ",\"completed_per_s\":%.1f,\"dead_per_s\":%.1f",
                      clock_wall_ms(), sums->completed_rate, sums->dead_rate);
        add_number(out, "ready", sums->ready);
        add_number(out, "in_flight", sums->in_flight);
        add_number(out, "retrying", sums->retry);
        add_number(out, "dead", sums->dead);
        add_number(out, "workers", sums->workers);
        add_number(out, "breakers_open", sums->breakers_open);
        buffer_add_text(out, ",\"queues\":[");
        for (size_t i = 0; i < fleet->queue_count; i++) {
                const struct fleet_queue *queue = &fleet->queues[i];
                buffer_printf(out, "%s{\"queue\":", i ? "," : "");
                buffer_add_json_string(out, slice_of(queue->name));
                buffer_printf(out, ",\"exists\":%s,\"paused\":%s", queue->exists ? "true" : "false",
                              queue->paused ? "true" : "false");
                add_number(out, "ready", queue->ready);
                add_number(out, "consumers", queue->consumers);
                add_number(out, "dead", queue->dead);
                add_number(out, "in_flight", queue->in_flight);
                add_number(out, "oldest_ms", queue->oldest_ms);
                buffer_add_text(out, ",\"retry\":{");
                for (size_t tier = 0; tier < queue->tier_count; tier++)
                        buffer_printf(out, "%s\"%s\":%" PRId64, tier ? "," : "", queue->tiers[tier].name,
                                      queue->tiers[tier].messages);
                buffer_add_text(out, "}}");
        }
        buffer_add_text(out, "]}\n");
}

/* One look. False: Redis is gone or stdout is closed. */
static bool show_frame(struct cli *cli, struct redis_sync *redis, struct before *before, bool screen)
{
        struct cli *frame = memory_raw(sizeof(*frame)); /* its arena lasts for one look */
        *frame = *cli;
        arena_init(&frame->arena);
        struct fleet fleet;
        struct buffer out = {0};
        bool ok = fleet_look(frame, redis, &fleet) == CLI_OK;
        if (ok) {
                struct sums sums = sum_up(&fleet, before);
                if (screen)
                        buffer_add_text(&out, HOME_AND_CLEAR);
                if (cli->output == CLI_JSON)
                        add_json(&fleet, &sums, &out);
                else
                        add_text(frame, &fleet, &sums, &out);
                if (screen)
                        cut_to_screen(&out);
                ok = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
        }
        buffer_fini(&out);
        arena_fini(&frame->arena);
        free(frame);
        return ok;
}

static int watch(struct cli *cli, struct redis_sync *redis)
{
        bool screen = cli->output == CLI_TABLE && isatty(STDOUT_FILENO);
        struct terminal terminal;
        struct before before = {0};
        bool ok = true;
        sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);
        sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
        terminal_open(&terminal, screen);
        while (!ended && ok) {
                int64_t due_ms = clock_boot_ms() + LOOK_EVERY_MS;
                ok = show_frame(cli, redis, &before, screen);
                if (cli->output == CLI_TABLE && !screen)
                        break; /* no terminal: one look is all that a table can be */
                wait_until_ms(&terminal, due_ms);
        }
        terminal_close(&terminal);
        return ok ? CLI_OK : CLI_ERROR;
}

int command_top(struct cli *cli, int argc, char **argv)
{
        if (!cli_parse(cli, argc, argv, NULL))
                return CLI_USAGE;
        if (cli->help || cli->word_count > 0)
                return cli_usage(cli, cli->help ? NULL : "it takes no words");
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        struct redis_sync *redis = cli_redis(cli);
        if (!redis)
                return CLI_ERROR;
        status = watch(cli, redis);
        redis_sync_close(redis);
        return status;
}
