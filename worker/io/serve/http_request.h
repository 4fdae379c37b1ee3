#ifndef LEVERET_IO_HTTP_REQUEST_H
#define LEVERET_IO_HTTP_REQUEST_H

#include "io/admin/admin_connections.h"
#include "io/serve/http_server.h"

#include <microhttpd.h>
#include <stdatomic.h>

struct http_server {
        struct http_server_options options;
        struct admin_connections *connections;
        struct MHD_Daemon *daemon;
        uint16_t port;
        char *cert, *key; /* PEM */
        uv_loop_t *loop;
        atomic_size_t answering; /* requests that are being answered, or wait for it */
};

/* A request while the server has it. */
struct http_request {
        struct MHD_Connection *connection;
        const char *method, *path;
        struct buffer body;
        bool too_large;
        struct http_server *server;
        struct http_waiting *waiting; /* its answer comes later */
        struct http_stream *stream;   /* its answer is this */
};

/* The place of its connection among those that are cut. */
void *http_request_place(const struct http_request *request);
/* The answer of a request that was waiting and goes on; freed by the caller. */
struct http_answer *http_waiting_take(struct http_request *request);
/* Makes the response; the request's hold on the stream passes to it. */
struct MHD_Response *http_stream_response(struct http_request *request);

#endif
