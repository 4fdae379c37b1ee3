#ifndef LEVERET_CORE_UNITS_H
#define LEVERET_CORE_UNITS_H

#include "core/text/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Quantities as people write them in a configuration: whole numbers with one unit and nothing around them.
 * All parsers return false, and leave `*value` alone, for anything else and for what does not fit.
 */

/* A decimal integer, optionally negative. */
bool integer_parse(const char *text, int64_t *value);
/* `300ms 30s 5m 1h 7d` to milliseconds; a bare `0` needs no unit. */
bool duration_parse(const char *text, int64_t *value_ms);
/* `262144 100B 64KiB 2MiB 1GiB` to bytes. */
bool size_parse(const char *text, int64_t *value_bytes);
/* `100/s 90/m 10.5/h` to events per second; a bare `0` needs no unit. */
bool rate_parse(const char *text, double *value_per_s);
/* `true` or `false`. */
bool boolean_parse(const char *text, bool *value);

/* Adds the shortest text that parses to the same value. */
void duration_add(struct buffer *out, int64_t value_ms);
void size_add(struct buffer *out, int64_t value_bytes);
void rate_add(struct buffer *out, double value_per_s);

#endif
