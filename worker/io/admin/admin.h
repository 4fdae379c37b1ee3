#ifndef LEVERET_IO_ADMIN_H
#define LEVERET_IO_ADMIN_H

#include "core/settings/config.h"
#include "core/text/buffer.h"
#include "core/watch/admin_route.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/*
 * The HTTP server for operators: GET and HEAD of /livez, /readyz[?verbose], /metrics and /status. It has a
 * thread of its own; each request asks the loop for the page and waits at most ADMIN_LIMIT_MS. A loop that
 * does not answer makes every page 503, so /livez fails exactly when the loop is stuck.
 *
 * Bounds: ADMIN_CONNECTIONS_MAX connections, 16 KiB for a request's head (else 431), 5 s of silence or 10 s
 * in all and the connection is cut, one request a connection. With `admin.token` set /metrics and /status
 * need "Authorization: Bearer TOKEN".
 */
struct admin;

enum { ADMIN_LIMIT_MS = 2000, ADMIN_CONNECTIONS_MAX = 64, ADMIN_ERROR_MAX = 256 };

struct admin_source {
        /* Called on the loop's thread. Adds the page to `body`, which is empty, and sets the HTTP status (200
         * before). `verbose`: the query has that word. The content type is the page's own: Prometheus text,
         * JSON for the status, else plain text. */
        void (*render)(void *context, enum admin_page page, bool verbose, struct buffer *body, int *status);
        void *context;
};

/* Listens on config->admin.listen and starts the thread. `config` and `source` outlive it. NULL if the
 * setting is "off", then `error` is "", or with the cause in `error` (ADMIN_ERROR_MAX): port in use, not an
 * address, no token on an address that others can reach. */
struct admin *admin_open(uv_loop_t *loop, const struct config *config, const struct admin_source *source,
                         char *error);

/* The port that it listens on; of interest when the setting was port 0. */
uint16_t admin_port(const struct admin *admin);

/* On the loop's thread. Stops the thread: a request that waits for the loop is ended with 503. No render is
 * called any more. The memory is freed by the loop's next turn. NULL is ignored. */
void admin_close(struct admin *admin);

#endif
