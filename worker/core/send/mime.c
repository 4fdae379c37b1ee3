#include "core/send/mime.h"
#include "core/codec/base64.h"
#include "core/send/mail_date.h"
#include "core/send/mime_words.h"
#include "core/text/mailbox.h"

enum { BODY_LINE_MAX = 76, BASE64_LINE_BYTES = BODY_LINE_MAX / 4 * 3, BOUNDARY_KEY_BYTES = 32 };

/* Line ends of any kind become CRLF and the last line gets one (RFC 2045 section 6.8: canonical form first).
 */
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
        if (out->len < 2 || out->data[out->len - 1] != '\n')
                buffer_add(out, "\r\n", 2);
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
        buffer_add(out, "\r\n", 2);
}

static void qp_add(struct buffer *out, struct slice canonical)
{
        while (canonical.len) {
                const char *end = memchr(canonical.data, '\r', canonical.len);
                size_t len = (size_t)(end - canonical.data);
                qp_line_add(out, (struct slice){.data = canonical.data, .len = len});
                canonical = (struct slice){.data = end + 2, .len = canonical.len - len - 2};
        }
}

static void base64_lines_add(struct buffer *out, struct slice canonical)
{
        for (size_t at = 0; at < canonical.len; at += BASE64_LINE_BYTES) {
                size_t left = canonical.len - at;
                base64_add(out, canonical.data + at, left < BASE64_LINE_BYTES ? left : BASE64_LINE_BYTES);
                buffer_add(out, "\r\n", 2);
        }
}

static void part_add(struct buffer *out, const char *type, const char *body)
{
        struct buffer canonical = {0};
        canonical_add(&canonical, body);
        struct slice bytes = {.data = canonical.data, .len = canonical.len};
        bool base64 = mime_prefers_base64(bytes);
        buffer_printf(out, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n", type,
                      base64 ? "base64" : "quoted-printable");
        if (base64)
                base64_lines_add(out, bytes);
        else
                qp_add(out, bytes);
        buffer_fini(&canonical);
}

/* "=_" occurs in neither encoding, so the boundary is in no body (RFC 2045 section 6.7, note). */
static void alternative_add(struct buffer *out, const struct mail_request *request)
{
        const char *key = request->key;
        int len = BOUNDARY_KEY_BYTES;
        buffer_printf(out, "Content-Type: multipart/alternative;\r\n boundary=\"=_%.*s\"\r\n", len, key);
        buffer_printf(out, "\r\n--=_%.*s\r\n", len, key);
        part_add(out, "text/plain", request->mail.text);
        buffer_printf(out, "--=_%.*s\r\n", len, key);
        part_add(out, "text/html", request->mail.html);
        buffer_printf(out, "--=_%.*s--\r\n", len, key);
}

static void headers_add(struct buffer *out, const struct mail_request *request)
{
        mime_mailboxes_header_add(out, "From", request->mail.from);
        mime_mailboxes_header_add(out, "To", request->mail.to);
        if (request->mail.reply_to)
                mime_mailboxes_header_add(out, "Reply-To", request->mail.reply_to);
        mime_text_header_add(out, "Subject", request->mail.subject);
        buffer_add_text(out, "Date: ");
        mail_date_add(out, request->date_s);
        buffer_printf(out, "\r\nMessage-ID: %s\r\nMIME-Version: 1.0\r\n", request->message_id);
}

void mime_add(struct buffer *out, const struct mail_request *request)
{
        headers_add(out, request);
        if (request->mail.text && request->mail.html)
                alternative_add(out, request);
        else if (request->mail.html)
                part_add(out, "text/html", request->mail.html);
        else
                part_add(out, "text/plain", request->mail.text);
}
