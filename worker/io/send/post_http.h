#ifndef LEVERET_IO_POST_HTTP_H
#define LEVERET_IO_POST_HTTP_H

#include "core/send/post_request.h"
#include "io/send/transport.h"

/*
 * Posts to one origin. Bodies of answers are thrown away, after 64 KiB the connection with them; redirects
 * are not followed, and the certificate is checked. A transport of io/send/transport.h: capacity and
 * close are the same; in place of transport_send there is post_http_send, and there is no probe.
 */

/* `config` is of the kind post and outlives the transport. `allow_private`: may the origin have an address
 * that is not public? */
struct transport *post_http_open(uv_loop_t *loop, const struct config_outlet *config, bool allow_private);
/* As transport_send. */
void post_http_send(struct transport *transport, const struct post_request *request, struct send_terms terms,
                    send_done *done, void *context);

#endif
