#ifndef LEVERET_CORE_RFC3339_H
#define LEVERET_CORE_RFC3339_H

#include "core/memory/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { RFC3339_SIZE = 25 }; /* "2026-11-21T07:15:20.123Z" and a NUL */

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z in milliseconds since 1970 */
#define RFC3339_MIN_MS INT64_C(-62167219200000)
#define RFC3339_MAX_MS INT64_C(253402300799999)

/*
 * Reads a time of RFC 3339 section 5.6 (T and Z in either case, no space) as milliseconds since 1970 UTC.
 * Finer fractions are cut. A leap second (:60, only where it is 23:59 UTC) counts as :59. False if it is
 * anything else.
 */
bool rfc3339_parse(struct slice text, int64_t *time_ms);

/* Writes it in UTC with three digits of the second. Outside the years 0 to 9999 the nearest end of them. */
void rfc3339_format(int64_t time_ms, char out[RFC3339_SIZE]);

#endif
