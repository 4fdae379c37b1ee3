#include "core/send/webhook_sign.h"
#include "core/codec/base64.h"
#include "core/codec/sha256.h"

#include <inttypes.h>
#include <string.h>

bool webhook_secret_parse(const char *text, struct webhook_secret *secret)
{
        enum { BASE64_MAX = (WEBHOOK_SECRET_MAX + 2) / 3 * 4 };
        char bytes[BASE64_MAX / 4 * 3];
        *secret = (struct webhook_secret){0};
        if (strncmp(text, "whsec_", 6) != 0)
                return false;
        struct slice encoded = slice_of(text + 6);
        size_t len;
        if (encoded.len > BASE64_MAX || !base64_decode(encoded, bytes, &len) || len < WEBHOOK_SECRET_MIN ||
            len > WEBHOOK_SECRET_MAX)
                return false;
        memcpy(secret->bytes, bytes, len);
        secret->len = len;
        return true;
}

void webhook_sign(struct buffer *out, const struct webhook_secret *secret, const char *id, int64_t time_s,
                  struct slice body)
{
        struct buffer text = {0};
        unsigned char digest[SHA256_SIZE];
        buffer_printf(&text, "%s.%" PRId64 ".", id, time_s);
        buffer_add_slice(&text, body);
        sha256_hmac((struct slice){.data = secret->bytes, .len = secret->len},
                    (struct slice){.data = text.data, .len = text.len}, digest);
        buffer_add_text(out, out->len ? " v1," : "v1,");
        base64_add(out, digest, sizeof(digest));
        buffer_fini(&text);
}
