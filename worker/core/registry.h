#ifndef LEVERET_CORE_REGISTRY_H
#define LEVERET_CORE_REGISTRY_H

#include "core/slice.h"
#include "handler.h"

/* The handler of exactly that type in a NULL-terminated table (`handlers` of handler.h), or NULL: unknown
 * type. */
const struct handler *handler_find(const struct handler *const *table, struct slice type);

/* Is this a well-formed type: dotted lower-case words and a version at the end, `order.created.v1`, at most
 * 128 bytes? */
bool handler_type_valid(struct slice type);

#endif
