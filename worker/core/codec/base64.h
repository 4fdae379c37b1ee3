#ifndef LEVERET_CORE_BASE64_H
#define LEVERET_CORE_BASE64_H

#include "core/memory/arena.h"
#include "core/text/buffer.h"

#include <stdbool.h>

/* Adds the bytes in base64 with padding (RFC 4648 section 4), without line breaks. */
void base64_add(struct buffer *out, const void *data, size_t len);

/* The bytes that a text stands for go to `out`, which has room for three for each four characters. False if
 * it is no base64 of that alphabet, padded and without anything else in it, or has bits that stand for
 * nothing. */
bool base64_decode(struct slice text, char *out, size_t *len);
/* The same in memory of the arena. */
bool base64_unpack(struct arena *arena, struct slice text, struct slice *bytes);

#endif
