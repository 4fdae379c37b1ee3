#ifndef LEVERET_CORE_UTF8_H
#define LEVERET_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_WIDTH_MAX = 4 };

/* Bytes of the UTF-8 sequence at `text` (1 to 4), or 0 if it is malformed, overlong, a surrogate or beyond
 * U+10FFFF (RFC 3629 section 4). `len` is what may be read. */
size_t utf8_width(const char *text, size_t len);
/* Writes a code point of at most U+10FFFF; returns how many bytes. */
size_t utf8_write(char bytes[UTF8_WIDTH_MAX], uint32_t point);
/* True if all `len` bytes are well-formed UTF-8. */
bool utf8_valid(const char *text, size_t len);
/* Bytes of the byte order mark that a text begins with: 3 or 0. */
size_t utf8_mark_len(const char *text, size_t len);
/* True if no byte is above 0x7f. */
bool utf8_is_ascii(const char *text, size_t len);
/* True if well-formed UTF-8 without anything that ends a line or steers a terminal: no C0, DEL, C1, U+2028,
 * U+2029. */
bool utf8_one_line(const char *text, size_t len);
/* Bytes at the start, counted in eights, that every text format takes as they are: printable ASCII without
 * quote and backslash. The next eight hold another, or fewer than eight are left. */
size_t utf8_plain_run(const char *text, size_t len);
/* The longest prefix of at most `max` bytes that does not cut a sequence. */
size_t utf8_prefix(const char *text, size_t len, size_t max);

#endif
