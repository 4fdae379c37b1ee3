#ifndef LEVERET_IO_AMQP_LIBRARY_H
#define LEVERET_IO_AMQP_LIBRARY_H

/* librabbitmq's headers: since 0.12 in a directory of their own, and the old names warn. */
#if __has_include(<rabbitmq-c/amqp.h>)
#        include <rabbitmq-c/amqp.h>
#        include <rabbitmq-c/framing.h>
#        include <rabbitmq-c/ssl_socket.h>
#        include <rabbitmq-c/tcp_socket.h>
#else
#        include <amqp.h>
#        include <amqp_framing.h>
#        include <amqp_ssl_socket.h>
#        include <amqp_tcp_socket.h>
#endif

#endif
