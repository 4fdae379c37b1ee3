#ifndef LEVERET_CORE_JSON_POINTER_H
#define LEVERET_CORE_JSON_POINTER_H

#include "core/codec/json.h"
#include "core/text/buffer.h"

/* JSON pointers, RFC 6901: "" is the whole value, "/customer/0/a~1b". */

/* Is it one? */
bool json_pointer_valid(const char *pointer);
/* Adds a name as one step of a pointer, without the slash before it: '~' is ~0, '/' is ~1 (section 3). */
void json_pointer_escape(struct buffer *out, const char *name);
/* What a valid pointer finds, borrowed from the value, or NULL. */
const json_t *json_pointer_get(const json_t *value, const char *pointer);
/* One step: the member of an object, or the item of a list by its number without leading zeros; NULL if there
 * is none. `name` is unescaped. */
const json_t *json_pointer_member(const json_t *value, const char *name);

#endif
