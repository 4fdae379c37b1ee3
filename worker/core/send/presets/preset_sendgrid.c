/* https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send */
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

static bool sendgrid_body(struct buffer *out, const struct mail_request *request,
                          const struct config_outlet *outlet)
{
        static const struct part_shape shape = {.email = "email", .name = "name"};
        static const struct part_file files = {.name = "filename",
                                               .type = "type",
                                               .content = "content",
                                               .inline_id = "content_id",
                                               .inline_more = ",\"disposition\":\"inline\"",
                                               .file_more = ",\"disposition\":\"attachment\""};
        const struct mail *mail = &request->mail;
        (void)outlet;
        part_mailboxes(out, "{\"personalizations\":[{\"to\":[", mail->to, &shape, "]");
        part_mailboxes(out, ",\"cc\":[", mail->cc, &shape, "]");
        part_mailboxes(out, ",\"bcc\":[", mail->bcc, &shape, "]");
        part_mailboxes(out, "}],\"from\":", mail->from, &shape, "");
        part_mailboxes(out, ",\"reply_to_list\":[", mail->reply_to, &shape, "]");
        part_text(out, ",\"subject\":", mail->subject);
        /* text/plain has to come first */
        buffer_add_text(out, ",\"content\":[");
        part_text(out, "{\"type\":\"text/plain\",\"value\":", mail->text);
        buffer_add_text(out, mail->text && mail->html ? "}," : "");
        part_text(out, "{\"type\":\"text/html\",\"value\":", mail->html);
        buffer_add_text(out, "}]");
        part_headers_object(out, ",\"headers\":{", request, "}");
        part_tags(out, ",\"categories\":[", mail, "]");
        part_text(out, ",\"custom_args\":{\"leveret\":", request->key);
        part_pairs(out, ",", mail->metadata, "");
        buffer_add_char(out, '}');
        bool read = part_files(out, ",\"attachments\":[", request, &files, "]");
        buffer_add_char(out, '}');
        return read;
}

const struct mail_preset_rules preset_sendgrid = {
        .name = "sendgrid",
        .url = "https://api.sendgrid.com",
        .path = "/v3/mail/send",
        .auth_header = "Authorization",
        .auth_prefix = "Bearer",
        .needs = "api_key",
        .body = sendgrid_body,
        .people_once = true,
        .id_header = "X-Message-Id",
        .error_member = "errors/0/message",
        /* "The attachment type cannot contain ';', or CRLF characters": a lone method passes. */
        .can = {.recipients = 1000,
                .reply_to = 1000,
                .tags = 10,
                .metadata = true,
                .token_beside = true,
                .bytes = 30 << 20,
                .labels_max = 10000,
                .inline_files = true,
                .bare_types = true,
                .headers = true,
                .text_alone = true},
        /* Only with the paid add-on "Email Activity". */
        .look = {.path = "/v3/messages?limit=1&query=unique_args%5B%27leveret%27%5D%3D%22{token}%22",
                 .list = "/messages",
                 .id = "/msg_id",
                 .lag_ms = 60000,
                 .retention_ms = INT64_C(30) * 24 * 3600 * 1000},
};
