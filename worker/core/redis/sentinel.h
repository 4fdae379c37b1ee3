#ifndef LEVERET_CORE_REDIS_SENTINEL_H
#define LEVERET_CORE_REDIS_SENTINEL_H

#include <stddef.h>
#include <stdint.h>

/* What sentinels say, and which of them is believed
 * (https://redis.io/docs/latest/develop/reference/sentinel-clients/). */

enum sentinel_said {
        SENTINEL_SILENT,  /* not to be reached, or refuses */
        SENTINEL_UNKNOWN, /* it watches no primary of this name */
        SENTINEL_NAMED,
};

enum { SENTINEL_HOST_SIZE = 256 };

struct sentinel_answer {
        enum sentinel_said said;
        char host[SENTINEL_HOST_SIZE];
        uint16_t port;
        int64_t epoch; /* of the failover by which it became the primary; 0: there was none, or not told */
};

/* The answer that is believed: of those that name a primary the one of the latest epoch, for a sentinel that
 * was cut off from the others still names the old one; among equals what most of them say. -1: none names
 * any. `*votes` is how many name the same. */
int sentinel_choose(const struct sentinel_answer *answers, size_t count, size_t *votes);

#endif
