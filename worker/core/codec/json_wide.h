#ifndef LEVERET_CORE_JSON_WIDE_H
#define LEVERET_CORE_JSON_WIDE_H

#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdbool.h>

/*
 * Numbers that jansson would not give back as they came: it refuses what neither int64 nor double holds,
 * together with the whole text, and writes 19.90 as 19.899999999999999. For core/codec/json.c alone. Such a
 * number is handed to jansson as a string that begins with U+0000, which no string from outside can hold:
 * json_parse refuses it in every form.
 */

/* Is this token a number by RFC 8259 section 6, but not the digits of an int64? */
bool json_wide_is(struct slice token);

/* Appends the token as such a string. */
void json_wide_mark(struct buffer *out, struct slice token);

/* Turns such strings back into the numbers that they were, in the written JSON that starts at byte `from`. */
void json_wide_unmark(struct buffer *text, size_t from);

/* Appends written JSON with such strings turned into the doubles that they are, or into the numbers that they
 * were if no double holds them. Nothing is added if there is none. */
void json_wide_doubles(struct buffer *out, struct slice text);

/* How many bytes such strings added to the text before its byte `offset`. */
size_t json_wide_growth(struct slice text, size_t offset);

#endif
