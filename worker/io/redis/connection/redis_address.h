#ifndef LEVERET_IO_REDIS_ADDRESS_H
#define LEVERET_IO_REDIS_ADDRESS_H

#include "core/memory/arena.h"
#include "core/settings/config.h"
#include "io/machine/url.h"

#include <stdbool.h>
#include <stdint.h>

/* Where redis.url leads:
 *   redis://user:password@host:6379/0            one server
 *   redis+sentinel://h1:26379,h2:26379/NAME/0    the primary that the sentinels name
 *   redis+cluster://h1:6379,h2:6379              a cluster, asked for its nodes at these
 * with rediss: encrypted, the way to the sentinels too. */

enum redis_way { REDIS_SERVER, REDIS_BY_SENTINELS, REDIS_CLUSTER };

struct redis_node {
        const char *host; /* an IPv6 address without its brackets */
        uint16_t port;
};

struct redis_address {
        enum redis_way way;
        bool encrypted;
        const char *user, *password; /* NULL: none. Of the URL, else of redis.username and redis.password */
        const char *name;            /* by which the sentinels know the primary */
        const char *database;        /* its number, "0" if none is given */
        struct redis_node nodes[URL_NODES_MAX];
        size_t count;
};

/* Does the URL lead to a cluster? */
bool redis_url_is_cluster(const char *url);
/* Is the way to Redis encrypted, by the scheme of its URL? */
bool redis_url_is_encrypted(const char *url);
/* Takes such a URL apart; memory lies in the arena. NULL, or what is wrong with it, in the words of an error
 * that begins with the setting's name. Never shows the URL, which may hold a password. */
const char *redis_url_parse(struct arena *arena, const char *text, struct redis_address *address);
/* The same for redis.url with redis.username and redis.password, which go before its own. */
const char *redis_address_of(struct arena *arena, const struct config *config, struct redis_address *address);
/* "host:port", an IPv6 address in brackets. */
const char *redis_node_text(struct arena *arena, const struct redis_node *node);

#endif
