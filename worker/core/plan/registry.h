#ifndef LEVERET_CORE_REGISTRY_H
#define LEVERET_CORE_REGISTRY_H

#include "core/memory/slice.h"
#include "handler.h"

enum { HANDLERS_ERROR_MAX = 512 };

/* The handler of exactly that type in a NULL-terminated table (`handlers` of handler.h), or NULL: unknown
 * type. */
const struct handler *handler_find(const struct handler *const *table, struct slice type);

/* Can this table be worked with: well-formed types, none twice, fields that fit their structs? False with one
 * line in `error` that names the type. */
bool handlers_check(const struct handler *const *table, char error[HANDLERS_ERROR_MAX]);

/* Is this a well-formed type: dotted lower-case words and a version at the end, `order.created.v1`, at most
 * 128 bytes? */
bool handler_type_valid(struct slice type);

#endif
