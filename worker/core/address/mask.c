#include "core/address/mask.h"

#include "core/text/utf8.h"

#include <stdint.h>

enum { QUOTED_LOCAL_MAX = 66, MARK_LEN = 3 };

struct masker {
        char *out;
        size_t len, room; /* room is without the NUL and the three dots */
        bool full;
};

static void mask_put(struct masker *masker, const char *data, size_t len)
{
        if (masker->full || masker->len + len > masker->room) {
                masker->full = true;
                return;
        }
        memcpy(masker->out + masker->len, data, len);
        masker->len += len;
}

/* Length of the longest secret that begins here, 0 if none does. */
static size_t secret_at(struct slice text, size_t at, struct mask mask)
{
        size_t longest = 0;
        for (size_t i = 0; i < mask.count; i++) {
                struct slice secret = mask.secrets[i];
                if (secret.len > longest && secret.len <= text.len - at && text.data[at] == secret.data[0] &&
                    memcmp(text.data + at, secret.data, secret.len) == 0)
                        longest = secret.len;
        }
        return longest;
}

/* atext of RFC 5322 section 3.2.3 and the dot, and every byte of other letters (RFC 6531). */
static bool is_local(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (unsigned char)c >= 0x80 || (c && strchr("!#$%&'*+/=?^_`{|}~.-", c));
}

/* Bytes up to the @ of an address that begins here; 0 if none does. */
static size_t local_part_at(struct slice text, size_t at)
{
        size_t end = at;
        if (text.data[at] == '"') {
                for (end++; end < text.len && end - at < QUOTED_LOCAL_MAX && text.data[end] != '"';)
                        end++;
                end++;
        } else {
                while (end < text.len && is_local(text.data[end]))
                        end++;
        }
        bool address = end > at && end + 1 < text.len && text.data[end] == '@' &&
                       (is_local(text.data[end + 1]) || text.data[end + 1] == '[');
        return address ? end - at : 0;
}

static size_t copy_one(struct masker *masker, struct slice text, size_t at)
{
        unsigned char c = (unsigned char)text.data[at];
        size_t width = c < 0x80 ? 1 : utf8_width(text.data + at, text.len - at);
        bool c1 = width == 2 && c == 0xc2 && (unsigned char)text.data[at + 1] < 0xa0;
        bool control = (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f || c1;
        if (width == 0 || control)
                mask_put(masker, "?", 1);
        else
                mask_put(masker, text.data + at, width);
        return width ? width : 1;
}

/* The local part that begins at `at`; after a colon not even its first letter is shown. */
static void put_local_part(struct masker *masker, struct slice text, size_t at)
{
        bool keep = at == 0 || text.data[at - 1] != ':';
        if (keep)
                copy_one(masker, text, at);
        mask_put(masker, "***", MARK_LEN);
}

/* Printable ASCII in which no address and no secret can be. */
static bool is_innocent(struct slice text, struct mask mask)
{
        for (size_t i = utf8_plain_run(text.data, text.len); i < text.len; i++)
                if (text.data[i] < 0x20 || text.data[i] > 0x7e)
                        return false;
        if (text.len && memchr(text.data, '@', text.len))
                return false;
        for (size_t i = 0; i < mask.count; i++)
                if (mask.secrets[i].len <= text.len &&
                    memmem(text.data, text.len, mask.secrets[i].data, mask.secrets[i].len))
                        return false;
        return true;
}

size_t mask_text(char *out, size_t size, struct slice text, struct mask mask)
{
        if (text.len <= size - 1 - MARK_LEN && is_innocent(text, mask)) {
                memcpy(out, text.data, text.len);
                out[text.len] = '\0';
                return text.len;
        }
        struct masker masker = {.out = out, .room = size - 1 - MARK_LEN};
        size_t run_end = 0; /* up to here it is known that no address begins */
        for (size_t at = 0; at < text.len && !masker.full;) {
                size_t secret = secret_at(text, at, mask);
                if (secret) {
                        mask_put(&masker, "***", MARK_LEN);
                        at += secret;
                        continue;
                }
                bool may_begin = at >= run_end && (text.data[at] == '"' || is_local(text.data[at]));
                size_t local = may_begin ? local_part_at(text, at) : 0;
                if (local) {
                        put_local_part(&masker, text, at);
                        at += local;
                        continue;
                }
                if (may_begin && text.data[at] != '"')
                        for (run_end = at; run_end < text.len && is_local(text.data[run_end]);)
                                run_end++;
                at += copy_one(&masker, text, at);
        }
        if (masker.full) {
                masker.room += MARK_LEN;
                masker.full = false;
                mask_put(&masker, "...", MARK_LEN);
        }
        out[masker.len] = '\0';
        return masker.len;
}
