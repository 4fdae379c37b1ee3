#include "io/admin/http_get.h"

#include "io/admin/listen_socket.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

/* Takes one connection, keeps what the client said and gives a ready answer; with none it stays silent. */
struct peer {
        struct listen_socket socket;
        char listen[64];
        const char *answer;
        size_t repeat; /* of the answer's last byte */
        char heard[4096];
        uv_thread_t thread;
};

static void serve(void *context)
{
        struct peer *peer = context;
        struct pollfd ready = {.fd = peer->socket.fd, .events = POLLIN};
        poll(&ready, 1, 10000);
        int fd = accept(peer->socket.fd, NULL, NULL);
        ssize_t got = recv(fd, peer->heard, sizeof peer->heard - 1, 0);
        if (peer->answer && got > 0) {
                send(fd, peer->answer, strlen(peer->answer), MSG_NOSIGNAL);
                for (size_t i = 0; i < peer->repeat; i++)
                        if (send(fd, "aaaaaaaaaaaaaaaa", 16, MSG_NOSIGNAL) <= 0)
                                break;
        } else {
                recv(fd, peer->heard, sizeof peer->heard - 1, 0); /* until the client gives up */
        }
        close(fd);
}

static struct peer *peer_open(const char *answer, size_t repeat)
{
        struct peer *peer = calloc(1, sizeof *peer);
        char error[LISTEN_ERROR_MAX];
        peer->answer = answer;
        peer->repeat = repeat;
        assert_true(listen_socket_open(&peer->socket, "127.0.0.1:0", error));
        snprintf(peer->listen, sizeof peer->listen, "127.0.0.1:%u", peer->socket.port);
        uv_thread_create(&peer->thread, serve, peer);
        return peer;
}

static void peer_close(struct peer *peer)
{
        uv_thread_join(&peer->thread);
        close(peer->socket.fd);
        free(peer);
}

static void gets_status_and_body_and_sends_the_token(void **state)
{
        (void)state;
        struct peer *peer = peer_open("HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nredis", 0);
        struct buffer body = {0};
        int status = 0;
        char error[HTTP_GET_ERROR_MAX] = "", url[128];
        snprintf(url, sizeof(url), "http://%s/readyz?verbose", peer->listen);
        struct http_get_request request = {.url = url, .shown = url, .token = "s3cret"};
        assert_true(http_get_url(&request, &body, &status, error));
        assert_int_equal(status, 503);
        assert_string_equal(body.data, "redi");
        buffer_fini(&body);
        uv_thread_join(&peer->thread);
        assert_non_null(strstr(peer->heard, "GET /readyz?verbose HTTP/1.1\r\n"));
        assert_non_null(strstr(peer->heard, "Authorization: Bearer s3cret\r\n"));
        close(peer->socket.fd);
        free(peer);
}

static void a_wildcard_address_is_asked_on_this_machine(void **state)
{
        (void)state;
        struct peer *peer = peer_open("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0);
        struct buffer body = {0};
        int status = 0;
        char listen[32], error[HTTP_GET_ERROR_MAX] = "";
        snprintf(listen, sizeof listen, "0.0.0.0:%u", peer->socket.port);
        assert_true(http_get(listen, "/livez", &body, &status, error));
        assert_int_equal(status, 200);
        buffer_fini(&body);
        peer_close(peer);
}

static void follows_no_redirect(void **state)
{
        (void)state;
        struct peer *peer =
                peer_open("HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 0);
        struct buffer body = {0};
        int status = 0;
        char error[HTTP_GET_ERROR_MAX] = "";
        assert_true(http_get(peer->listen, "/livez", &body, &status, error));
        assert_int_equal(status, 302);
        buffer_fini(&body);
        peer_close(peer);
}

static void an_endless_answer_is_an_error(void **state)
{
        (void)state;
        struct peer *peer = peer_open("HTTP/1.1 200 OK\r\n\r\n", 1000000);
        struct buffer body = {0};
        int status = 0;
        char error[HTTP_GET_ERROR_MAX] = "";
        assert_false(http_get(peer->listen, "/status", &body, &status, error));
        assert_non_null(strstr(error, "64 KiB"));
        assert_int_equal(body.len, 0);
        peer_close(peer);
}

static void a_silent_server_is_an_error_within_the_limit(void **state)
{
        (void)state;
        struct peer *peer = peer_open(NULL, 0);
        struct buffer body = {0};
        int status = 0;
        char error[HTTP_GET_ERROR_MAX] = "";
        uint64_t began_ns = uv_hrtime();
        assert_false(http_get(peer->listen, "/livez", &body, &status, error));
        assert_in_range((uv_hrtime() - began_ns) / 1000000, HTTP_GET_TIMEOUT_MS - 100,
                        HTTP_GET_TIMEOUT_MS + 3000);
        assert_non_null(strstr(error, "no answer within 3 s"));
        peer_close(peer);
}

static void nobody_there_is_an_error_that_names_the_address(void **state)
{
        (void)state;
        struct listen_socket gone;
        char listen[32], error[HTTP_GET_ERROR_MAX] = "";
        assert_true(listen_socket_open(&gone, "127.0.0.1:0", error));
        close(gone.fd);
        snprintf(listen, sizeof listen, "127.0.0.1:%u", gone.port);
        struct buffer body = {0};
        int status = 0;
        assert_false(http_get(listen, "/livez", &body, &status, error));
        assert_non_null(strstr(error, listen));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gets_status_and_body_and_sends_the_token),
                cmocka_unit_test(a_wildcard_address_is_asked_on_this_machine),
                cmocka_unit_test(follows_no_redirect),
                cmocka_unit_test(an_endless_answer_is_an_error),
                cmocka_unit_test(a_silent_server_is_an_error_within_the_limit),
                cmocka_unit_test(nobody_there_is_an_error_that_names_the_address),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
