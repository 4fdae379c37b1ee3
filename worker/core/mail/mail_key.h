#ifndef LEVERET_CORE_MAIL_KEY_H
#define LEVERET_CORE_MAIL_KEY_H

#include "core/mail/mail.h"
#include "core/memory/slice.h"
#include "core/text/buffer.h"

/*
 * The name of one mail for ever: SHA-256 of prefix, NUL, job id, NUL, effect key as 64 lower-case hex
 * characters and a NUL. It depends on nothing that changes between tries, so it serves as idempotency key and
 * as Message-ID.
 */
void mail_key(char out[MAIL_KEY_BYTES + 1], struct slice prefix, struct slice job_id,
              struct slice effect_key);

/* Adds "<key@domain>" with the domain of the mailbox `from` ("localhost" if it has none). */
void mail_message_id(struct buffer *out, const char *key, const char *from);

#endif
