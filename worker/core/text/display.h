#ifndef LEVERET_CORE_DISPLAY_H
#define LEVERET_CORE_DISPLAY_H

#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* How text lies on a terminal, whatever the locale says: a CJK character takes two columns, a combining mark
 * none. Text is UTF-8; a byte that is none counts as one column. */

/* Columns that the text takes. */
size_t display_width(struct slice text);

/* Adds the text in at most `width` columns: if it is wider, its middle is replaced by "..", so that beginning
 * and end of an id stay to be seen; under 5 columns its end is left out. */
void display_shorten(struct buffer *out, struct slice text, size_t width);

/* Does the code point turn the direction of what follows (Unicode UAX 9), or is it invisible? What shows it
 * to people escapes it. */
bool display_is_hidden(uint32_t code);

/* The code point of the well-formed UTF-8 sequence at `text` of `width` bytes (1 to 4). */
uint32_t display_code(const char *text, size_t width);

/* Adds an age or a distance as one word: "850ms", "12s", "3m", "5h", "12d"; whole units, rounded down. */
void display_age(struct buffer *out, int64_t ms);

#endif
