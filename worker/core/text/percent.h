#ifndef LEVERET_CORE_PERCENT_H
#define LEVERET_CORE_PERCENT_H

#include "core/text/buffer.h"

/* Appends `text` as one segment of a URI: all but letters, digits and "-._~" as %XX (RFC 3986 section 2.3).
 */
void percent_add(struct buffer *out, const char *text);

#endif
