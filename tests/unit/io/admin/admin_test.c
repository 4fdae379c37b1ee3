#include "io/admin/admin.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TICK_MS = 5, DEADLINE_MS = 20000 };

/* A loop on a thread of its own, as in the worker, with the admin server on it. */
struct server {
        struct config config;
        struct admin_source source;
        struct admin *admin;
        char error[ADMIN_ERROR_MAX];
        uv_loop_t loop;
        uv_async_t order;
        uv_timer_t tick;
        uv_thread_t thread;
        void (*what)(struct server *server); /* to do on the loop */
        uv_sem_t done, release;
        uint64_t ticked_ns;
        _Atomic uint64_t longest_pause_ns;
        _Atomic int renders;
};

static void render(void *context, enum admin_page page, bool verbose, struct buffer *body, int *status)
{
        struct server *server = context;
        server->renders++;
        switch (page) {
        case ADMIN_LIVEZ:
                buffer_add_text(body, "ok\n");
                return;
        case ADMIN_READYZ:
                *status = 503;
                buffer_add_text(body, verbose ? "redis: down\n" : "not ready\n");
                return;
        case ADMIN_METRICS:
                buffer_add_text(body, "up 1\n");
                return;
        case ADMIN_STATUS:
                for (int i = 0; i < 50000; i++)
                        buffer_add_text(body, "0123456789");
                return;
        case ADMIN_PAGE_COUNT:
                break;
        }
        abort();
}

static void on_order(uv_async_t *order)
{
        struct server *server = order->data;
        if (!server->what)
                return;
        void (*what)(struct server *) = server->what;
        server->what = NULL;
        what(server);
        uv_sem_post(&server->done);
}

static void on_tick(uv_timer_t *tick)
{
        struct server *server = tick->data;
        uint64_t now_ns = uv_hrtime();
        if (server->ticked_ns && now_ns - server->ticked_ns > server->longest_pause_ns)
                server->longest_pause_ns = now_ns - server->ticked_ns;
        server->ticked_ns = now_ns;
}

static void run_loop(void *context)
{
        struct server *server = context;
        uv_run(&server->loop, UV_RUN_DEFAULT);
}

static void give(struct server *server, void (*what)(struct server *))
{
        server->what = what;
        uv_async_send(&server->order);
}

static void give_and_wait(struct server *server, void (*what)(struct server *))
{
        give(server, what);
        uv_sem_wait(&server->done);
}

static void do_open(struct server *server)
{
        server->admin = admin_open(&server->loop, &server->config, &server->source, server->error);
}

static void do_close_admin(struct server *server)
{
        admin_close(server->admin);
        server->admin = NULL;
}

static void do_close(struct server *server)
{
        do_close_admin(server);
        uv_close((uv_handle_t *)&server->order, NULL);
        uv_close((uv_handle_t *)&server->tick, NULL);
}

static void do_get_stuck(struct server *server)
{
        uv_sem_wait(&server->release);
}

static struct server *server_open(const char *listen, const char *token)
{
        struct server *server = calloc(1, sizeof *server);
        server->config.admin.listen = listen;
        server->config.admin.token = token;
        server->source = (struct admin_source){.render = render, .context = server};
        uv_loop_init(&server->loop);
        uv_async_init(&server->loop, &server->order, on_order);
        uv_timer_init(&server->loop, &server->tick);
        uv_sem_init(&server->done, 0);
        uv_sem_init(&server->release, 0);
        server->order.data = server->tick.data = server;
        uv_timer_start(&server->tick, on_tick, TICK_MS, TICK_MS);
        uv_thread_create(&server->thread, run_loop, server);
        give_and_wait(server, do_open);
        return server;
}

static void server_close(struct server *server)
{
        give_and_wait(server, do_close);
        uv_thread_join(&server->thread);
        assert_int_equal(uv_loop_close(&server->loop), 0); /* nothing was left on it */
        uv_sem_destroy(&server->done);
        uv_sem_destroy(&server->release);
        free(server);
}

static int dial(const struct server *server)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(admin_port(server->admin))};
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
        return fd;
}

/* What the server closed the connection for is no matter of the test. */
static void say(int fd, const char *text, size_t len)
{
        while (len > 0) {
                ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
                if (sent <= 0)
                        return;
                text += sent;
                len -= (size_t)sent;
        }
}

/* Reads to the end of the stream. False if there is no end within the deadline. */
static bool hear(int fd, struct buffer *reply)
{
        buffer_add_text(reply, "");
        for (;;) {
                struct pollfd ready = {.fd = fd, .events = POLLIN};
                if (poll(&ready, 1, DEADLINE_MS) <= 0)
                        return false;
                ssize_t got = recv(fd, buffer_reserve(reply, 4096), 4096, 0);
                if (got <= 0)
                        return true;
                reply->len += (size_t)got;
                reply->data[reply->len] = '\0';
        }
}

static struct buffer request(const struct server *server, const char *head)
{
        struct buffer reply = {0};
        int fd = dial(server);
        say(fd, head, strlen(head));
        say(fd, "Host: localhost\r\n\r\n", 19);
        assert_true(hear(fd, &reply));
        close(fd);
        return reply;
}

static int status_of(struct buffer *reply)
{
        int status = reply->len > 12 ? atoi(reply->data + 9) : 0;
        buffer_fini(reply);
        return status;
}

static int status_to(const struct server *server, const char *head)
{
        struct buffer reply = request(server, head);
        return status_of(&reply);
}

static const char *body_of(const struct buffer *reply)
{
        const char *end = strstr(reply->data, "\r\n\r\n");
        return end ? end + 4 : "";
}

static bool has(const struct buffer *reply, const char *text)
{
        return strcasestr(reply->data, text) != NULL;
}

static void serves_each_page_with_its_type(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", NULL);
        assert_non_null(server->admin);
        struct buffer reply = request(server, "GET /livez HTTP/1.1\r\n");
        assert_true(has(&reply, "HTTP/1.1 200"));
        assert_string_equal(body_of(&reply), "ok\n");
        buffer_fini(&reply);
        reply = request(server, "GET /metrics HTTP/1.1\r\n");
        assert_true(has(&reply, "content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
        assert_string_equal(body_of(&reply), "up 1\n");
        buffer_fini(&reply);
        reply = request(server, "GET /status HTTP/1.1\r\n");
        assert_true(has(&reply, "content-type: application/json\r\n"));
        assert_int_equal(strlen(body_of(&reply)), 500000);
        buffer_fini(&reply);
        server_close(server);
}

static void the_status_is_what_the_source_says_and_verbose_reaches_it(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", NULL);
        static const char *const verbose[] = {"?verbose", "?verbose=1", "?a=b&verbose"};
        struct buffer reply = request(server, "GET /readyz HTTP/1.1\r\n");
        assert_true(has(&reply, "HTTP/1.1 503"));
        assert_string_equal(body_of(&reply), "not ready\n");
        buffer_fini(&reply);
        for (size_t i = 0; i < 3; i++) {
                char head[64];
                snprintf(head, sizeof head, "GET /readyz%s HTTP/1.1\r\n", verbose[i]);
                reply = request(server, head);
                assert_string_equal(body_of(&reply), "redis: down\n");
                buffer_fini(&reply);
        }
        server_close(server);
}

static void head_has_no_body(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", NULL);
        struct buffer reply = request(server, "HEAD /livez HTTP/1.1\r\n");
        assert_true(has(&reply, "HTTP/1.1 200"));
        assert_string_equal(body_of(&reply), "");
        buffer_fini(&reply);
        server_close(server);
}

static void other_methods_are_refused(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", NULL);
        struct buffer reply = request(server, "POST /livez HTTP/1.1\r\nContent-Length: 0\r\n");
        assert_true(has(&reply, "HTTP/1.1 405"));
        assert_true(has(&reply, "allow: GET, HEAD\r\n"));
        buffer_fini(&reply);
        assert_int_equal(status_to(server, "DELETE /metrics HTTP/1.1\r\n"), 405);
        assert_int_equal(server->renders, 0);
        server_close(server);
}

static void other_paths_are_not_found_however_they_are_written(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", NULL);
        static const char *const paths[] = {
                "/",
                "/etc/passwd",
                "/../../../../etc/passwd",
                "/livez/../../etc/passwd",
                "/%2e%2e/%2e%2e/etc/passwd",
                "/livez%00",
                "/livez/",
                "//livez",
                "/LIVEZ",
                "/metrics/..%2fstatus",
        };
        for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
                char head[128];
                snprintf(head, sizeof head, "GET %s HTTP/1.1\r\n", paths[i]);
                int status = status_to(server, head);
                if (status != 404 && status != 400)
                        fail_msg("%s: %d", paths[i], status);
        }
        assert_int_equal(server->renders, 0);
        server_close(server);
}

static void a_token_is_needed_for_all_but_the_probes(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", "s3cret");
        assert_int_equal(status_to(server, "GET /livez HTTP/1.1\r\n"), 200);
        assert_int_equal(status_to(server, "GET /readyz HTTP/1.1\r\n"), 503);
        struct buffer reply = request(server, "GET /metrics HTTP/1.1\r\n");
        assert_true(has(&reply, "HTTP/1.1 401"));
        assert_true(has(&reply, "www-authenticate: Bearer\r\n"));
        assert_false(has(&reply, "s3cret"));
        buffer_fini(&reply);
        static const char *const wrong[] = {"Bearer s3creT",  "Bearer s3creu", "Bearer s3cre",
                                            "Bearer s3cretx", "Bearer ",       "s3cret",
                                            "Basic s3cret"};
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
                char head[128];
                snprintf(head, sizeof head, "GET /status HTTP/1.1\r\nAuthorization: %s\r\n", wrong[i]);
                assert_int_equal(status_to(server, head), 401);
        }
        assert_int_equal(status_to(server, "GET /status HTTP/1.1\r\nAuthorization: Bearer s3cret\r\n"), 200);
        assert_int_equal(status_to(server, "GET /metrics HTTP/1.1\r\nAuthorization: bearer s3cret\r\n"), 200);
        assert_int_equal(status_to(server, "GET /metrics HTTP/1.1\r\nAuthorization: Bearer  s3cret \r\n"),
                         200);
        server_close(server);
}

static void a_header_of_1_mb_is_431(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", NULL);
        enum { SIZE = 1 << 20 };
        char *big = malloc(SIZE);
        memset(big, 'a', SIZE);
        int fd = dial(server);
        struct buffer reply = {0};
        say(fd, "GET /livez HTTP/1.1\r\nX: ", 24);
        say(fd, big, SIZE);
        assert_true(hear(fd, &reply));
        close(fd);
        free(big);
        assert_int_equal(status_of(&reply), 431);
        assert_int_equal(status_to(server, "GET /livez HTTP/1.1\r\n"), 200);
        server_close(server);
}

/* Sends a byte every half second; returns after how many milliseconds the server cut it. */
static int64_t drip(int fd)
{
        uint64_t began_ns = uv_hrtime();
        for (int i = 0; i < 2 * DEADLINE_MS / 1000; i++) {
                struct pollfd ready = {.fd = fd, .events = POLLIN};
                if (poll(&ready, 1, 500) > 0)
                        break;
                say(fd, "a", 1);
        }
        return (int64_t)((uv_hrtime() - began_ns) / 1000000);
}

static void slow_requests_are_cut(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", NULL);
        int silent = dial(server), dripping = dial(server);
        say(silent, "GET /livez HT", 13);
        say(dripping, "GET /livez HTTP/1.1\r\nX: ", 24);
        int64_t lived_ms = drip(dripping);
        assert_in_range(lived_ms, 9000, 15000);
        struct pollfd cut = {.fd = silent, .events = POLLIN}; /* its 5 s were over long ago */
        assert_int_equal(poll(&cut, 1, 0), 1);
        close(silent);
        close(dripping);
        assert_int_equal(status_to(server, "GET /livez HTTP/1.1\r\n"), 200);
        server_close(server);
}

static void two_hundred_connections_at_once_do_not_disturb_the_loop(void **state)
{
        (void)state;
        enum { COUNT = 200 };
        struct server *server = server_open("127.0.0.1:0", NULL);
        static const char ask[] = "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n";
        int fds[COUNT], answered = 0;
        for (int i = 0; i < COUNT; i++) {
                fds[i] = dial(server);
                say(fds[i], ask, sizeof ask - 1);
        }
        for (int i = 0; i < COUNT; i++) {
                struct buffer reply = {0};
                assert_true(hear(fds[i], &reply));
                close(fds[i]);
                answered += status_of(&reply) == 200;
        }
        assert_int_equal(answered, COUNT); /* those over the limit waited for a place */
        assert_true(server->longest_pause_ns < 1000 * UINT64_C(1000000));
        server_close(server);
}

static void a_stuck_loop_fails_livez_and_a_turning_one_mends_it(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", NULL);
        give(server, do_get_stuck);
        uint64_t began_ns = uv_hrtime();
        struct buffer reply = request(server, "GET /livez HTTP/1.1\r\n");
        assert_true(uv_hrtime() - began_ns < 8000 * UINT64_C(1000000));
        assert_true(has(&reply, "HTTP/1.1 503"));
        assert_true(has(&reply, "the loop does not turn (last turn "));
        buffer_fini(&reply);
        began_ns = uv_hrtime();
        assert_int_equal(status_to(server, "GET /metrics HTTP/1.1\r\n"), 503);
        assert_true(uv_hrtime() - began_ns < 1000 * UINT64_C(1000000)); /* known to be stuck: no wait */
        uv_sem_post(&server->release);
        uv_sem_wait(&server->done);
        int status = 0;
        for (uint64_t until_ns = uv_hrtime() + DEADLINE_MS * UINT64_C(1000000);
             status != 200 && uv_hrtime() < until_ns;)
                status = status_to(server, "GET /livez HTTP/1.1\r\n");
        assert_int_equal(status, 200);
        server_close(server);
}

static void closing_ends_a_request_that_waits_for_the_loop(void **state)
{
        (void)state;
        struct server *server = server_open("127.0.0.1:0", NULL);
        give(server, do_get_stuck);
        int fd = dial(server);
        say(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 40);
        uv_sem_post(&server->release);
        uv_sem_wait(&server->done);
        give_and_wait(server, do_close_admin);
        struct buffer reply = {0};
        assert_true(hear(fd, &reply));
        close(fd);
        buffer_fini(&reply);
        server_close(server);
}

static void a_port_in_use_is_a_clear_error(void **state)
{
        (void)state;
        struct server *first = server_open("127.0.0.1:0", NULL);
        char listen[64];
        snprintf(listen, sizeof listen, "127.0.0.1:%u", admin_port(first->admin));
        struct server *second = server_open(listen, NULL);
        assert_null(second->admin);
        assert_non_null(strstr(second->error, listen));
        assert_non_null(strstr(second->error, "Address already in use"));
        server_close(second);
        server_close(first);
}

static void off_is_no_server_and_no_error(void **state)
{
        (void)state;
        struct server *server = server_open("off", NULL);
        assert_null(server->admin);
        assert_string_equal(server->error, "");
        server_close(server);
}

static void an_address_that_others_reach_needs_a_token(void **state)
{
        (void)state;
        struct server *server = server_open("0.0.0.0:0", NULL);
        assert_null(server->admin);
        assert_non_null(strstr(server->error, "admin.token"));
        server_close(server);
        server = server_open(":0", "s3cret");
        assert_non_null(server->admin);
        assert_int_equal(status_to(server, "GET /status HTTP/1.1\r\n"), 401);
        server_close(server);
}

static void listens_on_ipv6(void **state)
{
        (void)state;
        struct server *server = server_open("[::1]:0", NULL);
        if (!server->admin) {
                print_message("skipped: %s\n", server->error);
                server_close(server);
                skip();
                return;
        }
        struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(admin_port(server->admin))};
        to.sin6_addr = in6addr_loopback;
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
        struct buffer reply = {0};
        say(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 40);
        assert_true(hear(fd, &reply));
        close(fd);
        assert_int_equal(status_of(&reply), 200);
        server_close(server);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(serves_each_page_with_its_type),
                cmocka_unit_test(the_status_is_what_the_source_says_and_verbose_reaches_it),
                cmocka_unit_test(head_has_no_body),
                cmocka_unit_test(other_methods_are_refused),
                cmocka_unit_test(other_paths_are_not_found_however_they_are_written),
                cmocka_unit_test(a_token_is_needed_for_all_but_the_probes),
                cmocka_unit_test(a_header_of_1_mb_is_431),
                cmocka_unit_test(slow_requests_are_cut),
                cmocka_unit_test(two_hundred_connections_at_once_do_not_disturb_the_loop),
                cmocka_unit_test(a_stuck_loop_fails_livez_and_a_turning_one_mends_it),
                cmocka_unit_test(closing_ends_a_request_that_waits_for_the_loop),
                cmocka_unit_test(a_port_in_use_is_a_clear_error),
                cmocka_unit_test(off_is_no_server_and_no_error),
                cmocka_unit_test(an_address_that_others_reach_needs_a_token),
                cmocka_unit_test(listens_on_ipv6),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
