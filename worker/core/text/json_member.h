#ifndef LEVERET_CORE_JSON_MEMBER_H
#define LEVERET_CORE_JSON_MEMBER_H

#include "core/text/buffer.h"

#include <stdint.h>

/* Members of JSON objects (RFC 8259 section 4), written one after another into a buffer that ends within an
 * object: a comma stands before each but the first. `name` needs no escape. */

/* The name alone; the caller adds the value. */
void json_member(struct buffer *out, const char *name);
/* null if `text` is NULL. */
void json_member_text(struct buffer *out, const char *name, const char *text);
/* null if `text` is empty or absent. */
void json_member_given(struct buffer *out, const char *name, struct slice text);
/* null if `count` is negative: not known. */
void json_member_count(struct buffer *out, const char *name, int64_t count);
void json_member_bool(struct buffer *out, const char *name, bool value);

#endif
