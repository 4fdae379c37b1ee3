#ifndef LEVERET_TESTS_PEER_H
#define LEVERET_TESTS_PEER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server on a free loopback port for tests: one thread accepts, one serves each connection by the test's
 * function. All that it shares with the test is behind `mutex`. */
enum { PEER_CONNECTIONS_MAX = 512, PEER_LOG_MAX = 256 * 1024 };

struct peer {
        int listener, port;
        pthread_t thread;
        pthread_mutex_t mutex;
        void (*serve)(struct peer *peer, int fd, int connection);
        void *script;
        int connections, requests; /* seen so far */
        int answers;               /* that have left */
        int fds[PEER_CONNECTIONS_MAX];
        pthread_t threads[PEER_CONNECTIONS_MAX];
        char log[PEER_LOG_MAX]; /* what the clients said */
        size_t log_len;
};

struct peer_connection {
        struct peer *peer;
        int number;
};

static inline void peer_log(struct peer *peer, const char *data, size_t len)
{
        pthread_mutex_lock(&peer->mutex);
        size_t room = PEER_LOG_MAX - 1 - peer->log_len;
        len = len < room ? len : room;
        memcpy(peer->log + peer->log_len, data, len);
        peer->log_len += len;
        peer->log[peer->log_len] = '\0';
        pthread_mutex_unlock(&peer->mutex);
}

static inline int peer_count(struct peer *peer, int *counter, int add)
{
        pthread_mutex_lock(&peer->mutex);
        int value = *counter;
        *counter += add;
        pthread_mutex_unlock(&peer->mutex);
        return value;
}

static inline bool peer_write(int fd, const char *text)
{
        for (size_t at = 0, len = strlen(text); at < len;) {
                ssize_t n = send(fd, text + at, len - at, MSG_NOSIGNAL);
                if (n <= 0)
                        return false;
                at += (size_t)n;
        }
        return true;
}

/* Reads until the client closes. */
static inline void peer_wait_end(int fd)
{
        char data[4096];
        while (recv(fd, data, sizeof data, 0) > 0)
                continue;
}

static inline void *peer_connection_run(void *argument)
{
        struct peer_connection connection = *(struct peer_connection *)argument;
        struct peer *peer = connection.peer;
        free(argument);
        peer->serve(peer, peer->fds[connection.number], connection.number);
        shutdown(peer->fds[connection.number], SHUT_RDWR);
        return NULL;
}

static inline void *peer_run(void *argument)
{
        struct peer *peer = argument;
        int fd;
        while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
                struct peer_connection *connection = malloc(sizeof *connection);
                int number = peer_count(peer, &peer->connections, 0);
                if (!connection || number >= PEER_CONNECTIONS_MAX)
                        abort();
                *connection = (struct peer_connection){.peer = peer, .number = number};
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* what was sent is there */
                peer->fds[number] = fd;
                peer_count(peer, &peer->connections, 1); /* before it is served, so that the test sees it */
                if (pthread_create(&peer->threads[number], NULL, peer_connection_run, connection) != 0)
                        abort();
        }
        return NULL;
}

static inline struct peer *peer_open(void (*serve)(struct peer *, int, int), void *script)
{
        struct peer *peer = calloc(1, sizeof *peer);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof address;
        if (!peer)
                abort();
        peer->serve = serve;
        peer->script = script;
        pthread_mutex_init(&peer->mutex, NULL);
        peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(peer->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
            listen(peer->listener, 512) != 0)
                abort();
        getsockname(peer->listener, (struct sockaddr *)&address, &len);
        peer->port = ntohs(address.sin_port);
        if (pthread_create(&peer->thread, NULL, peer_run, peer) != 0)
                abort();
        return peer;
}

static inline void peer_close(struct peer *peer)
{
        shutdown(peer->listener, SHUT_RDWR);
        pthread_join(peer->thread, NULL);
        close(peer->listener);
        for (int i = 0; i < peer->connections; i++)
                shutdown(peer->fds[i], SHUT_RDWR);
        for (int i = 0; i < peer->connections; i++) {
                pthread_join(peer->threads[i], NULL);
                close(peer->fds[i]);
        }
        pthread_mutex_destroy(&peer->mutex);
        free(peer);
}

#endif
