#include "core/mail/mime_body.h"
#include "core/codec/base64.h"
#include "core/mail/mime_words.h"

#include <string.h>

enum { BODY_LINE_MAX = 76 };

/* Line ends of any kind become CRLF (RFC 2045 section 6.8: canonical form first). */
static void canonical_add(struct buffer *out, const char *text)
{
        for (const char *c = text; *c; c++) {
                if (*c != '\r' && *c != '\n') {
                        size_t run = strcspn(c, "\r\n");
                        buffer_add(out, c, run);
                        c += run - 1;
                        continue;
                }
                if (c[0] == '\r' && c[1] == '\n')
                        c++;
                buffer_add(out, "\r\n", 2);
        }
}

/* How a byte of a line goes into quoted-printable (RFC 2045 section 6.7): dots and "From " at the start of a
 * line are encoded as well, since SMTP and mbox files treat them in special ways. */
static bool qp_plain(struct slice line, size_t at, size_t column)
{
        unsigned char c = (unsigned char)line.data[at];
        if (c == ' ' || c == '\t')
                return at + 1 < line.len;
        if (column == 0 &&
            (c == '.' || (c == 'F' && line.len - at >= 5 && memcmp(line.data + at, "From ", 5) == 0)))
                return false;
        return c > ' ' && c < 0x7f && c != '=';
}

static void qp_line_add(struct buffer *out, struct slice line)
{
        size_t column = 0;
        for (size_t i = 0; i < line.len; i++) {
                bool plain = qp_plain(line, i, column);
                size_t width = plain ? 1 : 3;
                /* the last character of a line needs no room for the "=" of a soft line break after it */
                size_t room = i + 1 == line.len ? BODY_LINE_MAX : BODY_LINE_MAX - 1;
                if (column + width > room) {
                        buffer_add(out, "=\r\n", 3);
                        column = 0;
                        plain = qp_plain(line, i, column);
                        width = plain ? 1 : 3;
                }
                if (plain)
                        buffer_add_char(out, line.data[i]);
                else
                        mime_hex_add(out, (unsigned char)line.data[i]);
                column += width;
        }
}

static void qp_add(struct buffer *out, struct slice canonical)
{
        while (canonical.len) {
                const char *end = memchr(canonical.data, '\r', canonical.len);
                size_t len = end ? (size_t)(end - canonical.data) : canonical.len;
                qp_line_add(out, (struct slice){.data = canonical.data, .len = len});
                if (!end)
                        return;
                buffer_add(out, "\r\n", 2);
                canonical = (struct slice){.data = end + 2, .len = canonical.len - len - 2};
        }
}

void mime_base64_add(struct buffer *out, const char *data, size_t len)
{
        for (size_t at = 0; at < len; at += MIME_BASE64_LINE_BYTES) {
                size_t left = len - at;
                base64_add(out, data + at, left < MIME_BASE64_LINE_BYTES ? left : MIME_BASE64_LINE_BYTES);
                buffer_add(out, "\r\n", 2);
        }
}

int64_t mime_base64_len(int64_t len)
{
        int64_t lines = (len + MIME_BASE64_LINE_BYTES - 1) / MIME_BASE64_LINE_BYTES;
        return (len + 2) / 3 * 4 + 2 * lines;
}

void mime_text_part_add(struct buffer *out, const char *type, const char *body, bool whole)
{
        struct buffer canonical = {0};
        canonical_add(&canonical, body);
        struct slice bytes = {.data = canonical.data, .len = canonical.len};
        bool base64 = mime_prefers_base64(bytes);
        buffer_printf(out, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n", type,
                      base64 ? "base64" : "quoted-printable");
        if (base64)
                mime_base64_add(out, bytes.data, bytes.len);
        else
                qp_add(out, bytes);
        if (whole && out->data[out->len - 1] != '\n')
                buffer_add(out, "\r\n", 2);
        buffer_fini(&canonical);
}
