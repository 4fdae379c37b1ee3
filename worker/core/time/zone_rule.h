#ifndef LEVERET_CORE_ZONE_RULE_H
#define LEVERET_CORE_ZONE_RULE_H

#include "core/memory/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The rule at the end of a file of zone data, by which a zone goes on for ever: the variable TZ of
 * POSIX.1-2017 section 8.3, with the hours from -167 to 167 of RFC 8536 section 3.3.1.
 * "CET-1CEST,M3.5.0,M10.5.0/3".
 */

enum zone_day_kind {
        ZONE_DAY_WEEKDAY, /* Mm.w.d: the w-th weekday d of month m; w is 5: the last */
        ZONE_DAY_JULIAN,  /* Jn: 1 to 365, no leap day */
        ZONE_DAY_ORDINAL, /* n: 0 to 365 */
};

struct zone_day {
        enum zone_day_kind kind;
        int month, week, day;
        int32_t time; /* seconds after the day's midnight, by the clocks as they were until then */
};

struct zone_rule {
        int32_t standard, daylight; /* seconds ahead of UTC */
        bool changes;               /* has `daylight`, from `begin` until `end` of each year */
        struct zone_day begin, end;
};

bool zone_rule_parse(struct zone_rule *rule, struct slice text);

/* When daylight saving time begins and ends in that year, seconds since 1970 UTC. */
void zone_rule_changes(const struct zone_rule *rule, int year, int64_t *begin, int64_t *end);

#endif
