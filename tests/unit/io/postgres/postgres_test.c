#include "io/postgres/postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"

/* What can be seen without a server: URLs, and what is said of one that is not there. */

static void a_url_is_told_what_is_wrong_and_never_shows_its_password(void **state)
{
        static const char *const cases[][2] = {
                {"postgresql://u:p@h:5432/d?sslmode=require", NULL},
                {"postgresql:///d?host=/tmp", NULL},
                {"postgresql://a,b:2/d?target_session_attrs=any", NULL},
                {"postgresql://u:hidden@[h/d", "is not a URL like postgresql://"},
                {"postgresql://u:hid%xen@h/d", "is not a URL like postgresql://"},
                {"postgresql://h/d?password=hidden", "holds a password in its query"},
                {"postgresql://password=u:p@h/d", NULL},
                {"postgresql://h/d?nosuch=1", "is not a URL like postgresql://"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct arena arena;
                arena_init(&arena);
                const char *fault = postgres_url_fault(&arena, cases[i][0]);
                if (!fault != !cases[i][1] || (fault && !strstr(fault, cases[i][1])))
                        fail_msg("%s: %s", cases[i][0], fault ? fault : "taken");
                assert_true(!fault || !strstr(fault, "hid"));
                arena_fini(&arena);
        }
}

static void refused(const char *url, const char *said)
{
        char error[POSTGRES_ERROR_MAX] = "";
        struct postgres *postgres = postgres_open(url, -1, 5000, error);
        if (postgres)
                postgres_close(postgres);
        assert_null(postgres);
        if (!strstr(error, said))
                fail_msg("%s: \"%s\"", url, error);
        assert_null(strchr(error, '\n'));
        assert_int_not_equal(error[strlen(error) - 1], ' ');
}

/* libpq says it in several lines, the last of which ends with a line feed. */
static void who_does_not_answer_is_said_in_one_line(void **state)
{
        char directory[] = "/tmp/leveret-postgres-XXXXXX", url[128];
        (void)state;
        assert_non_null(mkdtemp(directory));
        snprintf(url, sizeof url, "postgresql:///d?host=%s", directory);
        refused(url, "No such file or directory Is the server running");
        rmdir(directory);
}

static void serve_nonsense(struct peer *peer, int fd, int connection)
{
        (void)peer, (void)connection;
        char data[256];
        if (recv(fd, data, sizeof data, 0) > 0)
                peer_write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void who_speaks_something_else_is_an_error(void **state)
{
        char url[128];
        (void)state;
        struct peer *peer = peer_open(serve_nonsense, NULL);
        snprintf(url, sizeof url, "postgresql://u@127.0.0.1:%d/d?sslmode=disable", peer->port);
        refused(url, "expected authentication request from server, but received H");
        peer_close(peer);
}

static void serve_silence(struct peer *peer, int fd, int connection)
{
        (void)peer, (void)connection;
        peer_wait_end(fd);
}

static void who_is_silent_is_given_up_at_the_limit_or_when_interrupted(void **state)
{
        char url[128], error[POSTGRES_ERROR_MAX] = "";
        int pipe_fds[2];
        (void)state;
        struct peer *peer = peer_open(serve_silence, NULL);
        snprintf(url, sizeof url, "postgresql://u@127.0.0.1:%d/d?sslmode=disable", peer->port);
        assert_null(postgres_open(url, -1, 50, error));
        assert_string_equal(error, "not connected in time");
        assert_int_equal(pipe(pipe_fds), 0);
        assert_int_equal(write(pipe_fds[1], "x", 1), 1);
        assert_null(postgres_open(url, pipe_fds[0], 60000, error));
        assert_string_equal(error, "interrupted");
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        peer_close(peer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_url_is_told_what_is_wrong_and_never_shows_its_password),
                cmocka_unit_test(who_does_not_answer_is_said_in_one_line),
                cmocka_unit_test(who_speaks_something_else_is_an_error),
                cmocka_unit_test(who_is_silent_is_given_up_at_the_limit_or_when_interrupted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
