#ifndef LEVERET_IO_REDIS_SENTINEL_H
#define LEVERET_IO_REDIS_SENTINEL_H

#include "core/redis/sentinel.h"
#include "io/redis/connection/redis_address.h"
#include "io/redis/connection/redis_connection.h"

/* Inside io only: sentinels are asked where the primary is. */

struct redis_primary {
        struct sentinel_answer answer;
        size_t votes, asked; /* so many of so many sentinels name it */
};

enum { REDIS_PRIMARY_SIZE = SENTINEL_HOST_SIZE + 8 };
/* Its name for comparing and for people: "host:port", an IPv6 address in brackets. */
void redis_primary_name(const struct redis_primary *primary, char text[REDIS_PRIMARY_SIZE]);

/* Asks every sentinel of the address, one after the other, each for a second or redis.timeout at most; by a
 * log-in with the user and the password of the URL where it wants one. False: none names a primary;
 * `connection` has the error, which is fatal if all of them say that they know none of this name. */
bool redis_sentinel_ask(const struct config *config, const struct redis_address *address,
                        struct redis_primary *primary, struct redis_connection *connection);

#endif
