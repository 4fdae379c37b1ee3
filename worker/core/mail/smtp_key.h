#ifndef LEVERET_CORE_SMTP_KEY_H
#define LEVERET_CORE_SMTP_KEY_H

/*
 * The header in which a mail that leaves by the SMTP server of `url` says its key, so that the service takes
 * a repetition for the same mail; NULL: none. `configured` wins, NULL is not configured. Resend takes one by
 * SMTP as by HTTP (resend.com/docs/send-with-smtp, "Idempotency keys").
 */
const char *smtp_key_header(const char *configured, const char *url);

#endif
