/* https://mailpit.axllent.org/docs/api-v1/ (SendMessage, Search) */
#include "core/address/mailbox.h"
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

static bool mailpit_body(struct buffer *out, const struct mail_request *request,
                         const struct config_outlet *outlet)
{
        static const struct part_shape shape = {.email = "Email", .name = "Name"};
        static const struct part_file files = {
                .name = "Filename", .type = "ContentType", .content = "Content", .inline_id = "ContentID"};
        const struct mail *mail = &request->mail;
        const char *bcc = mail->bcc;
        struct mailbox mailbox;
        (void)outlet;
        part_mailboxes(out, "{\"From\":", mail->from, &shape, "");
        part_mailboxes(out, ",\"To\":[", mail->to, &shape, "]");
        part_mailboxes(out, ",\"Cc\":[", mail->cc, &shape, "]");
        for (bool first = true; bcc && mailbox_take(&bcc, &mailbox); first = false) {
                buffer_add_text(out, first ? ",\"Bcc\":[" : ",");
                buffer_add_json_string(out, mailbox.address);
        }
        buffer_add_text(out, mail->bcc ? "]" : "");
        part_text(out, ",\"Subject\":", mail->subject);
        part_text(out, ",\"Text\":", mail->text);
        part_text(out, ",\"HTML\":", mail->html);
        part_mailboxes(out, ",\"ReplyTo\":[", mail->reply_to, &shape, "]");
        part_headers_object(out, ",\"Headers\":{", request, "}");
        part_tags(out, ",\"Tags\":[", mail, "]");
        bool read = part_files(out, ",\"Attachments\":[", request, &files, "]");
        buffer_add_char(out, '}');
        return read;
}

const struct mail_preset_rules preset_mailpit = {
        .name = "mailpit",
        .path = "/api/v1/send",
        .auth = PRESET_AUTH_PAIR, /* of MP_SEND_API_AUTH_FILE */
        .auth_header = "Authorization",
        .needs = "url",
        .body = mailpit_body,
        .id_member = "ID",
        .error_member = "Error",
        .can = {.recipients = 50,
                .reply_to = 50,
                .tags = 10,
                .inline_files = true,
                .headers = true,
                .text_alone = true},
        .look = {.path = "/api/v1/search?limit=1&query=message-id%3A{token}",
                 .list = "/messages",
                 .count = "/messages_count",
                 .id = "/ID",
                 .mark = "/MessageID",
                 .retention_ms = INT64_C(365) * 24 * 3600 * 1000,
                 .by_message_id = true,
                 .by_default = true},
};
