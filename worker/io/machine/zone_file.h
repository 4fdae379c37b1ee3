#ifndef LEVERET_IO_ZONE_FILE_H
#define LEVERET_IO_ZONE_FILE_H

#include "core/time/zone.h"

/* Reads the zone of that name from the system's data (tzdata), whatever TZ is; UTC needs none. Its memory is
 * the arena's. NULL, or what is wrong and what helps, in the arena. */
const char *zone_load(const char *name, struct arena *arena, struct zone *zone);

#endif
