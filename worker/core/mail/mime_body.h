#ifndef LEVERET_CORE_MIME_BODY_H
#define LEVERET_CORE_MIME_BODY_H

#include "core/text/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* Behind core/mail/mime.h: how the bodies of parts are written. */

/* Adds Content-Type, Content-Transfer-Encoding, the empty line and the text. With `whole` it is the message's
 * only part and ends with CRLF; else what follows begins with one. */
void mime_text_part_add(struct buffer *out, const char *type, const char *body, bool whole);

/* Adds base64 in lines of 76 characters, each with its CRLF. */
void mime_base64_add(struct buffer *out, const char *data, size_t len);
/* Bytes that mime_base64_add makes of `len`. */
int64_t mime_base64_len(int64_t len);

enum { MIME_BASE64_LINE_BYTES = 57 }; /* that one line carries */

#endif
