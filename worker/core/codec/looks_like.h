#ifndef LEVERET_CORE_LOOKS_LIKE_H
#define LEVERET_CORE_LOOKS_LIKE_H

#include "core/memory/slice.h"

/* What a body that is no JSON seems to be, by its first bytes: "XML", "a Python pickle", "gzip, but
 * content_encoding does not say so"; NULL if nothing is known by them. For errors. */
const char *looks_like(struct slice body);

#endif
