#ifndef LEVERET_IO_HTTP_REQUEST_H
#define LEVERET_IO_HTTP_REQUEST_H

#include "io/serve/http_server.h"

#include <microhttpd.h>

/* A request while the server has it. */
struct http_request {
        struct MHD_Connection *connection;
        const char *method, *path;
        struct buffer body;
        bool too_large;
};

#endif
