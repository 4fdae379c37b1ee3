#include "io/admin/listen_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_MAX = 256, BACKLOG = 128 };

/* Splits at the last colon; a literal IPv6 address has brackets (RFC 3986 section 3.2.2). */
static bool listen_split(const char *address, char host[HOST_MAX], const char **port)
{
        const char *colon = strrchr(address, ':');
        if (!colon)
                return false;
        size_t len = (size_t)(colon - address);
        *port = colon + 1;
        if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
                address++;
                len -= 2;
        } else if (memchr(address, ':', len)) {
                return false;
        }
        if (len >= HOST_MAX)
                return false;
        memcpy(host, address, len);
        host[len] = '\0';
        char *end;
        long number = strtol(*port, &end, 10);
        return **port >= '0' && **port <= '9' && *end == '\0' && number <= 65535;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
        if (address->ss_family == AF_INET) {
                const struct sockaddr_in *v4 = (const void *)address;
                return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        }
        const struct sockaddr_in6 *v6 = (const void *)address;
        return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool listen_at(int fd, const struct addrinfo *at)
{
        int on = 1, off = 0;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (at->ai_family == AF_INET6) /* so that "[::]" takes IPv4 too, whatever the system's default is */
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        return bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
}

static void learn_address(struct listen_socket *socket)
{
        struct sockaddr_storage bound = {0};
        socklen_t len = sizeof bound;
        if (getsockname(socket->fd, (struct sockaddr *)&bound, &len) != 0)
                abort();
        const struct sockaddr_in *v4 = (const void *)&bound;
        const struct sockaddr_in6 *v6 = (const void *)&bound;
        socket->port = ntohs(bound.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port);
        socket->loopback = is_loopback(&bound);
}

bool listen_socket_open(struct listen_socket *result, const char *address, char *error)
{
        char host[HOST_MAX];
        const char *port;
        if (!listen_split(address, host, &port)) {
                snprintf(error, LISTEN_ERROR_MAX, "\"%.100s\": expected host:port or [ipv6]:port", address);
                return false;
        }
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                        *at = NULL;
        int failed = getaddrinfo(host[0] ? host : NULL, port, &hints, &at);
        if (failed) {
                snprintf(error, LISTEN_ERROR_MAX, "%.100s: %s", address, gai_strerror(failed));
                return false;
        }
        int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        bool listens = fd >= 0 && listen_at(fd, at);
        if (!listens)
                snprintf(error, LISTEN_ERROR_MAX, "cannot listen on %.100s: %s", address, strerror(errno));
        freeaddrinfo(at);
        if (!listens) {
                if (fd >= 0)
                        close(fd);
                return false;
        }
        result->fd = fd;
        learn_address(result);
        return true;
}
