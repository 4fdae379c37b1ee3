/* A mail service that costs almost nothing: HTTP with keep-alive, and SMTP. It counts mails and their
 * distinct keys, notes how long each took since "at=<CLOCK_REALTIME in ns>" in its body, and can let its
 * answers wait.
 *
 * usage: bench_sink     prints "HTTPPORT SMTPPORT CONTROLPORT" and serves until it is killed
 * Control, one line a connection: "reset DELAY_MS", "stats" -> JSON, "latencies" -> one line of microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 256 * 1024, KEY_SLOTS = 1 << 21, LATENCIES_MAX = 1 << 20, EVENTS = 256 };

enum kind { LISTEN_HTTP, LISTEN_SMTP, LISTEN_CONTROL, HTTP, SMTP, CONTROL };

struct peer {
        enum kind kind;
        int fd;
        bool in_data; /* SMTP: between DATA and the final dot */
        char *in;
        size_t len;
        int64_t due_ns; /* when the answer leaves; 0: none waits */
        uint64_t answer_number;
        TAILQ_ENTRY(peer) waiting;
};

static TAILQ_HEAD(, peer) waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct peer listeners[3];
static int epoll_fd;
static int64_t delay_ns, first_ns, last_ns, second_ns;
static uint64_t mails, distinct, *keys;
static uint32_t *latencies_us;
static size_t latency_count;

static int64_t clock_ns(clockid_t id)
{
        struct timespec now;
        clock_gettime(id, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void key_count(const char *key, size_t len)
{
        uint64_t hash = 1469598103934665603u;
        for (size_t i = 0; i < len; i++)
                hash = (hash ^ (unsigned char)key[i]) * 1099511628211u;
        hash |= 1;
        size_t at = (hash >> 20) % KEY_SLOTS;
        while (keys[at] && keys[at] != hash)
                at = (at + 1) % KEY_SLOTS;
        distinct += keys[at] == 0;
        keys[at] = hash;
}

static void mail_count(const char *text, size_t len, const char *key, size_t key_len)
{
        int64_t now = clock_ns(CLOCK_REALTIME);
        const char *mark = memmem(text, len, "at=", 3);
        int64_t sent = mark ? strtoll(mark + 3, NULL, 10) : 0;
        if (sent > 0 && latency_count < LATENCIES_MAX)
                latencies_us[latency_count++] = (uint32_t)((now - sent) / 1000);
        if (++mails == 1)
                first_ns = now;
        if (mails == 2)
                second_ns = now;
        last_ns = now;
        key_count(key, key_len);
}

static void reset(int delay_ms)
{
        memset(keys, 0, KEY_SLOTS * sizeof(*keys));
        mails = distinct = 0;
        first_ns = second_ns = last_ns = 0;
        latency_count = 0;
        delay_ns = delay_ms * INT64_C(1000000);
}

static void peer_close(struct peer *peer)
{
        if (peer->due_ns)
                TAILQ_REMOVE(&waiting, peer, waiting);
        close(peer->fd);
        free(peer->in);
        free(peer);
}

static void say(struct peer *peer, const char *text)
{
        size_t len = strlen(text);
        if (send(peer->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
                shutdown(peer->fd, SHUT_RDWR);
}

static void answer(struct peer *peer)
{
        char text[256], body[64];
        if (peer->kind == SMTP) {
                say(peer, "250 2.0.0 queued\r\n");
                return;
        }
        snprintf(body, sizeof(body), "{\"id\":\"%08" PRIx64 "-bench\"}", peer->answer_number);
        snprintf(text, sizeof(text),
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(body), body);
        say(peer, text);
}

static void answer_later(struct peer *peer)
{
        peer->answer_number = mails;
        if (delay_ns == 0) {
                answer(peer);
                return;
        }
        peer->due_ns = clock_ns(CLOCK_MONOTONIC) + delay_ns;
        TAILQ_INSERT_TAIL(&waiting, peer, waiting);
}

static void consume(struct peer *peer, size_t len)
{
        peer->len -= len;
        memmove(peer->in, peer->in + len, peer->len);
        peer->in[peer->len] = '\0';
}

static const char *header_find(const char *head, const char *name)
{
        const char *found = strcasestr(head, name);
        if (!found)
                return NULL;
        found += strlen(name);
        return found + strspn(found, " ");
}

/* One request that is whole; false: more must come. */
static bool http_take(struct peer *peer)
{
        char *end = memmem(peer->in, peer->len, "\r\n\r\n", 4);
        if (!end)
                return false;
        *end = '\0';
        const char *length = header_find(peer->in, "\r\ncontent-length:");
        const char *key = header_find(peer->in, "\r\nidempotency-key:");
        size_t body_len = length ? strtoul(length, NULL, 10) : 0, head_len = (size_t)(end - peer->in) + 4;
        if (peer->len < head_len + body_len) {
                *end = '\r';
                return false;
        }
        mail_count(end + 4, body_len, key ? key : "", key ? strcspn(key, "\r") : 0);
        consume(peer, head_len + body_len);
        answer_later(peer);
        return true;
}

static bool smtp_mail_take(struct peer *peer)
{
        char *end = memmem(peer->in, peer->len, "\r\n.\r\n", 5);
        if (!end)
                return false;
        *end = '\0';
        const char *key = header_find(peer->in, "\r\nmessage-id:");
        mail_count(peer->in, (size_t)(end - peer->in), key ? key : "", key ? strcspn(key, "\r") : 0);
        consume(peer, (size_t)(end - peer->in) + 5);
        peer->in_data = false;
        answer_later(peer);
        return true;
}

/* All commands but the mail are answered at once, pipelined or not. */
static bool smtp_take(struct peer *peer)
{
        if (peer->in_data)
                return smtp_mail_take(peer);
        char *end = memmem(peer->in, peer->len, "\r\n", 2);
        if (!end)
                return false;
        bool hello = strncasecmp(peer->in, "EHLO", 4) == 0, quit = strncasecmp(peer->in, "QUIT", 4) == 0;
        peer->in_data = strncasecmp(peer->in, "DATA", 4) == 0;
        say(peer, hello           ? "250-bench\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n"
                  : peer->in_data ? "354 go on\r\n"
                  : quit          ? "221 bye\r\n"
                                  : "250 2.0.0 ok\r\n");
        consume(peer, (size_t)(end - peer->in) + 2);
        return true;
}

static void stats_say(struct peer *peer)
{
        char text[256];
        snprintf(text, sizeof(text),
                 "{\"mails\":%" PRIu64 ",\"distinct\":%" PRIu64 ",\"first_ns\":%" PRId64
                 ",\"second_ns\":%" PRId64 ",\"last_ns\":%" PRId64 "}\n",
                 mails, distinct, first_ns, second_ns, last_ns);
        say(peer, text);
}

static void latencies_say(struct peer *peer)
{
        char number[16];
        for (size_t i = 0; i < latency_count; i++) {
                snprintf(number, sizeof(number), "%u ", latencies_us[i]);
                say(peer, number);
        }
        say(peer, "\n");
}

static bool control_take(struct peer *peer)
{
        char *end = memchr(peer->in, '\n', peer->len);
        if (!end)
                return false;
        if (strncmp(peer->in, "reset", 5) == 0) {
                reset(atoi(peer->in + 5));
                say(peer, "ok\n");
        } else if (strncmp(peer->in, "latencies", 9) == 0) {
                latencies_say(peer);
        } else {
                stats_say(peer);
        }
        consume(peer, (size_t)(end - peer->in) + 1);
        return true;
}

static bool take(struct peer *peer)
{
        switch (peer->kind) {
        case HTTP:
                return http_take(peer);
        case SMTP:
                return smtp_take(peer);
        case CONTROL:
                return control_take(peer);
        case LISTEN_HTTP:
        case LISTEN_SMTP:
        case LISTEN_CONTROL:
                break;
        }
        return false;
}

static void peer_read(struct peer *peer)
{
        ssize_t got = recv(peer->fd, peer->in + peer->len, IN_MAX - 1 - peer->len, 0);
        if (got <= 0) {
                if (got == 0 || errno != EAGAIN)
                        peer_close(peer);
                return;
        }
        peer->len += (size_t)got;
        peer->in[peer->len] = '\0';
        while (!peer->due_ns && take(peer))
                ;
}

static void peer_accept(const struct peer *listener)
{
        int fd = accept4(listener->fd, NULL, NULL,
                         SOCK_CLOEXEC | (listener->kind == LISTEN_CONTROL ? 0 : SOCK_NONBLOCK));
        if (fd < 0)
                return;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct peer *peer = calloc(1, sizeof(*peer));
        peer->kind = (enum kind)(listener->kind + (HTTP - LISTEN_HTTP));
        peer->fd = fd;
        peer->in = malloc(IN_MAX); /* touched only as far as it is used */
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
        if (peer->kind == SMTP)
                say(peer, "220 bench\r\n");
}

static int listen_on(enum kind kind)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(address);
        struct peer *listener = &listeners[kind];
        listener->kind = kind;
        listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(listener->fd, (struct sockaddr *)&address, len) != 0 || listen(listener->fd, 4096) != 0 ||
            getsockname(listener->fd, (struct sockaddr *)&address, &len) != 0) {
                perror("bench_sink");
                exit(1);
        }
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener->fd, &event);
        return ntohs(address.sin_port);
}

/* Sends the answers that are due. true: another waits, `left` says how long. In nanoseconds: a wait of whole
 * milliseconds would make each answer half of one late. */
static bool answers_send(struct timespec *left)
{
        struct peer *peer;
        while ((peer = TAILQ_FIRST(&waiting))) {
                int64_t left_ns = peer->due_ns - clock_ns(CLOCK_MONOTONIC);
                if (left_ns > 0) {
                        *left = (struct timespec){left_ns / 1000000000, left_ns % 1000000000};
                        return true;
                }
                TAILQ_REMOVE(&waiting, peer, waiting);
                peer->due_ns = 0;
                answer(peer);
                while (!peer->due_ns && take(peer))
                        ;
        }
        return false;
}

int main(void)
{
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        keys = calloc(KEY_SLOTS, sizeof(*keys));
        latencies_us = calloc(LATENCIES_MAX, sizeof(*latencies_us));
        if (!keys || !latencies_us)
                return 1;
        int http = listen_on(LISTEN_HTTP), smtp = listen_on(LISTEN_SMTP), control = listen_on(LISTEN_CONTROL);
        printf("%d %d %d\n", http, smtp, control);
        fflush(stdout);
        for (;;) {
                struct epoll_event events[EVENTS];
                struct timespec left;
                int count = epoll_pwait2(epoll_fd, events, EVENTS, answers_send(&left) ? &left : NULL, NULL);
                for (int i = 0; i < count; i++) {
                        struct peer *peer = events[i].data.ptr;
                        if (peer->kind < HTTP)
                                peer_accept(peer);
                        else
                                peer_read(peer);
                }
        }
}
