#ifndef LEVERET_IO_TRANSPORTS_H
#define LEVERET_IO_TRANSPORTS_H

#include "io/send/transport.h"

/* Behind io/send/transport.h: what every transport fills in. Each has this struct as its first member.
 */
struct transport {
        size_t capacity;
        void (*send)(struct transport *transport, const struct mail_request *request, struct send_terms terms,
                     send_done *done, void *context);
        void (*probe)(struct transport *transport, send_done *done, void *context);
        void (*look)(struct transport *transport, const struct mail_request *request, look_done *done,
                     void *context); /* NULL: it cannot be asked */
        void (*close)(struct transport *transport);
};

/* Like transport_open; one file each. */
struct transport *mail_http_open(uv_loop_t *loop, const struct config_outlet *config, char *error);
struct transport *mail_smtp_open(uv_loop_t *loop, const struct config_outlet *config, char *error);
struct transport *mail_log_open(uv_loop_t *loop, const struct config_outlet *config, char *error);

enum { TRANSPORT_ERROR_MAX = 256 };

#endif
