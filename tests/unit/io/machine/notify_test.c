#include "io/machine/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A manager's socket, bound to `name`; a leading @ stands for the abstract namespace. */
static int manager_open(const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        memcpy(address.sun_path, name, strlen(name));
        if (name[0] == '@')
                address.sun_path[0] = '\0';
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
        assert_int_equal(bind(fd, (void *)&address, size), 0);
        setenv("NOTIFY_SOCKET", name, 1);
        return fd;
}

static void assert_told(int fd, const char *expected)
{
        char got[64] = "";
        assert_true(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT) >= 0);
        assert_string_equal(got, expected);
}

static void tells_a_manager_at_a_path(void **state)
{
        (void)state;
        char directory[] = "/tmp/leveret-notify-XXXXXX", path[64];
        assert_non_null(mkdtemp(directory));
        snprintf(path, sizeof(path), "%s/socket", directory);
        int fd = manager_open(path);
        notify_send("READY=1");
        assert_told(fd, "READY=1");
        close(fd);
        unlink(path);
        notify_send("STOPPING=1"); /* nobody listens: no harm */
        rmdir(directory);
}

static void tells_a_manager_in_the_abstract_namespace(void **state)
{
        (void)state;
        char name[64];
        snprintf(name, sizeof(name), "@leveret-notify-%d", (int)getpid());
        int fd = manager_open(name);
        notify_send("WATCHDOG=1");
        assert_told(fd, "WATCHDOG=1");
        close(fd);
}

static void tells_nobody_where_there_is_no_manager(void **state)
{
        (void)state;
        char path[200];
        unsetenv("NOTIFY_SOCKET");
        notify_send("READY=1");
        memset(path, 'x', sizeof(path));
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        setenv("NOTIFY_SOCKET", path, 1);
        notify_send("READY=1");
        setenv("NOTIFY_SOCKET", "", 1);
        notify_send("READY=1");
}

static void shows_that_it_lives_twice_in_the_time_that_the_manager_waits(void **state)
{
        (void)state;
        char pid[32];
        unsetenv("WATCHDOG_PID");
        unsetenv("WATCHDOG_USEC");
        assert_int_equal(notify_watchdog_ms(), 0);
        setenv("WATCHDOG_USEC", "30000000", 1);
        assert_int_equal(notify_watchdog_ms(), 15000);
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("WATCHDOG_PID", pid, 1);
        assert_int_equal(notify_watchdog_ms(), 15000);
        setenv("WATCHDOG_PID", "1", 1);
        assert_int_equal(notify_watchdog_ms(), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tells_a_manager_at_a_path),
                cmocka_unit_test(tells_a_manager_in_the_abstract_namespace),
                cmocka_unit_test(tells_nobody_where_there_is_no_manager),
                cmocka_unit_test(shows_that_it_lives_twice_in_the_time_that_the_manager_waits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
