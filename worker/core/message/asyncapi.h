#ifndef LEVERET_CORE_ASYNCAPI_H
#define LEVERET_CORE_ASYNCAPI_H

#include "core/text/buffer.h"
#include "handler.h"

/* Appends the AsyncAPI 3.0 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0) of what
 * publishers may send to the handlers of the table (NULL-terminated): the exchange, the headers, each type
 * with its payload and example. JSON, indented, ended by a newline; `version` is leveret's. */
void asyncapi_render(struct buffer *out, const struct handler *const *table, const char *version);

#endif
