#include "io/log/fatal_signal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether a sanitizer handles SIGSEGV: it then reports, and ends the process in its own way. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#        define SANITIZED true
#elif defined(__has_feature)
#        if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#                define SANITIZED true
#        endif
#endif
#ifndef SANITIZED
#        define SANITIZED false
#endif

static const struct last_words_job job = {.id = "order-42", .type = "test.v1", .owner = "owner"};
static const struct last_words_job lonely = {.id = "order-43", .type = "test.v1", .owner = "owner"};

static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
enum { COUNT = sizeof(numbers) / sizeof(*numbers) };
/* As they were before cmocka took them. */
static struct sigaction before[COUNT];

/* What is left of a process that died. */
struct remains {
        int status;
        char redis[4096], log[65536];
};

static void read_all(int fd, char *text, size_t size)
{
        size_t len = 0;
        for (ssize_t got; len < size - 1 && (got = read(fd, text + len, size - 1 - len)) > 0;)
                len += (size_t)got;
        text[len] = '\0';
        close(fd);
}

/* Ends a child by `die`, with the words that it leaves. */
static struct remains death(void (*die)(int redis))
{
        static struct remains remains;
        int log[2], redis[2];
        assert_int_equal(pipe(log), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, redis), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                for (size_t i = 0; i < COUNT; i++)
                        sigaction(numbers[i], &before[i], NULL);
                alarm(30); /* a signal of its own, should it hang */
                setrlimit(RLIMIT_CORE, &(struct rlimit){0});
                dup2(log[1], STDERR_FILENO);
                close(log[0]);
                close(log[1]);
                close(redis[0]);
                fatal_signal_open("host-1-abc");
                fatal_signal_enter();
                fatal_signal_redis(redis[1], "leveret", "0123456789");
                die(redis[1]);
                _exit(99);
        }
        close(log[1]);
        close(redis[1]);
        read_all(log[0], remains.log, sizeof(remains.log));
        assert_int_equal(waitpid(child, &remains.status, 0), child);
        read_all(redis[0], remains.redis, sizeof(remains.redis));
        return remains;
}

static void assert_died_of(const struct remains *remains, int number)
{
        assert_true(WIFSIGNALED(remains->status));
        assert_int_equal(WTERMSIG(remains->status), number);
}

/* In a sanitized build the sanitizer's report is not lost. */
static void assert_died_of_segv(const struct remains *remains)
{
        if (!SANITIZED) {
                assert_died_of(remains, SIGSEGV);
                return;
        }
        assert_non_null(strstr(remains->log, "Sanitizer"));
        assert_int_not_equal(remains->status, 0);
        assert_false(WIFEXITED(remains->status) && WEXITSTATUS(remains->status) == 99);
}

static void assert_said(const struct remains *remains, const char *signal, const char *id)
{
        assert_non_null(strstr(remains->log, "\"event\":\"fatal_signal\""));
        assert_non_null(strstr(remains->log, signal));
        assert_non_null(strstr(remains->redis, signal));
        assert_non_null(strstr(remains->log, id));
        assert_non_null(strstr(remains->redis, id));
        assert_non_null(strstr(remains->redis, "\r\nleveret:job:{"));
}

static void in_abort(int redis)
{
        (void)redis;
        fatal_signal_running(&job);
        abort();
}

static void by_a_null_pointer(int redis)
{
        (void)redis;
        fatal_signal_running(&job);
        static volatile uintptr_t nowhere = 8;
        *(volatile int *)nowhere = 1;
}

static void by_raise(int redis)
{
        (void)redis;
        fatal_signal_running(&job);
        raise(SIGSEGV);
}

static void by_a_trap(int redis)
{
        (void)redis;
        fatal_signal_running(&job);
        raise(SIGTRAP);
}

static void a_process_that_aborts_tells_its_job_and_dies_of_the_signal(void **state)
{
        (void)state;
        struct remains remains = death(in_abort);
        assert_died_of(&remains, SIGABRT);
        assert_said(&remains, "SIGABRT", "order-42");
        remains = death(by_a_trap);
        assert_died_of(&remains, SIGTRAP);
        assert_said(&remains, "SIGTRAP", "order-42");
}

static void a_process_that_faults_tells_its_job_and_dies_of_the_signal(void **state)
{
        (void)state;
        struct remains remains = death(by_a_null_pointer);
        assert_died_of_segv(&remains);
        assert_said(&remains, "SIGSEGV", "order-42");
        remains = death(by_raise);
        assert_died_of_segv(&remains);
        assert_said(&remains, "SIGSEGV", "order-42");
}

static int deeper(volatile int *above)
{
        volatile int frame[1024];
        frame[0] = *above + 1;
        return frame[0] > 0 ? deeper(frame) + frame[1] : 0;
}

static void by_its_stack(int redis)
{
        volatile int bottom = 0;
        (void)redis;
        fatal_signal_running(&job);
        deeper(&bottom);
}

static void a_stack_that_overflows_leaves_room_for_last_words(void **state)
{
        (void)state;
        struct remains remains = death(by_its_stack);
        assert_died_of_segv(&remains);
        assert_said(&remains, "SIGSEGV", "order-42");
}

static void without_a_handler(int redis)
{
        (void)redis;
        fatal_signal_running(&job);
        fatal_signal_running(NULL);
        abort();
}

static void alone(int redis)
{
        (void)redis;
        fatal_signal_alone(&lonely);
        abort();
}

static void outside_of_a_handler_only_a_job_that_is_alone_is_named(void **state)
{
        (void)state;
        struct remains remains = death(without_a_handler);
        assert_non_null(strstr(remains.log, "SIGABRT"));
        assert_null(strstr(remains.log, "order-42"));
        assert_string_equal(remains.redis, "");
        remains = death(alone);
        assert_said(&remains, "SIGABRT", "order-43");
}

static void *aborting(void *context)
{
        (void)context;
        abort();
}

static void in_another_thread(int redis)
{
        (void)redis;
        pthread_t thread;
        fatal_signal_running(&job);
        if (pthread_create(&thread, NULL, aborting, NULL) == 0)
                pthread_join(thread, NULL);
}

static void another_threads_crash_is_not_put_on_the_handler(void **state)
{
        (void)state;
        struct remains remains = death(in_another_thread);
        assert_died_of(&remains, SIGABRT);
        assert_non_null(strstr(remains.log, "SIGABRT"));
        assert_null(strstr(remains.log, "order-42"));
        assert_string_equal(remains.redis, "");
}

static void with_a_full_connection(int redis)
{
        char filling[4096] = {0};
        while (send(redis, filling, sizeof(filling), MSG_DONTWAIT) > 0)
                continue;
        fatal_signal_running(&job);
        abort();
}

static void a_redis_that_takes_nothing_holds_nobody_up(void **state)
{
        (void)state;
        struct remains remains = death(with_a_full_connection);
        assert_died_of(&remains, SIGABRT);
        assert_non_null(strstr(remains.log, "order-42"));
}

static void by_the_watchdog(int redis)
{
        (void)redis;
        fatal_signal_running(&job);
        fatal_signal_watchdog("it hangs");
        kill(getpid(), SIGKILL);
}

static void the_watchdog_names_itself(void **state)
{
        (void)state;
        struct remains remains = death(by_the_watchdog);
        assert_died_of(&remains, SIGKILL);
        assert_non_null(strstr(remains.log, "\"msg\":\"it hangs\",\"event\":\"watchdog\""));
        assert_non_null(strstr(remains.log, "order-42"));
        assert_non_null(strstr(remains.redis, "\r\nwatchdog\r\n"));
}

static void closed_before(int redis)
{
        (void)redis;
        fatal_signal_running(&job);
        fatal_signal_leave();
        fatal_signal_close();
        abort();
}

static void after_the_close_nothing_is_said(void **state)
{
        (void)state;
        struct remains remains = death(closed_before);
        assert_died_of(&remains, SIGABRT);
        assert_string_equal(remains.log, "");
        assert_string_equal(remains.redis, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_process_that_aborts_tells_its_job_and_dies_of_the_signal),
                cmocka_unit_test(a_process_that_faults_tells_its_job_and_dies_of_the_signal),
                cmocka_unit_test(a_stack_that_overflows_leaves_room_for_last_words),
                cmocka_unit_test(outside_of_a_handler_only_a_job_that_is_alone_is_named),
                cmocka_unit_test(another_threads_crash_is_not_put_on_the_handler),
                cmocka_unit_test(a_redis_that_takes_nothing_holds_nobody_up),
                cmocka_unit_test(the_watchdog_names_itself),
                cmocka_unit_test(after_the_close_nothing_is_said),
        };
        for (size_t i = 0; i < COUNT; i++)
                sigaction(numbers[i], NULL, &before[i]);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
