#ifndef LEVERET_CORE_EXPAND_H
#define LEVERET_CORE_EXPAND_H

#include "core/text/buffer.h"

#include <stdbool.h>

/* The value of a variable or NULL; the caller decides where variables live. */
typedef const char *expand_lookup(void *context, const char *name);

enum { EXPAND_MAX = 65536, EXPAND_ERROR_MAX = 128 };

/*
 * Adds `text` to `out` with `${NAME}` and `${NAME:-otherwise}` (used when NAME is unset or empty, as in POSIX
 * shells) replaced; `$${` stands for a literal `${`; any other `$` stands for itself. Values are not expanded
 * again. False with a sentence in `error`, which names variables and no value: unset variable, bad name,
 * missing brace, over EXPAND_MAX.
 */
bool expand(struct buffer *out, const char *text, expand_lookup *lookup, void *context,
            char error[EXPAND_ERROR_MAX]);

/* The same for a URL: a value that stands in its user or password goes through expand_add_userinfo. */
bool expand_url(struct buffer *out, const char *text, expand_lookup *lookup, void *context,
                char error[EXPAND_ERROR_MAX]);

/* Adds a user or password as it may stand in a URL (RFC 3986 section 3.2.1). One that may stand there already
 * is left alone, for it may be percent-encoded; of any other each byte that is not unreserved is encoded. */
void expand_add_userinfo(struct buffer *out, const char *value);

#endif
