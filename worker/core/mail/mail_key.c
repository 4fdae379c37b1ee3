#include "core/mail/mail_key.h"
#include "core/address/mailbox.h"
#include "core/codec/sha256.h"

_Static_assert(SHA256_HEX_SIZE == MAIL_KEY_BYTES + 1, "the key is the digest");

void mail_key(char out[MAIL_KEY_BYTES + 1], struct slice prefix, struct slice job_id, struct slice effect_key)
{
        struct sha256 hash;
        sha256_init(&hash);
        sha256_add(&hash, prefix.data, prefix.len);
        sha256_add(&hash, "", 1);
        sha256_add(&hash, job_id.data, job_id.len);
        sha256_add(&hash, "", 1);
        sha256_add(&hash, effect_key.data, effect_key.len);
        sha256_final_hex(&hash, out);
}

void mail_message_id(struct buffer *out, const char *key, const char *from)
{
        struct mailbox mailbox;
        struct slice domain = SLICE_LITERAL("localhost");
        if (!mailbox_parse(&mailbox, from))
                domain = address_domain(mailbox.address);
        buffer_add_char(out, '<');
        buffer_add_text(out, key);
        buffer_add_char(out, '@');
        buffer_add_slice(out, domain);
        buffer_add_char(out, '>');
}
