#ifndef LEVERET_CORE_SMTP_KEY_H
#define LEVERET_CORE_SMTP_KEY_H

#include <stdbool.h>

/*
 * The header in which a mail that leaves by the SMTP server of `url` says its key, so that the service takes
 * a repetition for the same mail; NULL: none. `configured` wins, NULL is not configured. Resend takes one by
 * SMTP as by HTTP (resend.com/docs/send-with-smtp, "Idempotency keys").
 */
const char *smtp_key_header(const char *configured, const char *url);

/* May a header be called so: printable ASCII but the colon (RFC 5322 section 3.6.8), at most 76 bytes? */
bool smtp_key_header_valid(const char *name);

#endif
