#ifndef LEVERET_IO_AMQP_CONNECTION_H
#define LEVERET_IO_AMQP_CONNECTION_H

#include "core/memory/arena.h"
#include "core/message/message.h"
#include "core/settings/config.h"
#include "io/machine/url.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A blocking connection to RabbitMQ, logged in: what the consumer, the publisher and the operator's commands
 * have in common. Every call ends within a finite time. One thread at a time. The thread that reads messages
 * needs a stack of AMQP_STACK_BYTES: librabbitmq decodes nested header tables by recursion, and 26,000 levels
 * fit into one frame.
 */
struct broker;

enum {
        AMQP_STACK_BYTES = 16 << 20,
        AMQP_FRAME_MAX = 131072,
        AMQP_BODY_KEPT_MAX = 16 << 20, /* a larger body is read past, not kept */
        AMQP_BODY_TOLD_MAX =
                1 << 30, /* twice what RabbitMQ lets through at most; more is no body to wait for */
        AMQP_CONNECT_TIMEOUT_MS = 5000,
        AMQP_NODE_TIMEOUT_MS =
                2000, /* to connect, and again to log in, as long as another node is left to try */
        AMQP_RPC_TIMEOUT_MS = 10000,
        AMQP_ERROR_MAX = 640,
};

/* One node of the broker. */
struct amqp_node {
        const char *host;
        const char *place; /* "amqp://host:port/vhost" for people, no credentials */
        int port;
};

enum { AMQP_NODES_MAX = URL_NODES_MAX };

/* Where and how to log in. All memory is the arena's that it was parsed into. */
struct amqp_settings {
        const char *user, *password, *vhost;
        int heartbeat_s;
        bool tls;
        const char *ca_file, *cert_file,
                *key_file;                      /* NULL: the system's authorities, no client certificate */
        struct amqp_node nodes[AMQP_NODES_MAX]; /* in no order */
        size_t node_count;
        int64_t bound_ms; /* for who cannot wait: to connect, to log in and for each answer; 0: as long as is
                             usual */
};

/* A message that the broker has delivered. */
struct amqp_delivery {
        struct arena *arena; /* holds the message and nothing else */
        struct message *message;
        uint64_t tag; /* to settle it by */
};

enum amqp_trouble {
        AMQP_TROUBLE_NONE,
        AMQP_TROUBLE_RETRY,   /* may pass: not reachable, cut off, timed out, TLS not accepted */
        AMQP_TROUBLE_REFUSED, /* not mended by waiting: credentials, vhost, permission, topology, URL */
};

struct amqp_error {
        enum amqp_trouble trouble;
        int code;                  /* the broker's reply code, 0 if it sent none */
        char text[AMQP_ERROR_MAX]; /* names the place, never a password */
};

/* Takes amqp.url apart: amqp:// or amqps://, percent-decoded user, password and vhost ("/" if none is given),
 * one or several hosts; amqp.username and amqp.password go before those of the URL. False with the cause in
 * `error` if it cannot be used. Everything is copied: `config` is not needed later. */
bool amqp_settings_parse(struct arena *arena, const struct config *config, struct amqp_settings *settings,
                         struct amqp_error *error);

/* Connects to one of the nodes and logs in: they are tried in random order, the next at once when one fails,
 * none after one that refused the credentials. Announces consumer_cancel_notify, connection.blocked,
 * basic.nack and publisher_confirms. `role` becomes part of the connection's name. NULL with the cause in
 * `error`. `settings` outlives the connection. */
struct broker *broker_open(const struct amqp_settings *settings, const char *role, struct amqp_error *error);
/* Says goodbye if the broker takes it within the bound, then frees. A bound of 0 just drops it. NULL is
 * allowed. */
void broker_close(struct broker *broker, int64_t bound_ms);

#endif
