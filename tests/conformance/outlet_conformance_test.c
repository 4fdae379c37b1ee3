#include "io/machine/clock.h"
#include "io/send/post_http.h"
#include "outlet_cases.h"
#include "smtp_peer.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <strings.h>

#include <cmocka.h>

/* The cases of outlet_cases.c against io/send, over services on loopback that do what a case wants. */

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum way { WAY_MAIL_HTTP, WAY_MAIL_SMTP, WAY_POST };
static const char *const way_words[] = {"a mail over HTTP", "a mail over SMTP", "a post"};

struct stage {
        enum way way;
        enum service_does does;
        uv_loop_t loop;
        uv_timer_t wake;
        struct config_outlet config;
        char url[64];
        struct peer *peer; /* NULL: the service is away */
        int held;          /* its port then */
        struct smtp_script script;
        struct transport *transport;
        unsigned accepted;
};

static const struct mail_request mail = {
        .key = KEY,
        .message_id = "<" KEY "@example.com>",
        .mail = {.from = "shop@example.com", .to = "ann@example.org", .subject = "Hello", .text = "Hello.\n"},
};

/* ---- services ---- */

static bool request_read(int fd)
{
        char data[16384];
        size_t len = 0;
        for (;;) {
                ssize_t n = recv(fd, data + len, sizeof data - 1 - len, 0);
                if (n <= 0)
                        return false;
                len += (size_t)n;
                data[len] = '\0';
                const char *body = strstr(data, "\r\n\r\n"), *length = strcasestr(data, "content-length:");
                if (body && length && len >= (size_t)(body + 4 - data) + strtoul(length + 15, NULL, 10))
                        return true;
        }
}

static void http_serve(struct peer *peer, int fd, int connection)
{
        static const char *const replies[] = {
                [SERVICE_TAKES] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"id\":\"1\"}",
                [SERVICE_REFUSES] = "HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\n{}",
                [SERVICE_REFUSES_NOW] = "HTTP/1.1 503 Later\r\nContent-Length: 2\r\n\r\n{}",
                [SERVICE_REFUSES_US] = "HTTP/1.1 401 Who\r\nContent-Length: 2\r\n\r\n{}",
        };
        const struct stage *stage = peer->script;
        (void)connection;
        while (request_read(fd)) {
                peer_count(peer, &peer->requests, 1);
                if (stage->does == SERVICE_IS_SILENT)
                        peer_wait_end(fd);
                if (stage->does == SERVICE_IS_SILENT || stage->does == SERVICE_CUTS)
                        return;
                peer_write(fd, replies[stage->does]);
        }
}

static const struct smtp_script scripts[] = {
        [SERVICE_TAKES] = {0},
        [SERVICE_REFUSES] = {.dot = "554 5.6.0 no\r\n"},
        [SERVICE_REFUSES_NOW] = {.dot = "451 4.3.0 later\r\n"},
        [SERVICE_REFUSES_US] = {.auth = "535 5.7.8 no\r\n"},
        [SERVICE_IS_AWAY] = {0},
        [SERVICE_CUTS] = {.dot = CUT},
        [SERVICE_IS_SILENT] = {.dot = SILENT},
};

/* A port at which nobody listens: bound, so that nobody else does meanwhile. */
static int port_hold(int *held)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof address;
        *held = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(*held, (struct sockaddr *)&address, len), 0);
        assert_int_equal(getsockname(*held, (struct sockaddr *)&address, &len), 0);
        return ntohs(address.sin_port);
}

/* ---- the subject ---- */

static void on_wake(uv_timer_t *timer)
{
        (void)timer;
}

static void configure(struct stage *stage, int port)
{
        bool smtp = stage->way == WAY_MAIL_SMTP;
        snprintf(stage->url, sizeof stage->url, "%s://127.0.0.1:%d/", smtp ? "smtp" : "http", port);
        stage->config = (struct config_outlet){
                .name = "tested",
                .kind = stage->way == WAY_POST ? OUTLET_POST : OUTLET_MAIL,
                .transport = smtp ? TRANSPORT_SMTP : TRANSPORT_HTTP,
                .timeout_ms = stage->does == SERVICE_IS_SILENT ? 1500 : 20000,
                .retry_after_max_ms = 300000,
                .http = {.url = stage->url, .api_key = "s3cret", .connections = 4},
                .smtp = {.url = stage->url,
                         .username = "me",
                         .password = "s3cret",
                         .starttls = SMTP_STARTTLS_OFF,
                         .connections = 4},
                .post = {.connections = 4},
        };
}

static void stage_open(void *context, enum service_does does)
{
        struct stage *stage = context;
        char error[256] = "";
        int port;
        stage->does = does;
        stage->script = scripts[does];
        stage->peer = NULL;
        if (does == SERVICE_IS_AWAY) {
                port = port_hold(&stage->held);
        } else {
                bool smtp = stage->way == WAY_MAIL_SMTP;
                stage->peer = peer_open(smtp ? smtp_serve : http_serve,
                                        smtp ? (void *)&stage->script : (void *)stage);
                port = stage->peer->port;
        }
        configure(stage, port);
        uv_loop_init(&stage->loop);
        uv_timer_init(&stage->loop, &stage->wake);
        uv_timer_start(&stage->wake, on_wake, 5, 5);
        stage->transport = stage->way == WAY_POST
                                   ? post_http_open(&stage->loop, &stage->config, /* allow_private = */ true)
                                   : transport_open(&stage->loop, &stage->config, error);
        assert_string_equal(error, "");
}

static struct transport *stage_transport(void *context)
{
        return ((const struct stage *)context)->transport;
}

static void stage_send(void *context, struct send_terms terms, send_done *done, void *done_context)
{
        struct stage *stage = context;
        static struct post_request post = {.key = KEY, .body = SLICE_LITERAL("{\"type\":\"a\"}")};
        post.url = stage->url;
        if (stage->way == WAY_POST)
                post_http_send(stage->transport, &post, terms, done, done_context);
        else
                transport_send(stage->transport, &mail, terms, done, done_context);
}

static void stage_turn(void *context)
{
        uv_run(&((struct stage *)context)->loop, UV_RUN_ONCE);
}

static void stage_reach(void *context, unsigned requests)
{
        struct stage *stage = context;
        while ((unsigned)peer_count(stage->peer, &stage->peer->requests, 0) < requests)
                uv_run(&stage->loop, UV_RUN_ONCE);
}

/* A whole request that was not refused is accepted, whether that is heard or not. */
static unsigned count_accepted(struct stage *stage)
{
        bool refuses = stage->does == SERVICE_REFUSES || stage->does == SERVICE_REFUSES_NOW ||
                       stage->does == SERVICE_REFUSES_US;
        return stage->peer && !refuses ? (unsigned)peer_count(stage->peer, &stage->peer->requests, 0) : 0;
}

static unsigned stage_accepted(void *context)
{
        struct stage *stage = context;
        return stage->peer ? count_accepted(stage) : stage->accepted;
}

static int64_t stage_clock_boot_ms(void *context)
{
        (void)context;
        return clock_boot_ms();
}

static void stage_close(void *context)
{
        struct stage *stage = context;
        transport_close(stage->transport);
        uv_close((uv_handle_t *)&stage->wake, NULL);
        uv_run(&stage->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&stage->loop), 0);
        stage->accepted = count_accepted(stage);
        if (stage->peer)
                peer_close(stage->peer);
        else
                close(stage->held);
        stage->peer = NULL;
}

static void run_case(void **state)
{
        const struct outlet_case *outlet_case = *state;
        for (enum way way = WAY_MAIL_HTTP; way <= WAY_POST; way++) {
                struct stage stage = {.way = way};
                print_message("%s\n", way_words[way]);
                outlet_case->run(&(struct outlet_subject){.context = &stage,
                                                          .open = stage_open,
                                                          .transport = stage_transport,
                                                          .send = stage_send,
                                                          .turn = stage_turn,
                                                          .reach = stage_reach,
                                                          .accepted = stage_accepted,
                                                          .clock_boot_ms = stage_clock_boot_ms,
                                                          .close = stage_close});
        }
}

int main(void)
{
        struct CMUnitTest tests[16] = {{0}};
        for (size_t i = 0; i < outlet_case_count; i++)
                tests[i] = (struct CMUnitTest){.name = outlet_cases[i].name,
                                               .test_func = run_case,
                                               .initial_state = (void *)(uintptr_t)&outlet_cases[i]};
        return _cmocka_run_group_tests("outlet_conformance", tests, outlet_case_count, NULL, NULL);
}
