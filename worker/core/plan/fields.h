#ifndef LEVERET_CORE_FIELDS_H
#define LEVERET_CORE_FIELDS_H

#include "core/codec/json.h"
#include "core/text/faults.h"
#include "handler.h"

enum { FIELDS_ERROR_MAX = 256 };

/* What a payload looks like, and the struct of `size` bytes that is made of it. */
struct payload_table {
        const struct field *fields;
        size_t size;
        bool closed; /* `.closed` of handler.h */
};

/*
 * Makes the struct out of a parsed payload, in the arena of `faults`. Everything is copied, so the payload
 * may be released at once. Members that the table does not name are ignored, as a publisher may be newer than
 * the worker, unless the table is closed.
 *
 * NULL if refused; then `faults` has been given every fault, each as "<JSON pointer>: <what was expected>"
 * (RFC 6901): `/customer/email: required`. It is made of names and limits from the table and never holds a
 * value of the payload; of what is unknown it holds the name, cut to 64 bytes and without what steers a
 * terminal. The whole payload is called `payload`, as its pointer is the empty text.
 */
const void *fields_decode(const struct payload_table *table, const json_t *payload, struct faults *faults);

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
