#include "io/send/transport.h"
#include "io/send/transports.h"

#include <stdlib.h>

struct transport *transport_open(uv_loop_t *loop, const struct config_outlet *config, char *error)
{
        switch (config->transport) {
        case TRANSPORT_HTTP:
                return mail_http_open(loop, config, error);
        case TRANSPORT_SMTP:
                return mail_smtp_open(loop, config, error);
        case TRANSPORT_LOG:
                return mail_log_open(loop, config, error);
        }
        abort();
}

size_t transport_capacity(const struct transport *transport)
{
        return transport->capacity;
}

void transport_send(struct transport *transport, const struct mail_request *request, struct send_terms terms,
                    send_done *done, void *context)
{
        transport->send(transport, request, terms, done, context);
}

void transport_probe(struct transport *transport, send_done *done, void *context)
{
        transport->probe(transport, done, context);
}

void transport_look(struct transport *transport, const struct mail_request *request, look_done *done,
                    void *context)
{
        transport->look(transport, request, done, context);
}

void transport_close(struct transport *transport)
{
        transport->close(transport);
}
