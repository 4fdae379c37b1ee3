#include "cli/dlq/dlq_command.h"
#include "io/machine/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The lock on the queue is not renewed while the program runs, so it must be quicker than that. */
enum { FILTER_MS = 10000, PIECE = 65536 };

struct filter {
        pid_t pid;
        int in, out; /* -1 once closed */
        struct slice body;
        struct buffer answer;
        size_t max;
};

static void shut(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static bool dlq_filter_start(struct filter *filter, const char *program)
{
        int in[2], out[2];
        if (pipe2(in, O_CLOEXEC) != 0)
                return false;
        if (pipe2(out, O_CLOEXEC) != 0) {
                close(in[0]);
                close(in[1]);
                return false;
        }
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); /* to be killed with all its children */
        char shell[] = "sh", flag[] = "-c", *words[] = {shell, flag, (char *)(uintptr_t)program, NULL};
        bool ok = posix_spawn(&filter->pid, "/bin/sh", &actions, &attributes, words, environ) == 0;
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        close(in[0]);
        close(out[1]);
        filter->in = in[1];
        filter->out = out[0];
        fcntl(filter->in, F_SETFL, O_NONBLOCK);
        return ok;
}

static void write_some(struct filter *filter)
{
        ssize_t done = write(filter->in, filter->body.data, filter->body.len);
        if (done < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (done > 0) {
                filter->body.data += done;
                filter->body.len -= (size_t)done;
        }
        if (done < 0 || filter->body.len == 0) /* a program may close its input early */
                shut(&filter->in);
}

static void read_some(struct filter *filter)
{
        ssize_t got = read(filter->out, buffer_reserve(&filter->answer, PIECE), PIECE);
        if (got > 0)
                filter->answer.len += (size_t)got;
        else if (got == 0 || errno != EINTR)
                shut(&filter->out);
}

/* NULL, or what went wrong. */
static const char *converse(struct filter *filter)
{
        int64_t until_ms = clock_boot_ms() + FILTER_MS;
        if (filter->body.len == 0)
                shut(&filter->in);
        while (filter->out >= 0) {
                int64_t left_ms = until_ms - clock_boot_ms();
                struct pollfd fds[2] = {{.fd = filter->out, .events = POLLIN},
                                        {.fd = filter->in, .events = POLLOUT}};
                if (left_ms <= 0)
                        return "the program took over 10 s";
                if (poll(fds, 2, (int)left_ms) < 0 && errno != EINTR)
                        return strerror(errno);
                if (fds[1].revents && filter->in >= 0)
                        write_some(filter);
                if (fds[0].revents)
                        read_some(filter);
                if (filter->answer.len > filter->max)
                        return "the program writes more than max_body";
        }
        return NULL;
}

const char *dlq_filter_run(struct dlq *dlq, struct slice body, struct slice *answer)
{
        struct filter filter = {
                .in = -1, .out = -1, .body = body, .max = (size_t)dlq->query.config->max_body};
        int status = 0;
        if (!dlq_filter_start(&filter, command_of(dlq)->filter)) {
                shut(&filter.in);
                shut(&filter.out);
                return "the program cannot be started";
        }
        const char *problem = converse(&filter);
        shut(&filter.in);
        shut(&filter.out);
        if (problem)
                kill(-filter.pid, SIGKILL);
        while (waitpid(filter.pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (!problem && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
                problem = "the program failed";
        struct slice text = {.data = filter.answer.data ? filter.answer.data : "", .len = filter.answer.len};
        *answer = problem ? body : arena_slice(dlq->query.arena, text);
        buffer_fini(&filter.answer);
        return problem;
}
