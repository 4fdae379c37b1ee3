#include "io/log/fatal_signal.h"
#include "io/machine/clock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
enum { COUNT = sizeof(numbers) / sizeof(*numbers), STACK_BYTES = 64 << 10 };

static struct {
        struct sigaction before[COUNT];
        bool opened, own_stack;
        _Alignas(16) char stack[STACK_BYTES];
        char worker[128], prefix[128], sha[41];
        _Atomic int redis; /* -1: no connection */
        _Atomic(const struct last_words_job *) running, alone;
        char line[2048], command[2048];
} state = {.redis = -1};

/* Another thread's crash is no fault of the handler that happens to run meanwhile. */
static _Thread_local volatile sig_atomic_t runs_handlers;

static const struct last_words_job *job_in_hand(bool of_handlers)
{
        const struct last_words_job *running = of_handlers ? atomic_load(&state.running) : NULL;
        return running ? running : atomic_load(&state.alone);
}

/* Redis first: stderr may lead to somebody who does not read. */
static void speak(const struct last_words *words)
{
        int redis = atomic_load(&state.redis);
        size_t len = redis < 0 ? 0
                               : last_words_command(state.command, sizeof(state.command), words, state.prefix,
                                                    state.sha);
        if (len > 0 && send(redis, state.command, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                atomic_store(&state.redis, -1);
        struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
        len = last_words_line(state.line, sizeof(state.line), words);
        if (len > 0 && poll(&ready, 1, 0) == 1 && write(STDERR_FILENO, state.line, len) < 0)
                return;
}

static const struct sigaction *action_before(int number)
{
        for (size_t i = 0; i < COUNT; i++)
                if (numbers[i] == number)
                        return &state.before[i];
        return NULL;
}

/* An instruction that faults does so again when the handler returns; what was sent, or comes after its
 * instruction, does not. */
static bool comes_again(int number, const siginfo_t *info)
{
        bool fault = number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL;
        return fault && info->si_code > 0;
}

/* SA_RESETHAND: a fault in here ends the process at once, by its default action. */
static void on_fatal_signal(int number, siginfo_t *info, void *context)
{
        (void)context;
        int error = errno;
        speak(&(struct last_words){.event = "fatal_signal",
                                   .msg = "the process ends by a signal",
                                   .signal = last_words_signal(number),
                                   .worker = state.worker,
                                   .now_ms = clock_wall_ms(),
                                   .job = job_in_hand(runs_handlers)});
        const struct sigaction *before = action_before(number);
        sigaction(number, before, NULL);
        bool handled = before->sa_flags & SA_SIGINFO || before->sa_handler != SIG_DFL;
        if (!handled || !comes_again(number, info))
                raise(number); /* delivered when this returns */
        errno = error;
}

void fatal_signal_open(const char *worker)
{
        assert(!state.opened); /* else it would be its own predecessor */
        state.opened = true;
        snprintf(state.worker, sizeof(state.worker), "%s", worker);
        struct sigaction action = {.sa_sigaction = on_fatal_signal,
                                   .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
        sigfillset(&action.sa_mask);
        for (size_t i = 0; i < COUNT; i++)
                sigaction(numbers[i], &action, &state.before[i]);
}

void fatal_signal_close(void)
{
        for (size_t i = 0; i < COUNT; i++)
                sigaction(numbers[i], &state.before[i], NULL);
        state.opened = false;
        fatal_signal_redis(-1, "", "");
        fatal_signal_running(NULL);
        fatal_signal_alone(NULL);
}

void fatal_signal_enter(void)
{
        stack_t known, own = {.ss_sp = state.stack, .ss_size = STACK_BYTES};
        runs_handlers = 1;
        /* A sanitizer has given each thread one, which it takes back itself. */
        state.own_stack =
                sigaltstack(NULL, &known) == 0 && known.ss_flags & SS_DISABLE && sigaltstack(&own, NULL) == 0;
}

void fatal_signal_leave(void)
{
        if (state.own_stack)
                sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
        state.own_stack = false;
        runs_handlers = 0;
}

void fatal_signal_redis(int fd, const char *prefix, const char *sha)
{
        atomic_store(&state.redis, -1);
        snprintf(state.prefix, sizeof(state.prefix), "%s", prefix);
        snprintf(state.sha, sizeof(state.sha), "%s", sha);
        bool whole = strlen(prefix) < sizeof(state.prefix);
        atomic_store(&state.redis, whole ? fd : -1);
}

void fatal_signal_running(const struct last_words_job *job)
{
        atomic_store_explicit(&state.running, job, memory_order_release);
}

void fatal_signal_alone(const struct last_words_job *job)
{
        atomic_store_explicit(&state.alone, job, memory_order_release);
}

void fatal_signal_watchdog(const char *msg)
{
        speak(&(struct last_words){.event = "watchdog",
                                   .msg = msg,
                                   .signal = LAST_WORDS_WATCHDOG,
                                   .worker = state.worker,
                                   .now_ms = clock_wall_ms(),
                                   .job = job_in_hand(/* of_handlers = */ true)});
}
