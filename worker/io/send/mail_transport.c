#include "io/send/mail_transport.h"
#include "io/send/mail_transports.h"

#include <stdlib.h>

struct mail_transport *mail_transport_open(uv_loop_t *loop, const struct config *config, char *error)
{
        switch (config->mail.transport) {
        case MAIL_TRANSPORT_HTTP:
                return mail_http_open(loop, config, error);
        case MAIL_TRANSPORT_SMTP:
                return mail_smtp_open(loop, config, error);
        case MAIL_TRANSPORT_LOG:
                return mail_log_open(loop, config, error);
        }
        abort();
}

size_t mail_transport_capacity(const struct mail_transport *transport)
{
        return transport->capacity;
}

void mail_transport_send(struct mail_transport *transport, const struct mail_request *request, bool park,
                         struct mail_fence fence, mail_done *done, void *context)
{
        transport->send(transport, request, park, fence, done, context);
}

void mail_transport_probe(struct mail_transport *transport, mail_done *done, void *context)
{
        transport->probe(transport, done, context);
}

void mail_transport_close(struct mail_transport *transport)
{
        transport->close(transport);
}
