#ifndef LEVERET_CORE_MIME_H
#define LEVERET_CORE_MIME_H

#include "core/send/mail.h"
#include "core/text/buffer.h"

/*
 * Adds the mail as an Internet message (RFC 5322, MIME of RFC 2045 to 2047), lines ended by CRLF, ready for
 * the DATA of SMTP. The bytes depend on the request only. Bodies are quoted-printable or base64: no line is
 * over 76 characters, none begins with a dot, so nothing on the way has cause to change them. The request
 * must have passed mail_request_problem.
 */
void mime_add(struct buffer *out, const struct mail_request *request);

#endif
