#ifndef LEVERET_IO_HTTP_GET_H
#define LEVERET_IO_HTTP_GET_H

#include "core/text/buffer.h"

#include <stdbool.h>

enum { HTTP_GET_TIMEOUT_MS = 3000, HTTP_GET_BODY_MAX = 65536, HTTP_GET_ERROR_MAX = 256 };

/*
 * One GET to an admin server; blocks for at most HTTP_GET_TIMEOUT_MS. `listen` is the setting admin.listen
 * (host:port; a wildcard address is asked on this machine), `path` begins with a slash and is open to all.
 * Follows no redirect and uses no proxy. True if there was a complete answer of any status: `status` and
 * `body` (added to, at most HTTP_GET_BODY_MAX bytes) are set. Else the cause is in `error`
 * (HTTP_GET_ERROR_MAX).
 */
bool http_get(const char *listen, const char *path, struct buffer *body, int *status, char *error);

/* The same of any http:// or https:// URL without a user in it. */
struct http_get_request {
        const char *url;
        const char *shown; /* what `error` begins with, in place of the URL; at most 120 bytes of it */
        const char *token; /* sent as bearer token; NULL: none */
        const char *user, *password; /* sent by HTTP Basic; NULL: none */
        const char *ca_file;         /* NULL: the system's authorities */
};
bool http_get_url(const struct http_get_request *request, struct buffer *body, int *status, char *error);

#endif
