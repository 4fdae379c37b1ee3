#ifndef LEVERET_CORE_PERCENT_H
#define LEVERET_CORE_PERCENT_H

#include "core/memory/arena.h"
#include "core/memory/slice.h"

#include <stdbool.h>

/* The text without percent-encoding (RFC 3986 section 2.1), in the arena; with `form` a plus is a space, as
 * in a query. NULL if an escape is broken or stands for a control character. */
const char *percent_decode(struct arena *arena, struct slice text, bool form);

#endif
