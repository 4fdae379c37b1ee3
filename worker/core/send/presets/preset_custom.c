/* A service of one's own: its path, its header and two members of its answers are settings. */
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

static bool custom_body(struct buffer *out, const struct mail_request *request,
                        const struct config_outlet *outlet)
{
        static const struct part_file files = {
                .name = "name", .type = "type", .content = "content", .inline_id = "inline_id"};
        const struct mail *mail = &request->mail;
        (void)outlet;
        part_text(out, "{\"from\":", mail->from);
        part_mailboxes(out, ",\"to\":[", mail->to, &part_as_text, "]");
        part_mailboxes(out, ",\"cc\":[", mail->cc, &part_as_text, "]");
        part_mailboxes(out, ",\"bcc\":[", mail->bcc, &part_as_text, "]");
        part_mailboxes(out, ",\"reply_to\":[", mail->reply_to, &part_as_text, "]");
        part_text(out, ",\"subject\":", mail->subject);
        part_text(out, ",\"text\":", mail->text);
        part_text(out, ",\"html\":", mail->html);
        part_headers_object(out, ",\"headers\":{", request, "}");
        part_tags(out, ",\"tags\":[", mail, "]");
        part_pairs(out, ",\"metadata\":{", mail->metadata, "}");
        bool read = part_files(out, ",\"attachments\":[", request, &files, "]");
        buffer_add_char(out, '}');
        return read;
}

const struct mail_preset_rules preset_custom = {
        .name = "custom",
        .path = "{custom.path}",
        .auth_header = "Authorization",
        .auth_prefix = "Bearer",
        .needs = "url",
        .body = custom_body,
        .key_header = "Idempotency-Key",
        .id_member = "id",
        .error_member = "message",
        .can = {.recipients = 50,
                .reply_to = 50,
                .tags = 10,
                .metadata = true,
                .inline_files = true,
                .headers = true,
                .utf8 = true,
                .text_alone = true},
};
