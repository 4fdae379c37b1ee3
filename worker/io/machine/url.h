#ifndef LEVERET_IO_URL_H
#define LEVERET_IO_URL_H

#include "core/memory/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* The parts of a URL (RFC 3986), percent-decoded; absent ones NULL, an absent port 0. Memory lies in the
 * arena. */
struct url {
        const char *scheme, *user, *password, *host;
        const char *path; /* without its leading slash; "" if empty */
        uint16_t port;
};

/* False if it cannot be parsed, or a part holds a control character behind a percent sign. Any scheme is
 * taken; dots in the path stay as they are. */
bool url_parse(struct arena *arena, const char *text, struct url *url);

/* localhost, 127.0.0.0/8, ::1 (also in brackets): only what no name server can lead elsewhere. */
bool host_is_loopback(const char *host);

#endif
