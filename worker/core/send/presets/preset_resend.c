/* https://resend.com/docs/api-reference/emails/send-email and .../introduction (errors, limits, idempotency)
 */
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

static bool resend_body(struct buffer *out, const struct mail_request *request,
                        const struct config_outlet *outlet)
{
        static const struct part_file files = {
                .name = "filename", .type = "content_type", .content = "content", .inline_id = "content_id"};
        const struct mail *mail = &request->mail;
        (void)outlet;
        part_text(out, "{\"from\":", mail->from);
        part_mailboxes(out, ",\"to\":[", mail->to, &part_as_text, "]");
        part_mailboxes(out, ",\"cc\":[", mail->cc, &part_as_text, "]");
        part_mailboxes(out, ",\"bcc\":[", mail->bcc, &part_as_text, "]");
        part_text(out, ",\"subject\":", mail->subject);
        part_text(out, ",\"text\":", mail->text);
        part_text(out, ",\"html\":", mail->html);
        if (part_is_one(mail->reply_to))
                part_text(out, ",\"reply_to\":", mail->reply_to);
        else
                part_mailboxes(out, ",\"reply_to\":[", mail->reply_to, &part_as_text, "]");
        part_headers_object(out, ",\"headers\":{", request, "}");
        for (size_t i = 0; mail->tags && mail->tags[i]; i++) {
                part_text(out, i ? ",{\"name\":" : ",\"tags\":[{\"name\":", mail->tags[i]);
                buffer_add_text(out, mail->tags[i + 1] ? ",\"value\":\"1\"}" : ",\"value\":\"1\"}]");
        }
        bool read = part_files(out, ",\"attachments\":[", request, &files, "]");
        buffer_add_char(out, '}');
        return read;
}

const struct mail_preset_rules preset_resend = {
        .name = "resend",
        .url = "https://api.resend.com",
        .path = "/emails",
        .auth_header = "Authorization",
        .auth_prefix = "Bearer",
        .needs = "url",
        .body = resend_body,
        .key_header = "Idempotency-Key",
        .key_lifetime_ms = INT64_C(24) * 3600 * 1000,
        .id_member = "id",
        .error_member = "message",
        .code_member = "name",
        /* A 409 is ambiguous: a request with the key still runs and may be accepted yet (also one that
         * libcurl repeated), or the key was used with another payload, and so a mail is out. */
        .answers = {{409, "concurrent_idempotent_requests", SEND_AMBIGUOUS, false},
                    {400, "invalid_idempotency_key", SEND_CONFIG, false}},
        /* A file without an ending makes it drop the whole mail without a word. */
        .can = {.recipients = 50,
                .reply_to = 50,
                .tags = 10,
                .words = true,
                .bytes = 40 << 20,
                .inline_files = true,
                .headers = true,
                .text_alone = true,
                .file_ending = true},
};
