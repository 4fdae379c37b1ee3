#ifndef LEVERET_CORE_FIELDS_H
#define LEVERET_CORE_FIELDS_H

#include "core/codec/json.h"
#include "core/memory/arena.h"
#include "handler.h"

enum { FIELDS_ERROR_MAX = 256 };

/*
 * Makes the struct of `size` bytes that `fields` describes out of a parsed payload. Everything is copied into
 * the arena, so the payload may be released at once. Members of the payload that the table does not name are
 * ignored: a publisher may be newer than the worker.
 *
 * NULL if refused, with `error` as "<JSON pointer>: <what was expected>" (RFC 6901): `/customer/email:
 * required`. It is made of names and limits from the table only and never holds a piece of the payload. The
 * whole payload is called `payload`, as its pointer is the empty text.
 */
const void *fields_decode(struct arena *arena, const struct field *fields, size_t size, const json_t *payload,
                          char error[FIELDS_ERROR_MAX]);

/*
 * Looks for mistakes in a table itself: a member outside the struct, a name given twice, limits that nothing
 * can meet. True if there is none, else `error` says what. For the tests of the handlers.
 */
bool fields_check(const struct field *fields, size_t size, char error[FIELDS_ERROR_MAX]);

/*
 * Appends the table for people, one line a field with those of nested objects after their object:
 * "/amount_cents  integer, at least 1: what is still to be paid".
 */
void fields_describe(struct buffer *out, const struct field *fields);

#endif
