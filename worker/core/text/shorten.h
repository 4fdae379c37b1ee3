#ifndef LEVERET_CORE_SHORTEN_H
#define LEVERET_CORE_SHORTEN_H

#include <stddef.h>

/* Copies `text` into `out`, which has `size` bytes, at least 16, with its NUL. A text that does not fit keeps
 * both ends around " .. ": errors begin with the place and end with the reason. No UTF-8 sequence is cut. */
void text_shorten(char *out, size_t size, const char *text);

#endif
