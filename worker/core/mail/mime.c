#include "core/mail/mime.h"
#include "core/mail/mail_date.h"
#include "core/mail/mail_headers.h"
#include "core/mail/mime_body.h"
#include "core/mail/mime_file.h"
#include "core/mail/mime_words.h"
#include "core/text/word.h"

#include <stdio.h>

enum { BOUNDARY_KEY_BYTES = 32, CHUNK_BYTES = 128 * MIME_BASE64_LINE_BYTES };

/* ---- headers ---- */

static void mime_header_use(void *out, const struct mail_header *header)
{
        if (header->pieces)
                mime_pieces_header_add(out, header->name, header->pieces);
        else
                mime_value_header_add(out, header->name, header->value);
}

/* What is for the mail service goes as headers, which relays and their statistics read. */
static void labels_add(struct buffer *out, const struct mail *mail)
{
        struct buffer tags = {0};
        for (size_t i = 0; mail->tags && mail->tags[i]; i++)
                buffer_printf(&tags, "%s%s", i ? ", " : "", mail->tags[i]);
        if (tags.len)
                mime_text_header_add(out, "X-Tags", tags.data);
        buffer_fini(&tags);
        for (const struct pair *pair = mail->metadata; pair && pair->name; pair++) {
                char name[sizeof("X-Metadata-") + MAIL_NAME_MAX];
                snprintf(name, sizeof name, "X-Metadata-%s", pair->name);
                mime_value_header_add(out, name, pair->value);
        }
}

static void headers_add(struct buffer *out, const struct mail_request *request)
{
        const struct mail *mail = &request->mail;
        mime_mailboxes_header_add(out, "From", mail->from);
        mime_mailboxes_header_add(out, "To", mail->to);
        if (mail->cc)
                mime_mailboxes_header_add(out, "Cc", mail->cc);
        if (mail->reply_to)
                mime_mailboxes_header_add(out, "Reply-To", mail->reply_to);
        mime_text_header_add(out, "Subject", mail->subject);
        buffer_add_text(out, "Date: ");
        mail_date_add(out, request->date_s);
        buffer_printf(out, "\r\nMessage-ID: %s\r\n", request->message_id);
        mail_headers_each(mail, mime_header_use, out);
        if (request->auto_submitted)
                buffer_add_text(out, "Auto-Submitted: auto-generated\r\n");
        if (request->true_to)
                mime_value_header_add(out, "X-Leveret-To", request->true_to);
        labels_add(out, mail);
        buffer_add_text(out, "MIME-Version: 1.0\r\n");
}

/* ---- parts ---- */

/* "=_" occurs in neither encoding, so the boundary is in no body (RFC 2045 section 6.7, note). Each kind of
 * multipart has a mark of its own that is no hex digit, so that no boundary begins with another. */
struct multipart {
        struct buffer *out;
        const char *mark, *key;
};

static struct multipart multipart_begin(struct buffer *out, const char *type, const char *mark,
                                        const char *key)
{
        buffer_printf(out, "Content-Type: multipart/%s;\r\n boundary=\"=_%s%.*s\"\r\n", type, mark,
                      BOUNDARY_KEY_BYTES, key);
        return (struct multipart){.out = out, .mark = mark, .key = key};
}

/* The line break before a boundary is part of it (RFC 2046 section 5.1.1). */
static void multipart_next(struct multipart part)
{
        buffer_printf(part.out, "\r\n--=_%s%.*s\r\n", part.mark, BOUNDARY_KEY_BYTES, part.key);
}

static void multipart_end(struct multipart part)
{
        buffer_printf(part.out, "\r\n--=_%s%.*s--\r\n", part.mark, BOUNDARY_KEY_BYTES, part.key);
}

static void piece_end(struct mime *mime)
{
        size_t start = 0;
        for (size_t i = 0; i < mime->count; i++)
                start += mime->pieces[i].len;
        mime->pieces[mime->count++] = (struct mime_piece){.start = start, .len = mime->text.len - start};
}

static void mime_file_add(struct mime *mime, const struct mail_request *request, size_t i)
{
        const struct attachment *file = &request->mail.attachments[i];
        struct mail_file bytes = {.content = file->content, .len = (int64_t)file->content_len};
        if (!file->content)
                bytes = request->fetched[i];
        mime_file_headers_add(&mime->text, file);
        piece_end(mime);
        mime->pieces[mime->count++] = (struct mime_piece){.is_file = true, .file = bytes};
        mime->len += mime_base64_len(bytes.len);
}

static bool has_files(const struct mail *mail, bool shown)
{
        for (const struct attachment *file = mail->attachments; file && file->name; file++)
                if (!file->inline_id != shown)
                        return true;
        return false;
}

static void files_add(struct mime *mime, const struct mail_request *request, struct multipart part,
                      bool shown)
{
        const struct attachment *files = request->mail.attachments;
        for (size_t i = 0; files && files[i].name; i++) {
                if (!files[i].inline_id == shown)
                        continue;
                multipart_next(part);
                mime_file_add(mime, request, i);
        }
}

static void html_add(struct mime *mime, const struct mail_request *request, bool whole)
{
        if (!has_files(&request->mail, true)) {
                mime_text_part_add(&mime->text, "text/html", request->mail.html, whole);
                return;
        }
        struct multipart part =
                multipart_begin(&mime->text, "related; type=\"text/html\"", "r", request->key);
        multipart_next(part);
        mime_text_part_add(&mime->text, "text/html", request->mail.html, false);
        files_add(mime, request, part, true);
        multipart_end(part);
}

static void body_add(struct mime *mime, const struct mail_request *request, bool whole)
{
        const struct mail *mail = &request->mail;
        if (!mail->html) {
                mime_text_part_add(&mime->text, "text/plain", mail->text, whole);
        } else if (!mail->text) {
                html_add(mime, request, whole);
        } else {
                struct multipart part = multipart_begin(&mime->text, "alternative", "", request->key);
                multipart_next(part);
                mime_text_part_add(&mime->text, "text/plain", mail->text, false);
                multipart_next(part);
                html_add(mime, request, false);
                multipart_end(part);
        }
}

static void content_add(struct mime *mime, const struct mail_request *request)
{
        if (!has_files(&request->mail, false)) {
                body_add(mime, request, true);
                return;
        }
        struct multipart part = multipart_begin(&mime->text, "mixed", "m", request->key);
        multipart_next(part);
        body_add(mime, request, false);
        files_add(mime, request, part, false);
        multipart_end(part);
}

void mime_begin(struct mime *mime, const struct mail_request *request)
{
        buffer_clear(&mime->text);
        mime->count = 0;
        mime->len = 0;
        mime_rewind(mime);
        headers_add(&mime->text, request);
        if (mime->key_header && !mail_has_header(&request->mail, mime->key_header))
                mime_value_header_add(&mime->text, mime->key_header, request->key);
        content_add(mime, request);
        piece_end(mime);
        mime->len += (int64_t)mime->text.len;
}

/* ---- reading ---- */

void mime_rewind(struct mime *mime)
{
        mime->piece = 0;
        mime->at = 0;
        mime->chunk_at = 0;
        buffer_clear(&mime->chunk);
}

/* The next lines of a file in base64. */
static bool chunk_fill(struct mime *mime, const struct mail_file *file)
{
        char bytes[CHUNK_BYTES];
        int64_t left = file->len - mime->at;
        size_t len = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        const char *from = file->content ? file->content + mime->at : bytes;
        if (!file->content && !file->read(file, mime->at, bytes, len))
                return false;
        buffer_clear(&mime->chunk);
        mime_base64_add(&mime->chunk, from, len);
        mime->chunk_at = 0;
        mime->at += (int64_t)len;
        return true;
}

static bool piece_is_over(const struct mime *mime)
{
        const struct mime_piece *piece = &mime->pieces[mime->piece];
        if (piece->is_file)
                return mime->at == piece->file.len && mime->chunk_at == mime->chunk.len;
        return (size_t)mime->at == piece->len;
}

void mime_append(struct mime *mime, const char *text)
{
        size_t before = mime->text.len;
        buffer_add_text(&mime->text, text);
        mime->pieces[mime->count - 1].len += mime->text.len - before; /* the last piece is never a file */
}

bool mime_is_over(const struct mime *mime)
{
        size_t last = mime->count - 1;
        return mime->piece == mime->count ||
               (mime->piece == last && (size_t)mime->at == mime->pieces[last].len);
}

bool mime_pending(struct mime *mime, struct slice *bytes)
{
        *bytes = (struct slice){0};
        while (mime->piece < mime->count && piece_is_over(mime)) {
                mime->piece++;
                mime->at = 0;
                mime->chunk_at = 0;
                buffer_clear(&mime->chunk);
        }
        if (mime->piece == mime->count)
                return true;
        const struct mime_piece *piece = &mime->pieces[mime->piece];
        if (!piece->is_file) {
                *bytes = (struct slice){.data = mime->text.data + piece->start + mime->at,
                                        .len = piece->len - (size_t)mime->at};
                return true;
        }
        if (mime->chunk_at == mime->chunk.len && !chunk_fill(mime, &piece->file))
                return false;
        *bytes = (struct slice){.data = mime->chunk.data + mime->chunk_at,
                                .len = mime->chunk.len - mime->chunk_at};
        return true;
}

void mime_take(struct mime *mime, size_t len)
{
        if (mime->piece == mime->count)
                return;
        if (mime->pieces[mime->piece].is_file)
                mime->chunk_at += len;
        else
                mime->at += (int64_t)len;
}

void mime_recycle(struct mime *mime, size_t keep)
{
        buffer_recycle(&mime->text, keep);
        buffer_recycle(&mime->chunk, keep);
        mime->count = 0;
        mime_rewind(mime);
}

void mime_fini(struct mime *mime)
{
        buffer_fini(&mime->text);
        buffer_fini(&mime->chunk);
}

bool mime_add(struct buffer *out, const struct mail_request *request)
{
        struct mime mime = {0};
        struct slice bytes = {0};
        mime_begin(&mime, request);
        bool good = mime_pending(&mime, &bytes);
        for (; good && bytes.len; good = mime_pending(&mime, &bytes)) {
                buffer_add_slice(out, bytes);
                mime_take(&mime, bytes.len);
        }
        mime_fini(&mime);
        return good;
}
