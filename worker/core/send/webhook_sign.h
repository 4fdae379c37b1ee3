#ifndef LEVERET_CORE_WEBHOOK_SIGN_H
#define LEVERET_CORE_WEBHOOK_SIGN_H

#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* The signature of Standard Webhooks (https://www.standardwebhooks.com, "Signature scheme"): HMAC-SHA256 over
 * "id.timestamp.body" with a secret of 24 to 64 bytes, written "whsec_" and base64; some services make
 * shorter ones. */
enum { WEBHOOK_SECRET_MIN = 16, WEBHOOK_SECRET_MAX = 64 };

struct webhook_secret {
        char bytes[WEBHOOK_SECRET_MAX];
        size_t len; /* 0: none */
};

/* Reads "whsec_..". False if it is none; `secret` is then empty. */
bool webhook_secret_parse(const char *text, struct webhook_secret *secret);

/* Adds " v1,<base64>", without the space if `out` is empty. `time_s` is the time of the try. */
void webhook_sign(struct buffer *out, const struct webhook_secret *secret, const char *id, int64_t time_s,
                  struct slice body);

#endif
