#include "cli/fleet/top_view.h"
#include "core/memory/memory.h"
#include "io/machine/clock.h"

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

static void top_on_signal(int number)
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

/* True: the key has changed what is shown. */
static bool press(char key, struct top_choice *choice)
{
        static const char views[] = {
                [TOP_ALL] = 'a', [TOP_QUEUES] = 'u', [TOP_WORKERS] = 'w', [TOP_DEAD] = 'd'};
        ended |= key == 'q' || key == 'Q';
        for (size_t i = 0; i < sizeof(views); i++)
                if (key == views[i])
                        choice->view = (enum top_view)i;
        if (key == 's')
                choice->sort = (choice->sort + 1) % TOP_SORTS;
        return key == 's' || memchr(views, key, sizeof(views));
}

static void wait_until_ms(const struct terminal *terminal, int64_t due_ms, struct top_choice *choice)
{
        int64_t left_ms;
        bool changed = false;
        while (!ended && !changed && (left_ms = due_ms - clock_boot_ms()) > 0) {
                struct pollfd keyboard = {.fd = terminal->keys ? STDIN_FILENO : -1, .events = POLLIN};
                char key;
                if (poll(&keyboard, 1, (int)left_ms) <= 0)
                        continue;
                if (read(STDIN_FILENO, &key, 1) == 1)
                        changed = press(key, choice);
                else
                        ended = 1;
        }
}

/* One look. False: Redis is gone or stdout is closed. */
static bool show_frame(struct cli *cli, struct redis_sync *redis, const struct top_choice *choice,
                       struct top_before *before, bool screen)
{
        struct cli *frame = memory_raw(sizeof(*frame)); /* its arena lasts for one look */
        *frame = *cli;
        arena_init(&frame->arena);
        cli_look_at_terminal(frame); /* it may have another size now */
        struct buffer out = {0};
        if (screen)
                buffer_add_text(&out, HOME_AND_CLEAR);
        bool ok = top_look(frame, redis, choice, before, &out);
        if (ok && screen)
                cut_to_screen(&out);
        ok = ok && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
        buffer_fini(&out);
        arena_fini(&frame->arena);
        free(frame);
        return ok;
}

static int top_watch(struct cli *cli, struct redis_sync *redis)
{
        bool screen = cli->output == CLI_TABLE && isatty(STDOUT_FILENO);
        struct terminal terminal;
        struct top_before before = {.outbox = cli->config->relay.url ? relay_look_open(cli->config) : NULL};
        struct top_choice choice = {0};
        bool ok = true;
        sigaction(SIGINT, &(struct sigaction){.sa_handler = top_on_signal}, NULL);
        sigaction(SIGTERM, &(struct sigaction){.sa_handler = top_on_signal}, NULL);
        terminal_open(&terminal, screen);
        choice.keys = terminal.keys;
        while (!ended && ok) {
                int64_t due_ms = clock_boot_ms() + LOOK_EVERY_MS;
                ok = show_frame(cli, redis, &choice, &before, screen);
                if (cli->output == CLI_TABLE && !screen)
                        break; /* no terminal: one look is all that a table can be */
                wait_until_ms(&terminal, due_ms, &choice);
        }
        terminal_close(&terminal);
        relay_look_close(before.outbox);
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
        status = top_watch(cli, redis);
        redis_sync_close(redis);
        return status;
}
