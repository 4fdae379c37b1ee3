#ifndef LEVERET_CORE_PLAIN_TEXT_H
#define LEVERET_CORE_PLAIN_TEXT_H

#include "core/memory/arena.h"
#include "core/memory/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum { ERROR_TEXT_MAX = 256 }; /* bytes of x-leveret-error and of every error that is kept, without the NUL */

/* A copy of at most `max` bytes on one line: what is not UTF-8 and each byte of a control character (C0, DEL,
 * C1) becomes
 * '?', and no sequence is cut. Never NULL, holds no NUL. */
char *plain_text(struct arena *arena, struct slice text, size_t max);

/* Bytes of the printable UTF-8 sequence at `text`, of which `len` may be read; 0 if it is none. */
size_t plain_text_width(const char *text, size_t len);

/* Would plain_text return it unchanged? */
bool plain_text_is(struct slice text, size_t max);

#endif
