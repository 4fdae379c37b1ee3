#ifndef LEVERET_CORE_SERVE_OPENAPI_H
#define LEVERET_CORE_SERVE_OPENAPI_H

#include "core/text/buffer.h"

/* Adds the API as an OpenAPI 3.1 document (JSON), made of serve_routes. `base_url` NULL: the server's own
 * address. */
void openapi_render(struct buffer *out, const char *version, const char *base_url);

#endif
