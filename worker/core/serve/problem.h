#ifndef LEVERET_CORE_SERVE_PROBLEM_H
#define LEVERET_CORE_SERVE_PROBLEM_H

#include "core/text/buffer.h"
#include "core/text/faults.h"

/* Errors as application/problem+json (RFC 9457). */

extern const char problem_content_type[];

/* "Not Found" for 404; "Error" for a status that leveret does not use. */
const char *problem_title(int status);
/* Adds the problem; `detail` says what was wrong, NULL: the title says it. */
void problem_add(struct buffer *out, int status, const char *detail);
/* The same with every fault as {"pointer", "detail"} in `errors`: a text that begins with a JSON pointer
 * ("/to: required") has it apart, prefixed with `root`. */
void problem_add_faults(struct buffer *out, int status, const char *detail, const char *root,
                        const struct faults *faults);

#endif
