#ifndef LEVERET_IO_ORIGIN_H
#define LEVERET_IO_ORIGIN_H

#include "core/memory/arena.h"
#include "core/settings/config.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a URL leads: scheme, host and port as libcurl reads them, so that what was allowed is what is
 * connected to. */
struct origin {
        const char *scheme; /* http or https */
        const char *host;   /* lower case; an IPv6 address in brackets */
        uint16_t port;      /* the scheme's own if the URL has none */
};

/* Reads a URL; texts lie in the arena. NULL if it is one of http or https without user and password, else
 * what is wrong with it, a static sentence that shows nothing of the URL. */
const char *origin_parse(struct arena *arena, const char *url, struct origin *origin);
/* "https://hooks.example.com", with the port if it is not the scheme's own. In the arena. */
const char *origin_text(struct arena *arena, const struct origin *origin);

/* An entry of a list of origins: one as origin_text, https with the host *.example.com, or with the host *.
 * NULL if it is one, else what is wrong with it. */
const char *origin_entry_fault(struct arena *arena, const char *entry);
/* Does one entry of the list name the origin? `named_privately` is set if that entry itself is an address
 * that is not public, or localhost. */
bool origin_is_listed(struct arena *arena, const struct origin *origin, const struct config_texts *list,
                      bool *named_privately);

#endif
