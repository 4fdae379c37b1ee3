#ifndef LEVERET_CORE_HTTP_BODY_H
#define LEVERET_CORE_HTTP_BODY_H

#include "core/text/buffer.h"

#include <stddef.h>

/*
 * Makes the body of an answer its text: unpacked if it is gzip, without byte order marks before it. The body
 * itself says what it is (RFC 1952 section 2.3.1): services name encodings in Content-Encoding that are none,
 * as UTF-8, or that the body does not have. One that is broken, or more than `max` bytes when unpacked, stays
 * as it came.
 */
void http_body_read(struct buffer *body, size_t max);

#endif
