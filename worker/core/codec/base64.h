#ifndef LEVERET_CORE_BASE64_H
#define LEVERET_CORE_BASE64_H

#include "core/text/buffer.h"

/* Adds the bytes in base64 with padding (RFC 4648 section 4), without line breaks. */
void base64_add(struct buffer *out, const void *data, size_t len);

#endif
