#ifndef LEVERET_CORE_JSON_POINTER_H
#define LEVERET_CORE_JSON_POINTER_H

#include "core/codec/json.h"

/* JSON pointers, RFC 6901: "" is the whole value, "/customer/0/a~1b". */

/* Is it one? */
bool json_pointer_valid(const char *pointer);
/* What a valid pointer finds, borrowed from the value, or NULL. */
const json_t *json_pointer_get(const json_t *value, const char *pointer);
/* One step: the member of an object, or the item of a list by its number without leading zeros; NULL if there
 * is none. `name` is unescaped. */
const json_t *json_pointer_member(const json_t *value, const char *name);

#endif
