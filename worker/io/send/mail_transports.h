#ifndef LEVERET_IO_MAIL_TRANSPORTS_H
#define LEVERET_IO_MAIL_TRANSPORTS_H

#include "io/send/mail_transport.h"

/* Behind io/send/mail_transport.h: what every transport fills in. Each has this struct as its first member.
 */
struct mail_transport {
        size_t capacity;
        void (*send)(struct mail_transport *transport, const struct mail_request *request, bool park,
                     struct mail_fence fence, mail_done *done, void *context);
        void (*probe)(struct mail_transport *transport, mail_done *done, void *context);
        void (*close)(struct mail_transport *transport);
};

/* Like mail_transport_open; one file each. */
struct mail_transport *mail_http_open(uv_loop_t *loop, const struct config *config, char *error);
struct mail_transport *mail_smtp_open(uv_loop_t *loop, const struct config *config, char *error);
struct mail_transport *mail_log_open(uv_loop_t *loop, const struct config *config, char *error);

enum { MAIL_OPEN_ERROR_MAX = 256 };

#endif
