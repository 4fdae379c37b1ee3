#ifndef LEVERET_CORE_MASK_H
#define LEVERET_CORE_MASK_H

#include "core/memory/slice.h"

/* Texts that must never be shown. Borrowed. */
struct mask {
        const struct slice *secrets;
        size_t count;
};

/*
 * Copies a text that comes from anywhere for people to read: known secrets become ***, the local part of an
 * e-mail address keeps its first letter (j***@example.com; nothing after a colon, where it may be a URL's
 * password), and what could move a terminal's cursor (C0 but tab and newline, DEL, C1) or is not UTF-8
 * becomes `?`. Reads no more of the text than it writes needs, never cuts a sequence, and ends a shortened
 * text with "...". Writes a NUL; returns the length without it. `size` is at least 8.
 */
size_t mask_text(char *out, size_t size, struct slice text, struct mask mask);

#endif
