#ifndef LEVERET_CORE_MIME_WORDS_H
#define LEVERET_CORE_MIME_WORDS_H

#include "core/text/buffer.h"

/* Header lines with their CRLF. Text that is not plain ASCII, or that could not be folded at 78 columns,
 * becomes encoded-words (RFC 2047). Values must be free of control characters. */

/* "Name: text": an unstructured header such as Subject. */
void mime_text_header_add(struct buffer *out, const char *name, const char *text);
/* "Name: value" of a header that others may read by its parts: plain ASCII stays as it is, however long a
 * word, and is folded between words. */
void mime_value_header_add(struct buffer *out, const char *name, const char *value);
/* "Name: <a> <b>": pieces of ASCII that must not be broken, at least one; ended by NULL. */
void mime_pieces_header_add(struct buffer *out, const char *name, const char *const *pieces);
/* "Name: mailbox, mailbox": an address header of a list that is known to be good (core/address/mailbox.h). */
void mime_mailboxes_header_add(struct buffer *out, const char *name, const char *list);

/* Adds the text as encoded-words, folded between them. */
void mime_encoded_words_add(struct buffer *out, struct slice text);

/* Which encoding gives the shorter text: true for base64. */
bool mime_prefers_base64(struct slice text);
/* Adds "=XX" (upper case, as RFC 2045 and 2047 ask). */
void mime_hex_add(struct buffer *out, unsigned char c);

#endif
