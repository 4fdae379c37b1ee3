#ifndef LEVERET_CORE_JSON_WIDE_H
#define LEVERET_CORE_JSON_WIDE_H

#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdint.h>

/*
 * Numbers that jansson would not give back as they came: it refuses what neither int64 nor double holds,
 * together with the whole text, and writes 19.90 as 19.899999999999999. For core/codec/json.c alone. Such a
 * number is handed to jansson as a string that begins with U+0000, which no string from outside can hold:
 * json_parse refuses it in every form.
 */

enum { JSON_WIDE_MARK = '\0' };

enum number_kind {
        NUMBER_NONE, /* by RFC 8259 section 6 */
        NUMBER_INT64,
        NUMBER_WIDE,
};

/* What this token is; `number` is set if it is the digits of an int64. -0 is not: as an integer it would lose
 * its sign. */
enum number_kind json_number_read(struct slice token, int64_t *number);

/* Turns such strings back into the numbers that they were, in the written JSON that starts at byte `from`. */
void json_wide_unmark(struct buffer *text, size_t from);

/* Appends written JSON with such strings turned into the doubles that they are, or into the numbers that they
 * were if no double holds them. Nothing is added if there is none. */
void json_wide_doubles(struct buffer *out, struct slice text);

#endif
