#ifndef LEVERET_CORE_MAIL_REQUEST_H
#define LEVERET_CORE_MAIL_REQUEST_H

#include "core/send/mail.h"

/*
 * Why this mail must not be sent: NULL if it may, else a static sentence for the operator. Nothing that
 * passes can break out of its header or SMTP command: addresses are ASCII and valid, no header value holds a
 * control character, all text is UTF-8.
 */
const char *mail_request_problem(const struct mail_request *request);

#endif
