#ifndef LEVERET_CORE_ATTACHMENT_CHECK_H
#define LEVERET_CORE_ATTACHMENT_CHECK_H

#include "core/text/buffer.h"
#include "handler.h"

/* Behind core/plan/mail_check.h: adds what is wrong with the attachments of a mail. */
void attachments_check(struct buffer *out, const struct mail *mail);

/* Adds a mistake behind "; " if it is not the first. */
void mistake_add(struct buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
