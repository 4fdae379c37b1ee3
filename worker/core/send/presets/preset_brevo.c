/* https://developers.brevo.com/reference/sendtransacemail and
 * .../docs/idempotent-requests-transactional-email */
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

/* The key is a UUID in the body, among the headers of the mail; an HTTP header is ignored. */
static void key_add(struct buffer *out, const char *key)
{
        buffer_printf(out, ",\"idempotencyKey\":\"%.8s-%.4s-%.4s-%.4s-%.12s\"", key, key + 8, key + 12,
                      key + 16, key + 20);
}

static bool brevo_body(struct buffer *out, const struct mail_request *request,
                       const struct config_outlet *outlet)
{
        static const struct part_shape shape = {.email = "email", .name = "name"};
        static const struct part_file files = {.name = "name", .content = "content"};
        const struct mail *mail = &request->mail;
        (void)outlet;
        part_mailboxes(out, "{\"sender\":", mail->from, &shape, "");
        part_mailboxes(out, ",\"to\":[", mail->to, &shape, "]");
        part_mailboxes(out, ",\"cc\":[", mail->cc, &shape, "]");
        part_mailboxes(out, ",\"bcc\":[", mail->bcc, &shape, "]");
        part_mailboxes(out, ",\"replyTo\":", mail->reply_to, &shape, "");
        part_text(out, ",\"subject\":", mail->subject);
        part_text(out, ",\"htmlContent\":", mail->html);
        part_text(out, ",\"textContent\":", mail->text);
        part_headers_object(out, ",\"headers\":{", request, "");
        key_add(out, request->key);
        part_text(out, "},\"tags\":[", request->key);
        part_tags(out, ",", mail, "");
        buffer_add_char(out, ']');
        bool read = part_files(out, ",\"attachment\":[", request, &files, "]");
        buffer_add_char(out, '}');
        return read;
}

const struct mail_preset_rules preset_brevo = {
        .name = "brevo",
        .url = "https://api.brevo.com",
        .path = "/v3/smtp/email",
        .auth_header = "api-key",
        .auth_prefix = "",
        .needs = "api_key",
        .body = brevo_body,
        .key_lifetime_ms = 30 * 60 * 1000,
        .id_member = "messageId",
        .error_member = "message",
        .code_member = "code",
        /* The key was used: the mail is out. */
        .answers = {{400, "duplicate_parameter", SEND_DONE, false}},
        .can = {.recipients = 99,
                .reply_to = 1,
                .tags = 9,
                .bytes = 20 << 20,
                .headers = true,
                .file_ending = true},
        .look = {.path = "/v3/smtp/emails?limit=100&sort=desc&email={to}",
                 .list = "/transactionalEmails",
                 .id = "/messageId",
                 .mark = "/tags",
                 .page = 100,
                 .lag_ms = 60000,
                 .retention_ms = INT64_C(30) * 24 * 3600 * 1000,
                 .by_default = true},
};
