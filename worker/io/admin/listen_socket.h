#ifndef LEVERET_IO_LISTEN_SOCKET_H
#define LEVERET_IO_LISTEN_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { LISTEN_ERROR_MAX = 256 };

/* A bound TCP socket that listens, non-blocking and closed on exec. */
struct listen_socket {
        int fd;
        uint16_t port; /* the one that the system chose if 0 was asked for */
        bool loopback; /* only this machine can reach it */
};

/* `address` is host:port, [ipv6]:port or :port for every interface. False with the cause in `error`
 * (LISTEN_ERROR_MAX). */
bool listen_socket_open(struct listen_socket *socket, const char *address, char *error);

#endif
