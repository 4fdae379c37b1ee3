#ifndef LEVERET_CORE_TRACEPARENT_H
#define LEVERET_CORE_TRACEPARENT_H

#include "core/memory/slice.h"

#include <stdbool.h>

enum { TRACEPARENT_SIZE = 56 }; /* with the NUL */

/*
 * Reads a traceparent of W3C Trace Context section 3.2 and writes it as version 00. A later version is read
 * as far as it is like 00 (section 4.1), with only the sampled flag kept. False, and "" in `out`, if it is
 * invalid.
 */
bool traceparent_parse(struct slice text, char out[TRACEPARENT_SIZE]);

#endif
