#include "io/amqp/amqp_wire.h"

#include <poll.h>

static bool socket_ready(struct broker *broker, short events, int wait_ms)
{
        struct pollfd poll_fd = {.fd = amqp_get_sockfd(broker->state), .events = events};
        return poll_fd.fd >= 0 && poll(&poll_fd, 1, wait_ms) == 1;
}

bool amqp_writable(struct broker *broker, int wait_ms)
{
        return socket_ready(broker, POLLOUT, wait_ms);
}

bool amqp_readable(struct broker *broker)
{
        return socket_ready(broker, POLLIN, 0);
}
