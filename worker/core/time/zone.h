#ifndef LEVERET_CORE_ZONE_H
#define LEVERET_CORE_ZONE_H

#include "core/memory/arena.h"
#include "core/memory/slice.h"
#include "core/time/zone_rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A time zone as the system's data has it (TZif, RFC 8536 section 3): what its clocks are ahead of UTC by,
 * and since when. Seconds since 1970 UTC; a local time is what its clocks show, counted likewise.
 */

enum { ZONE_TRANSITIONS_MAX = 4096, ZONE_NAME_MAX = 64, ZONE_FILE_MAX = 262144 };

struct zone_transition {
        int64_t at;     /* from then on */
        int32_t offset; /* seconds ahead of UTC, within 26 hours */
};

struct zone {
        struct zone_transition *transitions; /* ascending */
        size_t count;
        int32_t first_offset; /* before all of them */
        bool has_rule;        /* after the last one; else the last offset stays */
        struct zone_rule rule;
};

/* A stretch of time in which the clocks are ahead by one offset: from <= t < until. */
struct zone_span {
        int64_t from, until;
        int32_t offset;
};

/* May a zone be called so: Area/Place of letters, digits, _ + and -, no part of it a dot? */
bool zone_name_is_good(struct slice name);

/* UTC needs no file. */
struct zone zone_utc(void);

/* Reads a file of the zone data, of version 1 to 4; what it holds lies in the arena. NULL, or what is wrong
 * with it. */
const char *zone_parse(struct zone *zone, struct slice file, struct arena *arena);

/* The stretch that contains `t`. It may be given in parts: two in a row can have the same offset. */
struct zone_span zone_span_at(const struct zone *zone, int64_t t);

/* When the clocks show `local` for the first time. If they never do, because they are set forward over it:
 * the moment at which they are, so that they show the next time that they do. */
int64_t zone_of_local(const struct zone *zone, int64_t local);

#endif
