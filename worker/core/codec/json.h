#ifndef LEVERET_CORE_JSON_H
#define LEVERET_CORE_JSON_H

#include "core/memory/slice.h"
#include "core/text/buffer.h"

/* The only place that includes jansson: whoever needs json_t includes this file. */
#include <jansson.h>

enum {
        JSON_NESTING_MAX = 64,   /* objects and arrays inside each other */
        JSON_VALUES_MAX = 20000, /* values and keys; an empty object costs jansson about 200 bytes */
        JSON_CAUSE_MAX = 256,
};

/*
 * Parses a whole JSON text (RFC 8259). Strict: UTF-8 without a byte order mark, no NUL in any form, no lone
 * surrogate, no duplicate key, nothing after the value. A number that is no int64, or has a fraction or an
 * exponent, is kept as it is written: json_wide. The bounds above hold for what is made of a text that is
 * refused, too; the size is the caller's to bound. The caller owns the result (json_decref). NULL if
 * refused, with `error` saying where and why ("line 1, column 9: duplicate key") in words that never hold a
 * piece of the text.
 */
json_t *json_parse(struct slice text, char error[JSON_CAUSE_MAX]);

/* From now on jansson takes its memory from core/memory/memory.h: before anything is parsed or made. */
void json_use_memory(void);

/* Appends the value without white space and with sorted keys: equal values give equal bytes. */
void json_compact_sorted(struct buffer *out, const json_t *value);

/* The same; and with each number that a double holds written as that double, if that differs: fingerprints
 * are made of it, for which 1.5 and 1.50 are one content. Otherwise nothing is added to `doubles`. */
void json_compact_both(struct buffer *out, struct buffer *doubles, const json_t *value);

/* Appends the value with jansson's encoding flags: JSON_COMPACT, JSON_INDENT(2), ... */
void json_write(struct buffer *out, const json_t *value, size_t flags);

/* Is it a number as JSON writes them, without an exponent? What Redis holds may be anything. */
bool json_number_is(struct slice text);

/* The text of a string; absent for any other value and for NULL. Borrowed from the value. Ask this, not
 * json_is_string, which takes a wide number for a string. */
struct slice json_text(const json_t *value);

/* A number that is not the digits of an int64, as it came, NUL-terminated; absent for any other value and for
 * NULL. Borrowed. json_write and json_compact_sorted write such a number unchanged. */
struct slice json_wide(const json_t *value);

/* The double nearest to a number, which may be infinite. False for any other value and for NULL. */
bool json_number(const json_t *value, double *number);

/* The same of a number that has a fraction or an exponent and is not infinite. */
bool json_real_number(const json_t *value, double *number);

/* The value of a number that is whole and that int64 holds: 5, and also 5.0 and 5e3 (up to 2^53), as JSON
 * knows one kind of number (JSON Schema 2020-12, validation, section 6.1.1). */
bool json_whole(const json_t *value, int64_t *whole);

/* What a value is, for errors: "an object", "a list", "a string", "a number", "true", "false", "null". */
const char *json_kind(const json_t *value);

#endif
