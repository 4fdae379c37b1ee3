#ifndef LEVERET_CORE_MIME_FILE_H
#define LEVERET_CORE_MIME_FILE_H

#include "core/text/buffer.h"
#include "handler.h"

/* Behind core/mail/mime.h: adds the headers of a file's part and the empty line behind them. A name beyond
 * ASCII is written twice: as RFC 2231 asks, in pieces where it is long, and as encoded-words, which RFC 2047
 * forbids there and which is all that Outlook and many web mails read. */
void mime_file_headers_add(struct buffer *out, const struct attachment *file);

#endif
