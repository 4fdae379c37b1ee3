#ifndef LEVERET_CORE_SCHEMA_H
#define LEVERET_CORE_SCHEMA_H

#include "core/text/buffer.h"
#include "handler.h"

/*
 * Appends the JSON Schema (draft 2020-12) of a handler's payload, indented by two and ended by a newline if
 * `pretty`, else on one line without one. What the schema accepts the decoder accepts, but for what JSON
 * Schema cannot say: integers outside 64 bits, and the exact syntax of an address.
 */
void schema_render(struct buffer *out, const struct handler *handler, bool pretty);

#endif
