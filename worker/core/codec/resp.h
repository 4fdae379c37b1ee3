#ifndef LEVERET_CORE_RESP_H
#define LEVERET_CORE_RESP_H

#include "core/text/buffer.h"

#include <stdint.h>

/* Writes commands in the Redis serialization protocol (https://redis.io/docs/reference/protocol-spec/): an
 * array of `count` bulk strings, begun with resp_begin and followed by exactly that many resp_add calls. */
void resp_begin(struct buffer *out, size_t count);
void resp_add(struct buffer *out, struct slice value);
static inline void resp_add_text(struct buffer *out, const char *value)
{
        resp_add(out, slice_of(value));
}
void resp_add_integer(struct buffer *out, int64_t value);

#endif
