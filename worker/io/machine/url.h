#ifndef LEVERET_IO_URL_H
#define LEVERET_IO_URL_H

#include "core/memory/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* The parts of a URL (RFC 3986), percent-decoded; absent ones NULL, an absent port 0. Memory lies in the
 * arena. */
struct url {
        const char *scheme, *user, *password;
        const char *host; /* of an IPv6 address without its brackets, with its zone: "fe80::1%eth0" */
        const char *path; /* without its leading slash; "" if empty */
        bool has_port, has_query, has_fragment; /* also where they are empty: "?" alone is a query */
        uint16_t port;
};

/* False if it cannot be parsed, or a part holds a control character behind a percent sign. Any scheme is
 * taken; dots in the path stay as they are. */
bool url_parse(struct arena *arena, const char *text, struct url *url);

/* `host` as it stands in a URL: an IPv6 address in brackets. */
const char *url_host(struct arena *arena, const char *host);

enum { URL_NODES_MAX = 32 };

/* "scheme://user:password@a:1,b:2/path" names several hosts: gives the URL of each, alike but for host and
 * port, and returns how many. 0 if it has no "://", a host is empty, or there are more than URL_NODES_MAX.
 * One host gives the text itself. */
size_t url_split(struct arena *arena, const char *text, const char *urls[URL_NODES_MAX]);

/* localhost, 127.0.0.0/8, ::1 (also in brackets): only what no name server can lead elsewhere. */
bool host_is_loopback(const char *host);

/* Is every host of it, one or several, this machine? */
bool url_is_loopback(struct arena *arena, const char *text);

#endif
