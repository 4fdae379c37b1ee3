#ifndef LEVERET_CORE_ERROR_SHAPE_H
#define LEVERET_CORE_ERROR_SHAPE_H

#include "core/memory/arena.h"
#include "core/memory/slice.h"

/* The text of an error without what differs from message to message, so that equal troubles make one group:
 * numbers become "N", words that look like ids "ID". A status code stays: three digits at the beginning or
 * after "HTTP" or "status". */
const char *error_shape(struct arena *arena, struct slice error);

#endif
